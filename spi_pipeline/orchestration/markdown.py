"""Rows as Markdown, for the pages of assets and the results of checks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Long texts and geometries would drown the rest.
LONGEST_CELL = 120

_FIGURE = re.compile(r"-?[\d,]+(\.\d+)?(e[+-]\d+)?%?")


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table, figures to the right."""
    if not rows:
        return "no rows"
    columns = list(rows[0])
    numeric = {name for name in columns if all(_is_figure(row.get(name)) for row in rows)}
    lines = [
        "| " + " | ".join(columns) + " |",
        "|" + "|".join("---:" if c in numeric else "---" for c in columns) + "|",
    ]
    lines += ["| " + " | ".join(cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: Any) -> str:
    """A value as it stands in a table."""
    text = "–" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
    return cut(text.replace("|", "\\|").replace("\n", " "), LONGEST_CELL)


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _is_figure(value: Any) -> bool:
    """Whether a cell is aligned like a number: one, one in words, or none at all."""
    return value is None or isinstance(value, int | float) or bool(_FIGURE.fullmatch(str(value)))
