"""Checks that a body is whole and has the expected form: length, checksums, first bytes, members of an archive.

This module knows forms, not publishers. A body that may be whole next time is a ``TransientFailure``.
"""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import MEGABYTE, Media, PermanentFailure, TransientFailure

_CHUNK = 1 << 16
# Types that a server declares if it does not know what it sends.
_ANY = {"", "application/octet-stream", "binary/octet-stream", "application/force-download", "application/download"}
_TYPES: dict[Media, set[str]] = {
    "csv": {
        "text/csv", "text/plain", "application/csv", "application/vnd.ms-excel", "text/comma-separated-values",
        "text/x-csv", "text/tab-separated-values",
    },
    "json": {"application/json", "text/json", "text/plain", "application/geo+json", "application/vnd.geo+json"},
    "zip": {"application/zip", "application/x-zip-compressed", "application/x-zip"},
    "xlsx": {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.ms-excel",
        "application/zip",
    },
    "gzip": {"application/gzip", "application/x-gzip"},
    "html": {"text/html", "application/xhtml+xml"},
}  # fmt: skip
SUFFIXES: dict[str, Media] = {
    ".csv": "csv", ".json": "json", ".geojson": "json", ".zip": "zip", ".xlsx": "xlsx", ".gz": "gzip", ".html": "html",
}  # fmt: skip
# The tables of our publishers unpack to 5 to 15 times their size, and census tables, full of zeros, to 30 times. An
# archive made to fill a disk unpacks to a thousand times.
_MAX_RATIO = 200
_SMALL = 100 * MEGABYTE


class EmptyBodyError(TransientFailure):
    """The body is empty."""


