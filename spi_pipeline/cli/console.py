"""Shared by all commands: the two consoles, the ``--json`` option, exit codes, and writing a file the user names."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.run.logs import printable


class _Terminal(Console):
    """A console that never obeys control characters in its text, which may come from contracts or publishers' files."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text, lines=True), **options)


# Area names, contract titles and paths are plain text: brackets and colons in them are not markup.
out = _Terminal(highlight=False, markup=False, emoji=False)
err = _Terminal(stderr=True, highlight=False, markup=False, emoji=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
FAILED, BAD_USAGE, STOPPED = 1, 2, 130
# Output to a file or pipe is not wrapped, so that a search finds a whole sha256.
PLAIN_WIDTH = 1000


def write_atomically(content: bytes | memoryview, file: Path) -> None:
    """Write the whole file, or leave an existing one unchanged.

    Raises:
        SpiError: if the file cannot be written.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SpiError(f"{file} cannot be written: {error.strerror or error}") from error
