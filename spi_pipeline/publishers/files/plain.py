"""Text as a publisher or a spreadsheet wrote it, read as UTF-8 with line feeds, without regard to its columns."""

import io
from collections.abc import Callable
from typing import IO, Any

from spi_pipeline.contracts.errors import SpiError

BLOCK = 1 << 20
_BOM, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


def plain(stream: IO[bytes], name: str) -> IO[bytes]:
    """Return the bytes of a text without a byte-order mark, with lines that end in line feeds alone.

    Args:
        stream: the open file, at its beginning; a stream returned by this function is returned unchanged.
        name: the file, for errors.

    Returns:
        A stream that raises ``SpiError`` for UTF-16 or a NUL byte.
    """
    if isinstance(stream, io.BufferedReader) and isinstance(stream.raw, _Plain):
        return stream
    return io.BufferedReader(_Plain(stream.read, name), BLOCK)


class _Plain(io.RawIOBase):
    """Reads block by block. A block only ever gets shorter here, so it fits into the buffer."""

    def __init__(self, read: Callable[[int], bytes], name: str) -> None:
        self._read, self._name = read, name
        self._lines, self._began, self._after_return = 0, False, False

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes and return their number; 0 at the end."""
        text = b""
        while not text:
            block = self._read(len(buffer))
            if not block:
                return 0
            text = self._plain(block)
        buffer[: len(text)] = text
        return len(text)

    def _plain(self, block: bytes) -> bytes:
        if not self._began:
            self._began = True
            if block.startswith(_UTF16):
                raise SpiError(f"{self._name} is in UTF-16, not UTF-8; save it as CSV in UTF-8, or download it again")
            block = block.removeprefix(_BOM)
        if b"\0" in block:
            line = self._lines + block[: block.index(b"\0")].count(b"\n") + 1
            raise SpiError(
                f"{self._name} holds a NUL byte in line {line:,}, as UTF-16 or a damaged file does; save it as CSV in "
                "UTF-8, or download it again"
            )
        if b"\r" in block or self._after_return:
            ends = block.endswith(b"\r")
            block = block.removeprefix(b"\n") if self._after_return else block
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            self._after_return = ends
        self._lines += block.count(b"\n")
        return block
