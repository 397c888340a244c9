"""Servers that send what no library would: bytes at a pace, responses to CONNECT, a body from a requested byte on."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Server:
    """A local server.

    Attributes:
        port: its port on this machine.
        requests: the header of each request, in order.
        hung_up: set when a client hangs up during a response.
    """

    port: int
    requests: list[str] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Reply = Callable[[socket.socket, str, Server], None]


@contextmanager
def server(reply: Reply, secure: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that reads the header of a request, then runs ``reply`` and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    running = Server(listening.getsockname()[1])

    def serve(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            connection = secure.wrap_socket(plain, server_side=True) if secure else plain
            with connection:
                header = b""
                while not header.endswith(b"\r\n\r\n"):
                    byte = connection.recv(1)
                    if not byte:
                        return
                    header += byte
                running.requests.append(header.decode())
                try:
                    reply(connection, running.requests[-1], running)
                except OSError:
                    running.hung_up.set()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield running
    finally:
        listening.close()


def dripping(at_once: bytes, drop: bytes, times: int = 1_000_000, pause: float = 0.02) -> Reply:
    """Sends some bytes at once, then more drop by drop."""

    def reply(to: socket.socket, _header: str, _server: Server) -> None:
        to.sendall(at_once)
        for _ in range(times):
            time.sleep(pause)
            to.sendall(drop)

    return reply


def tunnel(port: int) -> Reply:
    """A proxy: whatever host CONNECT names, it passes bytes to a port of this machine and back."""

    def reply(to: socket.socket, header: str, _server: Server) -> None:
        assert header.startswith("CONNECT ")
        with socket.create_connection(("127.0.0.1", port)) as behind:
            to.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(behind, to), daemon=True)
            back.start()
            _pass_on(to, behind)
            back.join()

    return reply


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while some := source.recv(1 << 16):
            target.sendall(some)
        target.shutdown(socket.SHUT_WR)
