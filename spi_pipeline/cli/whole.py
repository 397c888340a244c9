"""Writing a file that a reader names: whole or not at all."""

import os
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError


def write_whole(content: bytes | memoryview, file: Path) -> None:
    """Write a file, or leave what is there as it is.

    Raises:
        SpiError: the file cannot be written.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SpiError(f"{file} cannot be written: {error.strerror or error}") from error
