"""What every command shares: the two consoles, how they are shown and asked for JSON, and the exit codes."""

from typing import Annotated

import typer
from rich.console import Console

# Names of areas, titles of contracts and paths are text, whatever brackets and colons they hold.
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
FAILED, BAD_USAGE, STOPPED = 1, 2, 130
# Output that goes to a file or pipe is not wrapped, so that a search finds a sha256 whole.
PLAIN_WIDTH = 1000
