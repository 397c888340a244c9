"""Reading the project's documents: the tables, commands and examples in them, as plain text."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])
assert len(DOCUMENTS) > 10, "pytest skips a test with no parameters, so an empty list would pass"

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Code, and the output that the page shows for it.
_EXAMPLE = re.compile(r"^```(python|sh)\n(.*?)^```\n(\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for block_language, body in _FENCE.findall(text(document)) if block_language == language]


def commands(document: Path) -> list[str]:
    """The lines of the shell blocks, without comments and blank lines."""
    lines = [line.strip() for block in blocks(document, "sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[str] = ()) -> str:
    """Rows as a Markdown table, with the columns in ``numbers`` aligned right."""
    rule = ["---:" if name in numbers else "---" for name in header]
    lines = [list(header), rule, *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _cell(value: object) -> str:
    shown = f"{value:,}" if isinstance(value, int) else str(value)
    return shown.replace("|", "\\|")


def table_in(document: Path, name: str) -> str:
    """The table below the comment ``<!-- table: name -->``."""
    after = text(document).split(f"<!-- table: {name} -->\n")
    assert len(after) == 2, f"{document.name} must hold the comment <!-- table: {name} --> once"
    match = re.match(r"\n*((?:\|.*\n)*)", after[1])
    return match.group(1).rstrip("\n") if match else ""


def assert_table(document: Path, name: str, expected: str) -> None:
    """Assert that a document's table equals the one just computed; if ``WRITE_DOCUMENTS`` is set, write it first."""
    if os.environ.get("WRITE_DOCUMENTS"):
        put_table(document, name, expected)
    assert table_in(document, name) == expected, f"{document.name}: the table {name!r} must now read\n\n{expected}\n"


def put_table(document: Path, name: str, expected: str) -> None:
    """Write a table below its comment, replacing the table there."""
    old, mark = table_in(document, name), f"<!-- table: {name} -->\n\n"
    assert old or mark in text(document), f"{document.name}: leave an empty line below the comment of {name}"
    document.write_text(
        text(document).replace(mark + old, mark + expected + ("" if old else "\n\n"), 1), encoding="utf-8"
    )


def run_examples(document: Path, part: str, shell: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Run the examples in a part of a document in order, and compare each output with the one that the page shows.

    Args:
        document: the document; with ``WRITE_DOCUMENTS`` set, the new output is written there instead.
        part: the part of the document's text.
        shell: runs blocks of shell commands and returns their output; without it the part must have no such blocks.

    Returns:
        The variables that the Python blocks define.
    """
    names: dict[str, Any] = {}
    examples = list(_EXAMPLE.finditer(part))
    assert len(examples) == sum(part.count(f"```{language}\n") for language in ("python", "sh")) > 0
    for example in examples:
        language, code, shown = example.groups(default="")
        printed = io.StringIO()
        if language == "python":
            with contextlib.redirect_stdout(printed):
                exec(compile(code, str(document), "exec"), names)
        else:
            assert shell is not None
            printed.write(shell(code))
        lines = [line.rstrip() for line in printed.getvalue().splitlines()]
        expected = "\n".join(["", "```text", *lines, "```", ""]) if lines else ""
        if os.environ.get("WRITE_DOCUMENTS"):
            page = text(document)
            assert page.count(f"{code}```\n{shown}") == 1
            document.write_text(page.replace(f"{code}```\n{shown}", f"{code}```\n{expected}"), encoding="utf-8")
        else:
            assert shown == expected, f"{document.name} must now read\n{expected}"
    return names
