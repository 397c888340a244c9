"""The object store: bytes that never change under names of their own, and one manifest, replaced by compare-and-set.

No object is ever written twice under one name. So an object that is a day old and that no manifest names can be
deleted while others write, since none of them can start to name it. On S3 the manifest is replaced by a conditional PUT
(``If-None-Match: *``, then ``If-Match``); in a folder (``file://``, a network disk) by a rename under a lock.
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
# One slash is enough: ``Path`` reduces two to one.
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# An object store that restarts is unavailable for seconds; a longer absence is reported as a fault.
PATIENCE = dt.timedelta(minutes=3)
_RETRIES: Any = {
    "max_retries": 10_000,
    "backoff": {"init_backoff": dt.timedelta(milliseconds=200), "max_backoff": dt.timedelta(seconds=3), "base": 2},
}
# An unnamed object may belong to an upload in progress; no upload takes a day.
STRAY = dt.timedelta(days=1)

_DAMAGED = "restore it from a backup of the bucket, or restore the store from its own backup (spi restore --replace)."


class LostRaceError(Exception):
    """Another machine replaced the manifest first."""


class Objects:
    """The object store at a URL.

    Every method raises ``SpiError`` if the object store refuses, or does not respond within ``patience``.

    Args:
        url: ``s3://bucket/prefix``, or ``file:///folder``.
        patience: how long to retry after temporary faults.

    Raises:
        SettingError: for a URL that cannot be used.
        SpiError: if the library for it is not installed.
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
        options: Any = {"mkdir": True} if self._folder else {"retry_config": _RETRIES | {"retry_timeout": patience}}
        try:
            self._store = obstore.store.from_url(url.rstrip("/"), **options)
        except (obstore.exceptions.BaseError, ValueError):
            message = (
                f"SPI_STORE={url!r} is not the address of a store: write s3://bucket/prefix, file:///folder or a folder"
            )
            raise SettingError(message) from None

    def read(self) -> tuple[bytes, str] | None:
        """The manifest and the tag that is needed to replace it; None if there is none yet."""
        if self._folder:
            data = read_bytes(self._folder / MANIFEST)
            return None if data is None else (data, hashlib.sha256(data).hexdigest())
        import obstore

        with self._readable_errors("could not be read"):
            try:
                response = obstore.get(self._store, MANIFEST)
            except FileNotFoundError:
                return None
            return bytes(response.bytes()), cast(str, response.meta["e_tag"])

    def swap(self, data: bytes, expected: str | None) -> str:
        """Replace the manifest that has the tag ``expected``; None means that there must be none yet.

        Returns:
            The tag of the new one.

        Raises:
            LostRaceError: if the manifest has changed meanwhile.
            SpiError: also if it is unknown whether it was replaced; repeating the call does no harm.
        """
        if self._folder:
            return self._swap_in_folder(data, expected)
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: Any = "create" if expected is None else {"e_tag": expected}
        with self._readable_errors("could not be written"):
            try:
                return cast(str, obstore.put(self._store, MANIFEST, data, mode=mode)["e_tag"])
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                # If the response was lost, the repeated request is refused because of the first one.
                if (current := self.read()) and current[0] == data:
                    return current[1]
                raise LostRaceError from None

    def _swap_in_folder(self, data: bytes, expected: str | None) -> str:
        file = cast(Path, self._folder) / MANIFEST
        with os_errors(f"{file} could not be written"), FileLock(file.with_suffix(".lock")):
            current = self.read()
            if (current and current[1]) != expected:
                raise LostRaceError
            write_bytes(file, data)
        return hashlib.sha256(data).hexdigest()

    def put(self, file: Path, sha256: str) -> str:
        """Upload a file and return the name of the new object."""
        import obstore

        name = f"{_OBJECTS}/{sha256}.{secrets.token_hex(4)}"
        with self._readable_errors("could not be written"):
            obstore.put(self._store, name, file)
        return name

    def fetch(self, name: str, sha256: str, to: Path, *, mode: int) -> None:
        """Download an object to the file ``to``.

        Raises:
            SpiError: also if it is missing or has other content than uploaded; ``to`` is then unchanged.
        """
        import obstore

        with replacing(to) as temporary:
            with self._readable_errors("could not be read"), temporary.open("wb") as file:
                try:
                    for chunk in obstore.get(self._store, name):
                        file.write(chunk)
                except FileNotFoundError:
                    raise SpiError(f"{self.url}/{name} is missing: {_DAMAGED}") from None
            if sha256_of(temporary) != sha256:
                raise SpiError(f"{self.url}/{name} does not hold what was written: {_DAMAGED}")
            temporary.chmod(mode)
            sync(temporary)

    def sweep(self, named: set[str], older: dt.timedelta = STRAY) -> int:
        """Delete objects that are not named and at least ``older``, and return their number."""
        import obstore

        with self._readable_errors("could not be swept"):
            listed = (meta for page in obstore.list(self._store, _OBJECTS) for meta in page)
            until = dt.datetime.now(dt.UTC) - older
            strays = [meta["path"] for meta in listed if meta["path"] not in named and meta["last_modified"] <= until]
            if strays:
                obstore.delete(self._store, strays)
        return len(strays)

    @contextmanager
    def _readable_errors(self, finding: str) -> Iterator[None]:
        """Turn an exception of the library into a sentence, without its quotes, which may hold keys."""
        from obstore.exceptions import BaseError

        try:
            yield
        except BaseError as error:
            text = str(error)
            status, code = (
                re.search(r"status code: (\d+ [A-Z][A-Za-z ]*)", text),
                re.search(r"<Code>(\w+)</Code>", text),
            )
            why = ", ".join(match[1] for match in (status, code) if match)
            why = why or ("it does not respond" if "error sending request" in text else type(error).__name__)
            raise SpiError(
                f"The store {self.url} {finding} ({why}): check its address, AWS_ENDPOINT_URL and its access keys, "
                "and run the command again; computed tables stay in the working copy."
            ) from None
