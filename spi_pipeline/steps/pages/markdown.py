"""Rows as Markdown, for the pages of assets and the results of checks."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

# Long texts and geometries would hide the rest.
LONGEST_CELL = 120
ROWS, WIDTH = 8, 60
LONGEST_SAMPLE = 30

_FIGURE = re.compile(r"-?[\d,]+(\.\d+)?(e[+-]\d+)?%?")


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table, figures aligned right."""
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
    """A value as a cell of a table."""
    text = "–" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
    return cut(text.replace("|", "\\|").replace("\n", " "), LONGEST_CELL)


def cut(text: str, longest: int) -> str:
    """A text cut to at most ``longest`` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _is_figure(value: Any) -> bool:
    """Whether a cell is aligned like a number: it is one, it looks like one, or it is empty."""
    return value is None or isinstance(value, int | float) or bool(_FIGURE.fullmatch(str(value)))


def framed(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table, missing values left empty."""
    rows = frame.astype(object).where(frame.notna(), "").to_numpy()
    return markdown([dict(zip(map(str, frame.columns), row, strict=True)) for row in rows])


def sample(table: pa.Table) -> str:
    """Rows spread evenly over a table, and as many columns as fit on the page."""
    plain = [field.name for field in table.schema if not pa.types.is_binary(field.type)]
    chosen = np.unique(np.linspace(0, max(table.num_rows - 1, 0), min(ROWS, table.num_rows)).astype(int))
    rows = [
        {name: rounded(value) for name, value in row.items()} for row in table.select(plain).take(chosen).to_pylist()
    ]
    shown, width_left = list[str](), WIDTH
    for name in plain:
        width_left -= max(len(cell(value)) for value in (name, *(row[name] for row in rows))) + 3
        if width_left < 0 and shown:
            break
        shown.append(name)
    left_out = len(table.column_names) - len(shown)
    more = f"\n\n{left_out} more column{'s' * (left_out > 1)}" if left_out else ""
    return markdown([{name: row[name] for name in shown} for row in rows]) + more


def rounded(value: Any) -> Any:
    """A figure to four significant digits, or whole if it is large; any other value unchanged, but short."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return cut(value, LONGEST_SAMPLE) if isinstance(value, str) else value
