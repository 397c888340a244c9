"""How long a response may take, however slowly it drips, and the progress lines written meanwhile.

A socket's time-out bounds only the silence between two bytes. A server that sent one byte a second could hold up a run
for as long as it liked, in a header, a body or the text of a refusal. So every read takes its time limit from here.
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
class Timeouts:
    """How long each wait may last, in seconds.

    Attributes:
        connect: to connect, over all addresses of a host.
        header: from the request to the end of the header, connecting included; Nomis works for up to a minute.
        body: for the first bytes of a body, and the most that its deadline may lie ahead.
        minimum_rate: bytes a second; each byte received extends the deadline of a body at this rate.
        refusal: for the text of a refusal.
        progress_interval: between two progress lines.
    """

    connect: float = 30.0
    header: float = 120.0
    body: float = 60.0
    minimum_rate: int = 20_000
    refusal: float = 10.0
    progress_interval: float = 10.0


TIMEOUTS = Timeouts()


class OutOfTimeError(TimeoutError):
    """A wait has reached its time limit; the message names it in a sentence."""


class WaitReporter:
    """Limits the progress lines of all sources of a run to one line in ``every`` seconds."""

    def __init__(self, every: float = TIMEOUTS.progress_interval) -> None:
        self._every = every
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def may_report(self) -> bool:
        """Whether a line may be written now; if so, it counts as written."""
        with self._lock:
            now = time.monotonic()
            if now - self._last < self._every:
                return False
            self._last = now
            return True


class Pace:
    """The time that one try has, and what it waits for.

    Args:
        timeouts: how long each wait may last.
        run_left: returns the seconds that remain for requests of the run.
        say: receives progress lines.
    """

    def __init__(self, timeouts: Timeouts, run_left: Callable[[], float], say: Callable[[str], None]) -> None:
        self.timeouts = timeouts
        self._run_left = run_left
        self._say = say
        self._begin("", timeouts.header)

    def await_header(self, host: str) -> None:
        """Begin to wait for the header of a response."""
        self._begin(host, self.timeouts.header)

    def await_body(self, name: str, received: int, size: int | None) -> None:
        """Begin to wait for a body of which ``received`` bytes are on disk; ``size`` is the whole size, if declared."""
        self._begin(name, self.timeouts.body)
        self._had, self._size, self._is_body = received, size, True

    def await_refusal(self) -> None:
        """Begin to wait for the text of a refusal."""
        self._begin(self._what, self.timeouts.refusal)

    def _begin(self, subject: str, seconds: float) -> None:
        self._what, self._allowed = subject, seconds
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._came, self._had, self._size, self._is_body = 0, 0, None, False

    def next_timeout(self) -> float:
        """Return how long the next read may wait before it must call this again.

        Raises:
            OutOfTimeError: when the time limit is reached.
        """
        now = time.monotonic()
        left = self._run_left()
        if left <= 0:
            raise OutOfTimeError("this run has used all its time for requests")
        if now >= self._until:
            if self._is_body:
                raise OutOfTimeError(f"the body is too slow: {self._came:,} bytes in {now - self._began:.0f} seconds")
            raise OutOfTimeError(f"no complete response in {self._allowed:.0f} seconds")
        return max(0.001, min(self._until - now, left, self.timeouts.progress_interval))

    def add_bytes(self, size: int) -> None:
        """Count bytes received."""
        self._came += size
        if self._is_body:
            ahead = time.monotonic() + self.timeouts.body
            self._until = min(ahead, self._until + size / self.timeouts.minimum_rate)
        self.report_wait()

    def report_wait(self) -> None:
        """Report progress if the wait has lasted a while."""
        seconds = time.monotonic() - self._began
        if seconds < self.timeouts.progress_interval:
            return
        if not self._is_body:
            self._say(f"{self._what} has not responded for {seconds:.0f} s, at most {self._allowed:.0f} s")
            return
        done = (self._had + self._came) / MEGABYTE
        self._say(f"{self._what}: {done:,.1f}{f' of {self._size / MEGABYTE:,.1f}' if self._size else ''} MB")


class _Reader(io.RawIOBase):
    """Reads from a socket, for no longer than the pace allows."""

    def __init__(self, opened: Any, sock: socket.socket, pace: Pace) -> None:
        self._opened = opened  # keeps the socket open until this reader is closed
        self._sock = sock
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            self._sock.settimeout(self._pace.next_timeout())
            try:
                size = self._sock.recv_into(buffer)
            except TimeoutError:
                self._pace.report_wait()
                continue
            self._pace.add_bytes(size)
            return size

    def close(self) -> None:
        self._opened.close()
        super().close()


def _pools(pace: Pace) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's pools by scheme, whose every read keeps to a pace, also of a proxy's responses."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
            super().__init__(sock, *args, **named)
            self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock, pace))

    class Plain(HTTPConnection):
        response_class = Response

    class Secure(HTTPSConnection):
        response_class = Response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class Paced(requests.adapters.HTTPAdapter):
    """Makes a session keep to a pace when it reads, also from proxies."""

    def __init__(self, pace: Pace) -> None:
        self._pools = _pools(pace)
        super().__init__()

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        """Make the pools for requests without a proxy."""
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """Return the pools for requests through a proxy."""
        if proxy.lower().startswith("socks"):  # SOCKS has pools of its own, which do not keep to the pace
            raise requests.exceptions.InvalidProxyURL(
                "ALL_PROXY or HTTPS_PROXY names a SOCKS proxy, which is not supported; set HTTPS_PROXY to an HTTP proxy"
            )
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = self._pools
        return manager
