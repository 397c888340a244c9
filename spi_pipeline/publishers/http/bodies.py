"""Whether a body is whole and of the form it should be: length, checksums, first bytes, and what an archive hides.

Only forms are known here, no publisher. A body that may be whole the next time is a ``TransientFailure``.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from spi_pipeline.publishers.http.exchange import MEGABYTE, Media, PermanentFailure, TransientFailure

_CHUNK = 1 << 16
# What a server says that does not know what it sends.
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
# Census tables, full of zeros, unpack to 30 times their size; an archive made to fill a disk to a thousand times.
_RATIO = 200
_SMALL = 100 * MEGABYTE


class EmptyBodyError(TransientFailure):
    """There is nothing in the body."""


def unpacked(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The bytes of a body sent with a ``Content-Encoding``.

    urllib3 would do it, and not notice that a compressed body ends too early.

    Raises:
        TransientFailure: when it is cut short or damaged.
        PermanentFailure: for an encoding that was not asked for.
    """
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip"):
        raise PermanentFailure(f"the body is packed as {encoding!r}, which was not asked for")
    packed = zlib.decompressobj(31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if packed.eof:
                    packed = zlib.decompressobj(31)
                # A bound on each step, so that no small chunk becomes a gigabyte in memory.
                yield packed.decompress(rest, 16 * _CHUNK)
                rest = packed.unconsumed_tail or packed.unused_data
    except zlib.error as error:
        raise TransientFailure(f"the packed body is damaged ({error})") from error
    if not packed.eof:
        raise TransientFailure("the packed body is cut short")


def judge(body: Path, accepted: tuple[Media, ...], declared: str, *, bounded: bool) -> Media:
    """Tell what a body is, and that it is whole.

    Args:
        body: the file.
        accepted: the forms it may have.
        declared: its ``Content-Type``.
        bounded: whether the server said how long it is, and it was that long.

    Returns:
        Its form.

    Raises:
        EmptyBodyError: when there is nothing in it.
        TransientFailure: when it is cut short, damaged, or a page for people.
        PermanentFailure: when it is of another form, or an archive that must not be opened.
    """
    head, tail = _ends(body)
    if not head.strip():
        raise EmptyBodyError("the body is empty")
    wanted = " or ".join(accepted)
    if "html" not in accepted and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise TransientFailure(f"a page for people came where {wanted} belongs")
    form = next((form for form in accepted if _begins(head, form)), None)
    if form is None:
        raise PermanentFailure(f"the body is not a {wanted}: it begins with {_printable(head)!r}")
    kind = declared.split(";")[0].strip().lower()
    if kind not in _ANY | _TYPES[form] and not (form == "json" and kind.endswith("+json")):
        raise PermanentFailure(f"the body is declared as {kind!r} where {wanted} belongs")
    if form == "json" and (head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1], tail.rstrip()[-1:]) not in (
        (b"{", b"}"),
        (b"[", b"]"),
    ):
        raise TransientFailure("the JSON is cut short")
    if form == "csv" and not bounded and tail[-1:] not in (b"\n", b"\r"):
        raise TransientFailure("the body ends within a line and its length was not told, so it may be cut short")
    if form in ("zip", "xlsx"):
        _look_into(body, form)
    if form == "gzip":
        _unpack(body)
    return form


def _ends(body: Path) -> tuple[bytes, bytes]:
    with body.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, body.stat().st_size - 64))
        return head, file.read()


def _begins(head: bytes, form: Media) -> bool:
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
    """Refuse an archive that climbs out, explodes or is damaged; its end is where it says what it holds."""
    try:
        with zipfile.ZipFile(body) as archive:
            members = archive.infolist()
            for member in members:
                name = member.filename.replace("\\", "/")
                if name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name.split("/")[0]:
                    raise PermanentFailure(f"the archive holds {member.filename!r}, which climbs out of its folder")
            size, packed = sum(member.file_size for member in members), body.stat().st_size
            if size > max(_RATIO * packed, _SMALL) or sum(member.compress_size for member in members) > packed:
                raise PermanentFailure(
                    f"the archive of {packed:,} bytes says that it unpacks to {size:,}, as one made to fill a disk does"
                )
            # Larger ones are held to their checksums as they are read.
            broken = archive.testzip() if size <= _SMALL else None
            if broken:
                raise TransientFailure(f"{broken} in the archive is damaged")
            if form == "xlsx" and "[Content_Types].xml" not in archive.namelist():
                raise PermanentFailure("the archive is not a workbook")
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise TransientFailure(f"the archive is cut short or damaged ({error})") from error


def _unpack(body: Path) -> None:
    """Read a gzip file through, which holds it to its checksum."""
    size, packed = 0, body.stat().st_size
    try:
        with gzip.open(body) as file:
            while chunk := file.read(16 * _CHUNK):
                size += len(chunk)
                if size > max(_RATIO * packed, _SMALL):
                    raise PermanentFailure(f"{packed:,} packed bytes unpack to more than {size:,}")
    except (OSError, EOFError, zlib.error) as error:
        raise TransientFailure(f"the gzip file is cut short or damaged ({error})") from error
