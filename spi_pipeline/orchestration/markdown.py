"""Rows as Markdown, for the pages of assets and the results of checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Long texts and geometries would drown the rest.
WIDEST = 120


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    if not rows:
        return "no rows"
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= WIDEST else text[:WIDEST] + "…"
