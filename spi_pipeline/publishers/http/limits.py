"""How fast requests go to publishers, over all processes of one user on this machine, and how often a run may retry."""

import getpass
import re
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from pyrate_limiter import Duration, Limiter, Rate, SingleBucketFactory, SQLiteBucket

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.pace import WaitReporter


class Limits:
    """Requests a second by host, counted in one small file per host that all processes share.

    Args:
        folder: holds the files. By default it is this user's folder below the system's temporary folder, so that two
            stores on one machine share the counts.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.gettempdir()) / f"spi-limits-{getpass.getuser()}"
        self._limiters: dict[str, Limiter] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, rate: int) -> None:
        """Wait until one more request may go to ``host``.

        Args:
            host: with its port.
            rate: requests in any one second.

        Raises:
            SpiError: when the shared file cannot be used.
        """
        try:
            self._limiter(host, rate).try_acquire(host)
        except (OSError, sqlite3.Error) as error:
            raise SpiError(
                f"the request counts in {self.folder} cannot be used ({error}): delete that folder"
            ) from error

    def _limiter(self, host: str, rate: int) -> Limiter:
        with self._lock:
            if host not in self._limiters:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                name = re.sub(r"[^a-z0-9]", "_", host.lower())
                file = self.folder / f"{name}.sqlite"
                # One table per rate, so that processes of versions with different rates count separately.
                bucket = SQLiteBucket.init_from_file(
                    [Rate(rate, Duration.SECOND)], table=f"rate_{rate}", db_path=str(file), use_file_lock=True
                )
                bucket.leak(int(time.time() * 1000))
                # Clear old counts once here rather than in a thread that would outlive the run.
                self._limiters[host] = Limiter(SingleBucketFactory(bucket, schedule_leak=False))
            return self._limiters[host]

    def close(self) -> None:
        """Close the shared files."""
        with self._lock:
            for limiter in self._limiters.values():
                limiter.close()
            self._limiters.clear()


class Budget:
    """How long one run may send requests, and how many retries and pauses all its sources share.

    If a publisher is down, each of a thousand requests fails; four tries for each would take all night.

    Attributes:
        wait_reporter: reports what the run waits for, for all sources together.

    Args:
        retries: retries of the run.
        seconds: total seconds of pauses before retries.
        whole: seconds from the first request within which the run may send requests.
    """

    def __init__(self, retries: int = 100, seconds: float = 1800, whole: float = 12 * 3600) -> None:
        self.retries = retries
        self.seconds = seconds
        self.wait_reporter = WaitReporter()
        self._whole = whole
        self._began: float | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def end(self) -> None:
        """Stop all requests of the run; pauses before retries end at once."""
        self._ended.set()

    def pause(self, seconds: float) -> None:
        """Wait before a retry, until ``end`` is called at the latest."""
        self._ended.wait(seconds)

    def seconds_left(self) -> float:
        """Return the seconds that remain for requests of the run."""
        with self._lock:
            now = time.monotonic()
            self._began = now if self._began is None else self._began
            return 0.0 if self._ended.is_set() else self._began + self._whole - now

    def spend(self, pause: float) -> bool:
        """Take a retry after ``pause`` seconds from the budget; if too little is left, take nothing, return False."""
        remaining = self.seconds_left()
        with self._lock:
            if self.retries < 1 or self.seconds < pause or remaining < pause:
                return False
            self.retries -= 1
            self.seconds -= pause
            return True
