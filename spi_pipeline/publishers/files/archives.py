"""Members of zip files, nothing of them unpacked into a folder, also of a zip file that lies within another."""

import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed

# Deflate reaches 1,000 on zeros; the tables of our publishers reach 5 to 15.
MAX_RATIO = 200
# What reading a damaged or unusual zip file raises, encryption (RuntimeError) among it.
FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, OverflowError, RuntimeError,
    ValueError,
)  # fmt: skip


@contextmanager
def zip_members(file: Path | IO[bytes], name: str, publisher: str) -> Iterator[zipfile.ZipFile]:
    """An open zip file.

    Raises:
        SpiError: when it is cut short, holds a path that leads out of it, or unpacks to far more than its size.
    """
    try:
        archive = zipfile.ZipFile(file)
    except FAULTS as error:
        raise SpiError(f"{name} is not a whole zip file of {publisher}: {error}; fetch it again") from error
    with archive:
        for info in archive.infolist():
            if info.filename.startswith("/") or ".." in info.filename.split("/"):
                raise SpiError(
                    f"{name} holds the path {info.filename}, which leads out of it; fetch it from {publisher}"
                )
            if info.file_size > MAX_RATIO * max(info.compress_size, 1 << 16):
                raise SpiError(
                    f"{name}: {info.filename} unpacks from {info.compress_size:,} to {info.file_size:,} bytes, which "
                    f"no table of {publisher} does; fetch it again"
                )
        yield archive


@contextmanager
def opened(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[IO[bytes]]:
    """A member of an open zip file.

    Raises:
        SpiError: when it is damaged or encrypted.
    """
    try:
        stream = archive.open(member)
    except (KeyError, *FAULTS) as error:
        raise SpiError(f"{name}: {member} cannot be read: {error}; fetch it again") from error
    with stream:
        yield stream


@contextmanager
def member_of(file: Path | IO[bytes], pattern: str, name: str, publisher: str) -> Iterator[tuple[IO[bytes], str]]:
    """The one file in a zip file whose name matches a regular expression, case ignored, with that name.

    Where none does, the zip files within it are looked into, and none deeper.

    Raises:
        SpiError: as for ``zip_members``; or when no file matches, or several do.
    """
    with zip_members(file, name, publisher) as archive, ExitStack() as open_ones:
        members = [one for one in archive.namelist() if not one.endswith("/")]
        found = [(archive, one, name) for one in members if is_called(one, pattern)]
        for within in () if found else [one for one in members if one.lower().endswith(".zip")]:
            inner = open_ones.enter_context(_unpacked(archive, within, name))
            inside = open_ones.enter_context(zip_members(inner, f"{name}: {within}", publisher))
            found += [(inside, one, f"{name}: {within}") for one in inside.namelist() if is_called(one, pattern)]
        if len(found) != 1:
            met = f"{len(found)} members match" if found else "no member matches"
            raise SpiError(f"{name}: {met} {pattern}, it holds {listed(members)}; fetch the right file")
        holder, member, called = found[0]
        with opened(holder, member, called) as stream:
            yield stream, member.rsplit("/", 1)[-1]


def is_called(member: str, pattern: str) -> bool:
    """Whether a member's file name, without its folders, matches a regular expression, case ignored."""
    return re.fullmatch(pattern, member.rsplit("/", 1)[-1], re.IGNORECASE) is not None


@contextmanager
def _unpacked(archive: zipfile.ZipFile, within: str, name: str) -> Iterator[IO[bytes]]:
    """A zip file within another in a file of its own: what it holds is told at its end, so all of it is needed."""
    with tempfile.TemporaryFile() as copy, opened(archive, within, name) as stream:
        for block in _blocks(stream, f"{name}: {within}"):
            copy.write(block)
        copy.seek(0)
        yield copy


def _blocks(stream: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        while block := stream.read(1 << 20):
            yield block
    except FAULTS as error:
        raise SpiError(f"{name} cannot be read: {error}; fetch it again") from error
