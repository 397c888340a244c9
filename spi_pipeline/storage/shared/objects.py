"""The object store: bytes that never change under names of their own, and one manifest, replaced by compare-and-set.

No object is ever written twice under one name: so one that no manifest names and that has lain for a day can be deleted
while others write, since none of them can come to name it. On S3 the manifest is replaced by a conditional PUT
(``If-None-Match: *``, then ``If-Match``); in a folder (``file://``, a disk of the network) by a rename under a lock.
"""

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from spi_pipeline.contracts.errors import SettingError, SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, replacing, sha256_of, sync, write_bytes

MANIFEST, _OBJECTS = "manifest.json", "objects"
# One slash is enough: that is what ``Path`` leaves of two.
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# An object store that restarts is away for seconds; one that is away for longer is a fault to be told.
PATIENCE = dt.timedelta(minutes=3)
_RETRIES: Any = {
    "max_retries": 10_000,
    "backoff": {"init_backoff": dt.timedelta(milliseconds=200), "max_backoff": dt.timedelta(seconds=3), "base": 2},
}
# What nothing names may be about to be named by who uploads now; none takes a day.
STRAY = dt.timedelta(days=1)

_DAMAGED = "put it back from a backup of the bucket, or restore the store from its own (spi restore --replace)."


class Lost(Exception):  # noqa: N818 (no fault: whoever loses starts again)
    """Somebody else replaced the manifest first."""


class Objects:
    """What lies at a URL.

    Every method raises ``SpiError`` where the object store refuses, or does not answer for as long as is waited.

    Args:
        url: ``s3://bucket/prefix``, or ``file:///folder``.
        patience: how long to try again what may pass.

    Raises:
        SettingError: for a URL that cannot be used.
        SpiError: where the library for it is not installed.
    """

    def __init__(self, url: str, patience: dt.timedelta = PATIENCE) -> None:
        self.url = url
        self._folder = Path(unquote(urlsplit(url).path)) if urlsplit(url).scheme == "file" else None
        if "@" in urlsplit(url).netloc:
            raise SettingError("SPI_STORE holds a password: leave it out, and set AWS_ACCESS_KEY_ID and the like.")
        try:
            import obstore.exceptions
            import obstore.store
        except ImportError:
            raise SpiError(f"The store {url} needs obstore: pip install 'spi-pipeline[s3]'") from None
        made: Any = {"mkdir": True} if self._folder else {"retry_config": _RETRIES | {"retry_timeout": patience}}
        try:
            self._store = obstore.store.from_url(url.rstrip("/"), **made)
        except (obstore.exceptions.BaseError, ValueError):
            said = f"SPI_STORE={url!r} is no address of a store: write s3://bucket/prefix, file:///folder or a folder"
            raise SettingError(said) from None

    def read(self) -> tuple[bytes, str] | None:
        """The manifest and the tag it is replaced by; None where there is none yet."""
        if self._folder:
            data = read_bytes(self._folder / MANIFEST)
            return None if data is None else (data, hashlib.sha256(data).hexdigest())
        import obstore

        with self._told("could not be read"):
            try:
                found = obstore.get(self._store, MANIFEST)
            except FileNotFoundError:
                return None
            return bytes(found.bytes()), cast(str, found.meta["e_tag"])

    def swap(self, data: bytes, expected: str | None) -> str:
        """Replace the manifest that has the tag ``expected``; None: there must be none yet.

        Returns:
            The tag of the new one.

        Raises:
            Lost: where the manifest is another by now.
            SpiError: where it is not known whether it was replaced, too; doing it again does no harm.
        """
        if self._folder:
            return self._swap_in_folder(data, expected)
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: Any = "create" if expected is None else {"e_tag": expected}
        with self._told("could not be written"):
            try:
                return cast(str, obstore.put(self._store, MANIFEST, data, mode=mode)["e_tag"])
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                # A request whose answer was lost, sent again, is refused on account of itself.
                if (found := self.read()) and found[0] == data:
                    return found[1]
                raise Lost from None

    def _swap_in_folder(self, data: bytes, expected: str | None) -> str:
        file = cast(Path, self._folder) / MANIFEST
        with os_errors(f"{file} could not be written"), FileLock(file.with_suffix(".lock")):
            found = self.read()
            if (found and found[1]) != expected:
                raise Lost
            write_bytes(file, data)
        return hashlib.sha256(data).hexdigest()

    def put(self, file: Path, sha256: str) -> str:
        """Upload a file; returns the name of the new object."""
        import obstore

        name = f"{_OBJECTS}/{sha256}.{secrets.token_hex(4)}"
        with self._told("could not be written"):
            obstore.put(self._store, name, file)
        return name

    def fetch(self, name: str, sha256: str, to: Path, *, mode: int) -> None:
        """Make the file ``to`` what an object holds.

        Raises:
            SpiError: where it is gone or does not hold what was uploaded, too; ``to`` is then as it was.
        """
        import obstore

        with replacing(to) as temporary:
            with self._told("could not be read"), temporary.open("wb") as file:
                try:
                    for chunk in obstore.get(self._store, name):
                        file.write(chunk)
                except FileNotFoundError:
                    raise SpiError(f"{self.url}/{name} is gone: {_DAMAGED}") from None
            if sha256_of(temporary) != sha256:
                raise SpiError(f"{self.url}/{name} does not hold what was written: {_DAMAGED}")
            temporary.chmod(mode)
            sync(temporary)

    def sweep(self, named: set[str], older: dt.timedelta = STRAY) -> int:
        """Delete objects that are not named and have lain for so long; returns how many."""
        import obstore

        with self._told("could not be swept"):
            listed = (meta for page in obstore.list(self._store, _OBJECTS) for meta in page)
            until = dt.datetime.now(dt.UTC) - older
            strays = [meta["path"] for meta in listed if meta["path"] not in named and meta["last_modified"] <= until]
            if strays:
                obstore.delete(self._store, strays)
        return len(strays)

    @contextmanager
    def _told(self, finding: str) -> Iterator[None]:
        """Turn what the library raises into a sentence: without what it quotes, which may name keys."""
        from obstore.exceptions import BaseError

        try:
            yield
        except BaseError as error:
            said = str(error)
            status, code = (
                re.search(r"status code: (\d+ [A-Z][A-Za-z ]*)", said),
                re.search(r"<Code>(\w+)</Code>", said),
            )
            why = ", ".join(match[1] for match in (status, code) if match)
            why = why or ("it does not answer" if "error sending request" in said else type(error).__name__)
            raise SpiError(
                f"The store {self.url} {finding} ({why}): check its address, AWS_ENDPOINT_URL and the keys it is "
                "opened with, and run the command again; what was computed is kept in the working copy."
            ) from None
