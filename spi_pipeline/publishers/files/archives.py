"""Reads members of zip files, and of zip files within them, without unpacking them into a folder."""

import io
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.exchange import PermanentFailure
from spi_pipeline.rules.wording import listing

# The exceptions that reading a damaged or unusual zip file raises; for an encrypted one, RuntimeError.
FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, OverflowError, RuntimeError,
    ValueError,
)  # fmt: skip


@contextmanager
def zip_members(file: Path | IO[bytes], name: str, publisher: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip file.

    Raises:
        SpiError: when it is cut short, holds a path that leads out of its folder, or unpacks to far more than its size.
    """
    try:
        archive = zipfile.ZipFile(file)
    except FAULTS as error:
        raise SpiError(f"{name} is not a whole zip file of {publisher}: {error}; download it again") from error
    with archive:
        try:
            bodies.check_members(archive, _size(file))
        except PermanentFailure as error:
            raise SpiError(f"{name}: {error}; fetch it from {publisher}") from error
        yield archive


def _size(file: Path | IO[bytes]) -> int:
    if isinstance(file, Path):
        return file.stat().st_size
    return file.seek(0, io.SEEK_END)  # reading a zip file begins at its end anyway


@contextmanager
def opened(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[IO[bytes]]:
    """Open a member of an open zip file.

    Raises:
        SpiError: when it is damaged or encrypted.
    """
    try:
        stream = archive.open(member)
    except (KeyError, *FAULTS) as error:
        raise SpiError(f"{name}: {member} cannot be read: {error}; download it again") from error
    with stream:
        yield stream


@contextmanager
def member_of(file: Path | IO[bytes], pattern: str, name: str, publisher: str) -> Iterator[tuple[IO[bytes], str]]:
    """Open the one member of a zip file whose name matches a regular expression, ignoring case; yield it and its name.

    If none matches, the zip files directly within it are searched.

    Raises:
        SpiError: as for ``zip_members``; or when no file matches, or several do.
    """
    with zip_members(file, name, publisher) as archive, ExitStack() as open_ones:
        members = [one for one in archive.namelist() if not one.endswith("/")]
        matches = [(archive, one, name) for one in members if is_called(one, pattern)]
        for within in () if matches else [one for one in members if one.lower().endswith(".zip")]:
            inner = open_ones.enter_context(_unpacked(archive, within, name))
            inside = open_ones.enter_context(zip_members(inner, f"{name}: {within}", publisher))
            matches += [(inside, one, f"{name}: {within}") for one in inside.namelist() if is_called(one, pattern)]
        if len(matches) != 1:
            fault = f"{len(matches)} members match" if matches else "no member matches"
            raise SpiError(f"{name}: {fault} {pattern}, it holds {listing(members)}; fetch the right file")
        holder, member, called = matches[0]
        with opened(holder, member, called) as stream:
            yield stream, member.rsplit("/", 1)[-1]


@contextmanager
def table_in(path: Path, pattern: str, name: str, publisher: str) -> Iterator[tuple[IO[bytes], str]]:
    """Open the table in a file; yield it and its name: a member of a zip file as for ``member_of``, or the file itself.

    Raises:
        SpiError: as for ``member_of``.
    """
    with path.open("rb") as stream:
        if not bodies.begins_as(stream.read(4), "zip"):
            stream.seek(0)
            yield stream, name
            return
    with member_of(path, pattern, name, publisher) as table:
        yield table


def is_called(member: str, pattern: str) -> bool:
    """Whether a member's file name, without its folders, matches a regular expression, ignoring case."""
    return re.fullmatch(pattern, member.rsplit("/", 1)[-1], re.IGNORECASE) is not None


@contextmanager
def _unpacked(archive: zipfile.ZipFile, within: str, name: str) -> Iterator[IO[bytes]]:
    """Copy a zip file within another into a temporary file, since its directory stands at its end.

    Raises:
        SpiError: when it is damaged or encrypted, or the copy cannot be written.
    """
    with ExitStack() as open_ones:
        try:
            copy = open_ones.enter_context(tempfile.TemporaryFile())
            with opened(archive, within, name) as stream:
                for block in _blocks(stream, f"{name}: {within}"):
                    copy.write(block)
            copy.seek(0)
        except OSError as error:
            with suppress(OSError):  # writing the rest of the buffer fails once more
                open_ones.close()
            raise bodies.unwritable(Path(tempfile.gettempdir()), error) from error
        yield copy


def _blocks(stream: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        while block := stream.read(1 << 20):
            yield block
    except FAULTS as error:
        raise SpiError(f"{name} cannot be read: {error}; download it again") from error
