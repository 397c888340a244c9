"""How fast publishers are asked, over all processes of one user on this machine, and how often a run may try again."""

import getpass
import re
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from pyrate_limiter import Duration, Limiter, Rate, SingleBucketFactory, SQLiteBucket

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.pace import Voice


class Limits:
    """Requests a second by host, counted in one small file a host that all processes share.

    Args:
        folder: where the files are; a folder of this user below the system's temporary one when left out, so that two
            stores on one machine share them.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.gettempdir()) / f"spi-limits-{getpass.getuser()}"
        self._limiters: dict[str, Limiter] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, rate: int) -> None:
        """Return when one more request may go to ``host``.

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
                # One table a rate: a process of another version must not be held to a count that is not its own.
                bucket = SQLiteBucket.init_from_file(
                    [Rate(rate, Duration.SECOND)], table=f"rate_{rate}", db_path=str(file), use_file_lock=True
                )
                bucket.leak(int(time.time() * 1000))
                # Old counts are cleared once here, and not by a thread that outlives the run.
                self._limiters[host] = Limiter(SingleBucketFactory(bucket, schedule_leak=False))
            return self._limiters[host]

    def close(self) -> None:
        """Close the shared files."""
        with self._lock:
            for limiter in self._limiters.values():
                limiter.close()
            self._limiters.clear()


class Budget:
    """How long one run may ask, and how often and how long it may wait to try again, all its sources together.

    A publisher that is down fails every one of a thousand requests; four tries each would take the night.

    Attributes:
        voice: by which all that wait say what they wait for.

    Args:
        retries: how often.
        seconds: how long in all.
        whole: seconds that the run may ask at all, from its first request on.
    """

    def __init__(self, retries: int = 100, seconds: float = 1800, whole: float = 12 * 3600) -> None:
        self.retries = retries
        self.seconds = seconds
        self.voice = Voice()
        self._whole = whole
        self._began: float | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def end(self) -> None:
        """Let the run ask no longer; who waits to try again wakes up."""
        self._ended.set()

    def pause(self, seconds: float) -> None:
        """Wait before another try, no longer than until ``end``."""
        self._ended.wait(seconds)

    def left(self) -> float:
        """Seconds that the run may still ask."""
        with self._lock:
            now = time.monotonic()
            self._began = now if self._began is None else self._began
            return 0.0 if self._ended.is_set() else self._began + self._whole - now

    def spend(self, pause: float) -> bool:
        """Take one more try after ``pause`` seconds out of the budget; False, and nothing taken, where it is spent."""
        left = self.left()
        with self._lock:
            if self.retries < 1 or self.seconds < pause or left < pause:
                return False
            self.retries -= 1
            self.seconds -= pause
            return True
