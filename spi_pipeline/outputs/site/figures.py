"""Numbers as pages show them: each says in its markup what it is, so that it can be read back and computed again."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

MINUS = "−"


def shown(value: float, digits: int) -> str:
    """A number with thousands commas and a real minus; no minus before a zero."""
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.replace("-", "")


def figure(
    value: float | None, table: str, column: str, digits: int = 1, absent: str = "not known", **key: object
) -> Markup:
    """A number of a published table.

    Args:
        value: the number.
        table: the product it stands in.
        column: its column.
        digits: decimal places shown.
        absent: what is said where there is none.
        key: the columns that tell the row, and what they hold.

    Returns:
        ``<data value="49.92…" data-from="score.score" data-key="area_code=E05…;id=…">49.9</data>``.
    """
    if value is None or pd.isna(value):
        return Markup('<span class="absent">{}</span>').format(absent)
    told = ";".join(f"{name}={held}" for name, held in key.items())
    return Markup('<data value="{}" data-from="{}.{}" data-key="{}" data-digits="{}">{}</data>').format(
        repr(float(value)), table, column, told, digits, shown(float(value), digits)
    )
