"""Numbers as pages show them: each says in its markup what it is, so that it can be read back and computed again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.site import words

MINUS = "−"


def shown(value: float, digits: int) -> str:
    """A number with thousands commas and a real minus; no minus before a zero."""
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.replace("-", "")


# How the text is made of the cell, where it is not the number itself.
HOW: Mapping[str, Callable[[float, int], str]] = {
    "": shown,
    "signed": lambda value, digits: ("+" if float(f"{value:.{digits}f}") > 0 else "") + shown(value, digits),
    "size": lambda value, digits: shown(abs(value), digits),
    "whole": lambda value, digits: shown(math.ceil(abs(value)), 0),
    "percent": lambda value, digits: shown(100 * value, digits),
    "ordinal": lambda value, digits: words.ordinal(value),
}


def figure(
    value: float | None,
    table: str,
    column: str,
    digits: int = 1,
    absent: str = "not known",
    how: str = "",
    **key: object,
) -> Markup:
    """A number of a published table.

    Args:
        value: the number.
        table: the product it stands in.
        column: its column.
        digits: decimal places shown.
        absent: what is said where there is none.
        how: how the text is made of the number, one of ``HOW``: with its sign, its size without one, that rounded up to
            whole things, a share as a percentage, or a place among others.
        key: the columns that tell the row, and what they hold.

    Returns:
        ``<data value="49.92…" data-from="score.score" data-key="area_code=E05…;id=…">49.9</data>``.
    """
    if value is None or pd.isna(value):
        return Markup('<span class="absent">{}</span>').format(absent)
    made = Markup(' data-how="{}"').format(how) if how else ""
    return Markup('<data value="{}" data-from="{}.{}" data-key="{}" data-digits="{}"{}>{}</data>').format(
        repr(float(value)), table, column, _told(key), digits, made, HOW[how](float(value), digits)
    )


def counted(number: int, table: str, where: str, **key: object) -> Markup:
    """How many rows of a published table there are of a kind.

    Args:
        number: how many.
        table: the product.
        where: what else is true of them, as pandas reads it in ``DataFrame.query``.
        key: columns, and what they hold in all of them.

    Returns:
        ``<data value="3" data-count="score" data-key="area_code=E05…" data-where="england_percentile > 50">3</data>``.
    """
    return Markup('<data value="{}" data-count="{}" data-key="{}" data-where="{}">{}</data>').format(
        number, table, _told(key), where, shown(number, 0)
    )


def _told(key: Mapping[str, object]) -> str:
    return ";".join(
        f"{name}={held:%Y-%m-%d}" if isinstance(held, pd.Timestamp) else f"{name}={held}" for name, held in key.items()
    )
