"""Requests with their answers, in a folder: for whoever cannot ask the publishers, and to be answered from again.

One file of JSON a question, one with the body, and ``about.json``, which says what was asked for. Nothing is in it of
whoever asked: no secret, no address that replaces a publisher's own, no header but those that tell of the body.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.exchange import Request

ABOUT = "about.json"
_HEADERS = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-length", "content-type",
    "date", "etag", "last-modified", "retry-after",
)  # fmt: skip
_BLOCK = 1 << 20


class Recording:
    """A folder that requests are kept in with their answers, the newest to each.

    Args:
        folder: made where it is not there.

    Raises:
        SpiError: here and below, when it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def keep(self, request: Request, status: int, headers: Mapping[str, str], body: Path | bytes) -> None:
        """Keep what was asked and what the last of its redirects answered.

        Args:
            request: what was asked.
            status: of the answer.
            headers: of the answer.
            body: unpacked; of a refusal the first few hundred bytes.
        """
        url = Addresses({}, ()).url(replace(request, part=""))
        secrets = _forms([secret for _, secret in request.secret])
        name = hashlib.sha256(json.dumps([url, request.data]).encode()).hexdigest()[:24]
        told = {
            header.lower(): _without(text.encode(), secrets).decode()
            for header, text in headers.items()
            if header.lower() in _HEADERS
        }
        answer = {
            "endpoint": request.host.name, "method": "GET" if request.data is None else "POST", "url": url,
            "form": request.data, "status": status, "headers": told, "body": f"{name}.body",
        }  # fmt: skip
        try:
            self._keep_body(self._folder / f"{name}.body", body, secrets)
            (self._folder / f"{name}.json").write_text(json.dumps(answer, indent=1), encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def about(self, since: str, had: Mapping[str, bool]) -> None:
        """Say since which month was asked for and of which sources all was had; what was said before stays."""
        file = self._folder / ABOUT
        try:
            before = json.loads(file.read_text(encoding="utf-8"))["had"] if file.exists() else {}
            said = {"since": since, "had": before | dict(had), "version": version("spi-pipeline")}
            file.write_text(json.dumps(said, indent=1), encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def _keep_body(self, target: Path, body: Path | bytes, secrets: list[bytes]) -> None:
        if isinstance(body, bytes):
            target.write_bytes(_without(body, secrets))
            return
        overlap = max(map(len, secrets), default=1) - 1
        with body.open("rb") as whole, target.open("wb") as kept:
            held = b""
            while block := whole.read(_BLOCK):
                held = _without(held + block, secrets)
                # What may be the beginning of a secret waits for the block after it.
                sure = max(0, len(held) - overlap)
                kept.write(held[:sure])
                held = held[sure:]
            kept.write(held)

    def _unwritable(self, error: OSError) -> SpiError:
        return SpiError(f"the recording in {self._folder} cannot be written ({error.strerror}); name another folder")


def _forms(secrets: Sequence[str]) -> list[bytes]:
    """Secrets as an answer may repeat them: as they are, and as they stand in an address; the longest first."""
    forms = {form.encode() for secret in filter(None, secrets) for form in (secret, quote(secret, safe=""))}
    return sorted(forms, key=len, reverse=True)


def _without(text: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        text = text.replace(secret, b"redacted")
    return text
