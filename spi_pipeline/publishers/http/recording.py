"""Requests and their responses in a folder, to be replayed where the publishers cannot be reached.

Each request has a JSON file and a file with the body; ``about.json`` lists what was fetched. Nothing in the folder
identifies the sender: no secret, no address that replaces a publisher's own, and only headers that describe the body.
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
    """A folder of requests, each with its newest response.

    Args:
        folder: the folder, created if it does not exist.

    Raises:
        SpiError: here and in all methods, when the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def record(self, request: Request, status: int, headers: Mapping[str, str], body: Path | bytes) -> None:
        """Store a request and its final response, after all redirects.

        Args:
            request: the request.
            status: the status of the response.
            headers: the headers of the response.
            body: the unpacked body; of a refusal, the first few hundred bytes.
        """
        url = Addresses({}, ()).url(replace(request, part=""))
        secrets = _forms([secret for _, secret in request.secret])
        name = hashlib.sha256(json.dumps([url, request.data]).encode()).hexdigest()[:24]
        recorded = {
            header.lower(): _without(text.encode(), secrets).decode()
            for header, text in headers.items()
            if header.lower() in _HEADERS
        }
        exchange = {
            "endpoint": request.host.name, "method": "GET" if request.data is None else "POST", "url": url,
            "form": request.data, "status": status, "headers": recorded, "body": f"{name}.body",
        }  # fmt: skip
        try:
            self._write_body(self._folder / f"{name}.body", body, secrets)
            (self._folder / f"{name}.json").write_text(json.dumps(exchange, indent=1), encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def about(self, since: str, had: Mapping[str, bool]) -> None:
        """Record the first month fetched and which sources were fetched whole, and retain earlier entries."""
        file = self._folder / ABOUT
        try:
            before = json.loads(file.read_text(encoding="utf-8"))["had"] if file.exists() else {}
            about = {"since": since, "had": before | dict(had), "version": version("spi-pipeline")}
            file.write_text(json.dumps(about, indent=1), encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def _write_body(self, target: Path, body: Path | bytes, secrets: list[bytes]) -> None:
        if isinstance(body, bytes):
            target.write_bytes(_without(body, secrets))
            return
        overlap = max(map(len, secrets), default=1) - 1
        with body.open("rb") as source, target.open("wb") as copy:
            held = b""
            while block := source.read(_BLOCK):
                held = _without(held + block, secrets)
                # The last bytes may begin a secret, so they wait for the next block.
                sure = max(0, len(held) - overlap)
                copy.write(held[:sure])
                held = held[sure:]
            copy.write(held)

    def _unwritable(self, error: OSError) -> SpiError:
        return SpiError(f"the recording in {self._folder} cannot be written ({error.strerror}); name another folder")


def _forms(secrets: Sequence[str]) -> list[bytes]:
    """Return secrets in the forms a response may repeat them: plain, and encoded as in an address; longest first."""
    forms = {form.encode() for secret in filter(None, secrets) for form in (secret, quote(secret, safe=""))}
    return sorted(forms, key=len, reverse=True)


def _without(text: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        text = text.replace(secret, b"redacted")
    return text