def unpacked(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Unpack the bytes of a body sent with a ``Content-Encoding``.

    urllib3 could unpack them, but would not notice that a compressed body ends too early.

    Raises:
        TransientFailure: when the body is cut short or damaged.
        PermanentFailure: for an encoding that was not requested.
    """
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip"):
        raise PermanentFailure(f"the body is packed as {encoding!r}, which was not requested")
    packed = zlib.decompressobj(31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if packed.eof:
                    packed = zlib.decompressobj(31)
                # Each step is bounded, so that no small chunk becomes a gigabyte in memory.
                yield packed.decompress(rest, 16 * _CHUNK)
                rest = packed.unconsumed_tail or packed.unused_data
    except zlib.error as error:
        raise TransientFailure(f"the packed body is damaged ({error})") from error
    if not packed.eof:
        raise TransientFailure("the packed body is cut short")


def judge(body: Path, accepted: tuple[Media, ...], declared: str, *, bounded: bool) -> Media:
    """Determine the form of a body and check that it is whole.

    Args:
        body: the file.
        accepted: the forms it may have.
        declared: its ``Content-Type``.
        bounded: whether the server declared its length, and that many bytes arrived.

    Returns:
        Its form.

    Raises:
        EmptyBodyError: when the body is empty.
        TransientFailure: when it is cut short, damaged, or a web page.
        PermanentFailure: when it has another form, or is an archive that must not be opened.
    """
    head, tail = _ends(body)
    if not head.strip():
        raise EmptyBodyError("the body is empty")
    wanted = " or ".join(accepted)
    if "html" not in accepted and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise TransientFailure(f"a web page came in place of {wanted} data")
    form = next((form for form in accepted if begins_as(head, form)), None)
    if form is None:
        raise PermanentFailure(f"the body is not a {wanted}: it begins with {_printable(head)!r}")
    if not fits(declared, form):
        kind = declared.split(";")[0].strip().lower()
        raise PermanentFailure(f"the body is declared as {kind!r} where {wanted} belongs")
    if form == "json" and (head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1], tail.rstrip()[-1:]) not in (
        (b"{", b"}"),
        (b"[", b"]"),
    ):
        raise TransientFailure("the JSON is cut short")
    if form == "csv" and not bounded and tail[-1:] not in (b"\n", b"\r"):
        raise TransientFailure("the body ends within a line and has no declared length, so it may be cut short")
    if form in ("zip", "xlsx"):
        _look_into(body, form)
    if form == "gzip":
        _unpack(body)
    return form


def fits(declared: str, form: Media) -> bool:
    """Whether a body of this form may be sent with the declared ``Content-Type``."""
    kind = declared.split(";")[0].strip().lower()
    return kind in _ANY | _TYPES[form] or (form == "json" and kind.endswith("+json"))


def check_members(archive: zipfile.ZipFile, packed: int) -> None:
    """Refuse an archive that must not be unpacked.

    Args:
        archive: the open archive.
        packed: the size of its file in bytes.

    Raises:
        PermanentFailure: when a member climbs out of the folder, or it unpacks to far more than its size.
    """
    members = archive.infolist()
    for member in members:
        if _climbs_out(member.filename):
            raise PermanentFailure(f"the archive holds {member.filename!r}, which leads out of its folder")
    size = sum(member.file_size for member in members)
    # If the members together are longer than the file, they overlap, so that few bytes count many times.
    if _explodes(size, packed) or sum(member.compress_size for member in members) > packed:
        raise PermanentFailure(
            f"the archive of {packed:,} bytes would unpack to {size:,} bytes, like one made to fill a disk"
        )


def _explodes(size: int, packed: int) -> bool:
    """Whether ``size`` is too large for the unpacked content of ``packed`` bytes."""
    return size > max(_MAX_RATIO * packed, _SMALL)


def _climbs_out(member: str) -> bool:
    """Whether a member of an archive would be unpacked outside its target folder."""
    name = member.replace("\\", "/")
    return name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name.split("/")[0]


def unwritable(folder: Path, error: OSError) -> SpiError:
    """Return the error for a folder to which a body, or part of one, cannot be written."""
    return SpiError(f"{folder} cannot be written ({error.strerror or error}): free some disk space")


def compare(body: Path, md5: str) -> None:
    """Compare the MD5 of a body with the one that its publisher publishes.

    Raises:
        TransientFailure: when they differ.
    """
    with body.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != md5.lower():
        raise TransientFailure(f"the body is damaged: its MD5 is {digest}, but its publisher gives {md5.lower()}")


def _ends(body: Path) -> tuple[bytes, bytes]:
    with body.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, body.stat().st_size - 64))
        return head, file.read()


def begins_as(head: bytes, form: Media) -> bool:
    """Whether a body of this form can begin with these bytes."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    packed = head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"))
    if form in ("zip", "xlsx"):
        return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    if form == "gzip":
        return head.startswith(b"\x1f\x8b")
    if form == "json":
        return text[:1] in (b"{", b"[")
    if form == "html":
        return text[:1] == b"<"
    return not packed and b"\0" not in head and text[:1] not in (b"{", b"[", b"<")


def _printable(head: bytes) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in head[:60].decode("utf-8", "replace")).strip()


def _look_into(body: Path, form: Media) -> None:
    """Refuse an archive that leads out of its folder, explodes or is damaged; its directory stands at its end."""
    try:
        with zipfile.ZipFile(body) as archive:
            check_members(archive, body.stat().st_size)
            # The checksums of larger archives are checked as they are read.
            is_small = sum(member.file_size for member in archive.infolist()) <= _SMALL
            broken = archive.testzip() if is_small else None
            if broken:
                raise TransientFailure(f"{broken} in the archive is damaged")
            if form == "xlsx" and "[Content_Types].xml" not in archive.namelist():
                raise PermanentFailure("the archive is not a workbook")
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise TransientFailure(f"the archive is cut short or damaged ({error})") from error


def _unpack(body: Path) -> None:
    """Read a gzip file to its end, which checks its checksum."""
    size, packed = 0, body.stat().st_size
    try:
        with gzip.open(body) as file:
            while chunk := file.read(16 * _CHUNK):
                size += len(chunk)
                if _explodes(size, packed):
                    raise PermanentFailure(f"{packed:,} packed bytes unpack to more than {size:,}")
    except (OSError, EOFError, zlib.error) as error:
        raise TransientFailure(f"the gzip file is cut short or damaged ({error})") from error
