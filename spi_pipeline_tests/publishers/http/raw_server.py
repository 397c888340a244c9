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
        asked: the header of each request, in order.
        left: set when a client hangs up during a response.
    """

    port: int
    asked: list[str] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Speak = Callable[[socket.socket, str, Server], None]


@contextmanager
def server(speak: Speak, secure: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that reads the header of a request, then runs ``speak`` and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    found = Server(listening.getsockname()[1])

    def answer(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            spoken = secure.wrap_socket(plain, server_side=True) if secure else plain
            with spoken:
                header = b""
                while not header.endswith(b"\r\n\r\n"):
                    byte = spoken.recv(1)
                    if not byte:
                        return
                    header += byte
                found.asked.append(header.decode())
                try:
                    speak(spoken, found.asked[-1], found)
                except OSError:
                    found.left.set()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield found
    finally:
        listening.close()


def dripping(at_once: bytes, drop: bytes, times: int = 1_000_000, pause: float = 0.02) -> Speak:
    """Sends some bytes at once, then more drop by drop."""

    def speak(to: socket.socket, _header: str, _server: Server) -> None:
        to.sendall(at_once)
        for _ in range(times):
            time.sleep(pause)
            to.sendall(drop)

    return speak


def tunnel(port: int) -> Speak:
    """A proxy: whatever host CONNECT names, it passes bytes to a port of this machine and back."""

    def speak(to: socket.socket, header: str, _server: Server) -> None:
        assert header.startswith("CONNECT ")
        with socket.create_connection(("127.0.0.1", port)) as behind:
            to.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(behind, to), daemon=True)
            back.start()
            _pass_on(to, behind)
            back.join()

    return speak


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while some := source.recv(1 << 16):
            target.sendall(some)
        target.shutdown(socket.SHUT_WR)
