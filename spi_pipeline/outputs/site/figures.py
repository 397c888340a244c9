"""Numbers as pages show them: each says in its markup what it is, so that it can be read back and computed again."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from markupsafe import Markup

MINUS = "−"


def shown(value: float, digits: int) -> str:
    """A number with thousands commas and a real minus; no minus before a zero."""
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.replace("-", "")


def places(worst: float, best: float, parts: int = 2) -> int:
    """Decimal places by which two values apart by a tenth to the ``parts`` of the goalposts’ distance differ."""
    return max(1, math.ceil(parts - math.log10(abs(best - worst))))


def derived(value: float, sum_: str, digits: int = 1) -> Markup:
    """A number that no table holds: its markup says the sum it is the result of.

    Args:
        value: the number.
        sum_: plain arithmetic over full numbers, such as ``12.5*0.25``.
        digits: decimal places shown.
    """
    return Markup('<data value="{}" data-sum="{}" data-digits="{}">{}</data>').format(
        repr(float(value)), sum_, digits, shown(value, digits)
    )


def counted(table: pd.DataFrame, name: str, where: str) -> Markup:
    """How many rows of a published table something is true of.

    Args:
        table: its rows.
        name: the product it is.
        where: the condition, as pandas’ ``query`` reads it.
    """
    count = len(table.query(where))
    return Markup('<data value="{}" data-count="{}" data-where="{}">{}</data>').format(count, name, where, count)


def figure(
    value: float | None, table: str, column: str, digits: int = 1, absent: str = "not known", **key: Any
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
