"""A server that shows a finished site on this machine only."""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from spi_pipeline.contracts.errors import SpiError

LOCAL = ("127.0.0.1", "localhost")


class SiteServer(ThreadingHTTPServer):
    """Serves a folder on the loopback address only.

    Args:
        folder: the folder of a finished site.
        port: the port; 0 for any free one.

    Raises:
        SpiError: when the folder holds no site, or the port cannot be used.
    """

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        if not (folder / "index.html").is_file():
            raise SpiError(f"{folder} holds no site (no index.html); write one with spi site build {folder}")
        try:
            super().__init__((LOCAL[0], port), partial(_Handler, directory=str(folder)))
        except OSError as error:
            raise SpiError(f"port {port} cannot be used ({error.strerror}); give another one with --port") from error

    @property
    def address(self) -> str:
        """The address of the first page."""
        return f"http://{LOCAL[0]}:{self.server_port}/"


class _Handler(SimpleHTTPRequestHandler):
    server: SiteServer

    def parse_request(self) -> bool:
        """Refuse requests for another host: a page elsewhere may point its own name here and would read the site."""
        if not super().parse_request():
            return False
        requested = self.headers.get("Host", "")
        if requested not in {f"{host}:{self.server.server_port}" for host in LOCAL}:
            SimpleHTTPRequestHandler.send_error(self, HTTPStatus.MISDIRECTED_REQUEST, f"only {self.server.address}")
            return False
        return True

    def list_directory(self, path: Any) -> None:
        """Refuse to list a folder: readers see pages only."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send the site's own page for addresses that do not exist."""
        page = Path(self.directory, "404.html")
        if code != HTTPStatus.NOT_FOUND or not page.is_file():
            super().send_error(code, message, explain)
            return
        # Links on the page start at the top of the site, while the missing address may lie deeper.
        body = re.sub(r'\b(href|src)="(?![a-z]+:|[#/])', r'\1="/', page.read_text("utf-8")).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing about the pages that are read."""
