"""Requests with their answers, in a folder: for whoever cannot ask the publishers, and to be answered from again.

One file of JSON a question, one with the body, and ``about.json``, which says what was asked for. Nothing is in it of
whoever asked: no secret, no address that replaces a publisher's own, no header but those that tell of the body.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, urlencode

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import Request

ABOUT = "about.json"
_HEADERS = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-length", "content-type",
    "date", "etag", "last-modified", "retry-after",
)  # fmt: skip
_SMALL = 1 << 26


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
        query = f"?{urlencode(request.params, quote_via=quote, safe=',:^')}" if request.params else ""
        url = f"{request.host.base}{quote(request.path, safe='/%')}{query}"
        name = hashlib.sha256(json.dumps([url, request.data]).encode()).hexdigest()[:24]
        told = {header.lower(): text for header, text in headers.items() if header.lower() in _HEADERS}
        answer = {
            "endpoint": request.host.name, "method": "GET" if request.data is None else "POST", "url": url,
            "form": request.data, "status": status, "headers": told, "body": f"{name}.body",
        }  # fmt: skip
        try:
            self._keep_body(self._folder / f"{name}.body", body, [secret.encode() for _, secret in request.secret])
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
        if isinstance(body, Path) and (not secrets or body.stat().st_size > _SMALL):
            shutil.copyfile(body, target)
            return
        held = body.read_bytes() if isinstance(body, Path) else body
        for secret in filter(None, secrets):
            held = held.replace(secret, b"redacted")
        target.write_bytes(held)

    def _unwritable(self, error: OSError) -> SpiError:
        return SpiError(f"the recording in {self._folder} cannot be written ({error.strerror}); name another folder")
