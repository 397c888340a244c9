"""How long an answer may take, at any drip, and what is said while it is waited for.

A time-out of a socket bounds the silence between two of its bytes and nothing else: one byte a second kept a run for as
long as the server liked, in a header, a body or what a refusal says. So every read asks here how long it may last.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from spi_pipeline.publishers.http.exchange import MEGABYTE


@dataclass(frozen=True)
class Patience:
    """How long is waited for what, in seconds.

    Attributes:
        connect: to connect, over all addresses of a host.
        answer: from asking to the end of the header, connecting included; Nomis works for up to a minute.
        body: for a body's first bytes, and at most ahead of those that came.
        slowest: bytes a second; each byte that comes buys a body so much more time.
        refusal: for what a refusal says.
        said: between two lines that say what is waited for.
    """

    connect: float = 30.0
    answer: float = 120.0
    body: float = 60.0
    slowest: int = 20_000
    refusal: float = 10.0
    said: float = 10.0


PATIENCE = Patience()


class OutOfTimeError(TimeoutError):
    """The time that something may take is over, said in a sentence."""


class Voice:
    """Says what is waited for, all sources of a run together in no more than one line in so many seconds."""

    def __init__(self, every: float = PATIENCE.said) -> None:
        self._every = every
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def free(self) -> bool:
        """Whether a line may be said now; it is then counted as said."""
        with self._lock:
            now = time.monotonic()
            if now - self._last < self._every:
                return False
            self._last = now
            return True


class Pace:
    """The time that one try has, and what it waits for.

    Args:
        patience: how long is waited for what.
        run_left: seconds the run may go on asking.
        say: told what is waited for, again and again.
    """

    def __init__(self, patience: Patience, run_left: Callable[[], float], say: Callable[[str], None]) -> None:
        self.patience = patience
        self._run_left = run_left
        self._say = say
        self._begin("", patience.answer)

    def answer(self, host: str) -> None:
        """Begin to wait for the header of an answer."""
        self._begin(host, self.patience.answer)

    def body(self, name: str, had: int, size: int | None) -> None:
        """Begin to wait for a body: how much of it was had before, how much there is of it where that was told."""
        self._begin(name, self.patience.body)
        self._had, self._size, self._is_body = had, size, True

    def refusal(self) -> None:
        """Begin to wait for what a refusal says."""
        self._begin(self._what, self.patience.refusal)

    def _begin(self, what: str, seconds: float) -> None:
        self._what, self._allowed = what, seconds
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._came, self._had, self._size, self._is_body = 0, 0, None, False

    def step(self) -> float:
        """How long the next read may wait before it asks again.

        Raises:
            OutOfTimeError: when the time is over.
        """
        now = time.monotonic()
        left = self._run_left()
        if left <= 0:
            raise OutOfTimeError("this run has asked for as long as it may")
        if now >= self._until:
            if self._is_body:
                raise OutOfTimeError(f"the body drips: {self._came:,} bytes in {now - self._began:.0f} seconds")
            raise OutOfTimeError(f"no whole answer in {self._allowed:.0f} seconds")
        return max(0.001, min(self._until - now, left, self.patience.said))

    def came(self, size: int) -> None:
        """Note that so many bytes came."""
        self._came += size
        if self._is_body:
            ahead = time.monotonic() + self.patience.body
            self._until = min(ahead, self._until + size / self.patience.slowest)
        self.waited()

    def waited(self) -> None:
        """Say what is waited for, where that has lasted a while."""
        seconds = time.monotonic() - self._began
        if seconds < self.patience.said:
            return
        if not self._is_body:
            self._say(f"{self._what} has not answered for {seconds:.0f} s, it is given {self._allowed:.0f} s")
            return
        done = (self._had + self._came) / MEGABYTE
        self._say(f"{self._what}: {done:,.1f}{f' of {self._size / MEGABYTE:,.1f}' if self._size else ''} MB")


class _Reader(io.RawIOBase):
    """Reads from a socket, no longer than the pace allows."""

    def __init__(self, opened: Any, sock: socket.socket, pace: Pace) -> None:
        self._opened = opened  # holds the socket open until it is closed itself
        self._sock = sock
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            self._sock.settimeout(self._pace.step())
            try:
                size = self._sock.recv_into(buffer)
            except TimeoutError:
                self._pace.waited()
                continue
            self._pace.came(size)
            return size

    def close(self) -> None:
        self._opened.close()
        super().close()


def _pools(pace: Pace) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools by scheme, all whose reading, of a proxy's answers too, is held to a pace."""

    class Answer(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
            super().__init__(sock, *args, **named)
            self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock, pace))

    class Plain(HTTPConnection):
        response_class = Answer

    class Secure(HTTPSConnection):
        response_class = Answer

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class Paced(requests.adapters.HTTPAdapter):
    """Has a session read at a pace, of proxies too."""

    def __init__(self, pace: Pace) -> None:
        self._pools = _pools(pace)
        super().__init__()

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        """Make the pools for what is asked without a proxy."""
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """The pools for what is asked through a proxy."""
        if proxy.lower().startswith("socks"):  # its pools are others, which know no pace
            raise requests.exceptions.InvalidProxyURL("proxies of the kind SOCKS are not spoken to, name one of HTTP")
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = self._pools
        return manager
