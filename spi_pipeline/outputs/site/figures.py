"""Numbers as pages show them: the markup of each records its origin, so that it can be read back and recomputed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import words

MINUS = "−"


def shown(value: float, digits: int) -> str:
    """A number with thousands commas and a real minus; no minus before a zero."""
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.replace("-", "")


def places(worst: float, best: float, parts: int = 2) -> int:
    """The decimal places needed to tell apart two values that differ by 10^-``parts`` of the goalposts’ distance."""
    return max(1, math.ceil(parts - math.log10(abs(best - worst))))


# How a cell becomes text, if not as the number itself.
HOW: Mapping[str, Callable[[float, int], str]] = {
    "": shown,
    "signed": lambda value, digits: ("+" if float(f"{value:.{digits}f}") > 0 else "") + shown(value, digits),
    "size": lambda value, digits: shown(abs(value), digits),
    "whole": lambda value, digits: shown(math.ceil(abs(value)), 0),
    "percent": lambda value, digits: shown(100 * value, digits),
    "thousands": lambda value, digits: shown(value / 1e3, digits),
    "millions": lambda value, digits: shown(value / 1e6, digits),
    "ordinal": lambda value, digits: words.ordinal(value),
}


def figure(
    value: float | None,
    table: str,
    column: str,
    digits: int = 1,
    absent: str = "not known",
    how: str = "",
    **key: Any,
) -> Markup:
    """A number from a published table.

    Args:
        value: the number.
        table: the product that contains it.
        column: its column.
        digits: the decimal places shown.
        absent: the text shown if there is no number.
        how: how the number becomes text, one of ``HOW``: with its sign, its size without the sign, that size rounded up
            to whole things, a share as a percentage, or a place among others.
        key: the columns that identify the row, and their values.

    Returns:
        ``<data value="49.92…" data-from="score.score" data-key="area_code=E05…;id=…" data-digits="1">49.9</data>``.
    """
    if value is None or pd.isna(value):
        return Markup('<span class="absent">{}</span>').format(absent)
    # A site of 300 wards has half a million of these, so only text that a publisher could have written is escaped.
    attribute = f' data-how="{how}"' if how else ""
    return Markup(
        f'<data value="{float(value)!r}" data-from="{table}.{column}" data-key="{escape(_key_text(key))}" '
        f'data-digits="{digits}"{attribute}>{HOW[how](float(value), digits)}</data>'
    )


def derived(value: float | None, query: str, digits: int = 0, absent: str = "not known") -> Markup:
    """A number that is in no table but follows from published ones: a count, a share, an end of a range.

    Args:
        value: the number.
        query: a query that returns it from the published database, as one row of one column.
        digits: the decimal places shown.
        absent: the text shown if there is no number.

    Returns:
        ``<data value="4.0" data-query="SELECT count(*) FROM …" data-digits="0">4</data>``.
    """
    if value is None or pd.isna(value):
        return Markup('<span class="absent">{}</span>').format(absent)
    return Markup('<data value="{}" data-query="{}" data-digits="{}">{}</data>').format(
        repr(float(value)), " ".join(query.split()), digits, shown(float(value), digits)
    )


def calculated(value: float, sum_: str, digits: int = 1) -> Markup:
    """A number that the page itself works out from numbers next to it.

    Args:
        value: the number.
        sum_: plain arithmetic over unrounded numbers that gives it.
        digits: the decimal places shown.

    Returns:
        ``<data value="3.125" data-sum="12.5*0.25" data-digits="1">3.1</data>``.
    """
    return Markup('<data value="{}" data-sum="{}" data-digits="{}">{}</data>').format(
        repr(float(value)), sum_, digits, shown(value, digits)
    )


def declared(value: float, where: str, digits: int = 0, how: str = "") -> Markup:
    """A number that a contract declares.

    Args:
        value: the number.
        where: the file below the folder of the contracts, and the names that lead to the number in it.
        digits: the decimal places shown.
        how: one of ``HOW``.

    Returns:
        ``<data value="500.0" data-declared="framework.yaml uncertainty draws" data-digits="0">500</data>``.
    """
    attribute = Markup(' data-how="{}"').format(how) if how else ""
    return Markup('<data value="{}" data-declared="{}" data-digits="{}"{}>{}</data>').format(
        repr(float(value)), where, digits, attribute, HOW[how](float(value), digits)
    )


def size(count: int, path: str) -> Markup:
    """The size of a file of the site, for people: ``5.5 MB``.

    Args:
        count: its number of bytes.
        path: its path below the site's folder.
    """
    how, unit = ("millions", "MB") if count >= 1e6 else ("thousands", "KB")
    digits = 0 if 1e4 <= count < 1e6 else 1
    return Markup('<data value="{}" data-file="{}" data-digits="{}" data-how="{}">{}</data>&nbsp;{}').format(
        float(count), path, digits, how, HOW[how](count, digits), unit
    )


def reach(value: int, end: str, level: str, **key: object) -> Markup:
    """The best or the worst rank that any weights of the parts of a level can bring a ward.

    Args:
        value: the rank.
        end: ``best`` or ``worst``.
        level: the level of the parts.
        key: ``area_code``, ``edition`` and ``profile``.
    """
    return Markup(
        '<data value="{}" data-reach="{}.{}" data-key="{}" data-digits="0" data-how="ordinal">{}</data>'
    ).format(float(value), level, end, _key_text(key), words.ordinal(value))


def word(text: str, value: object, table: str, column: str, **key: object) -> Markup:
    """Words for a cell that holds a word, such as the verdict on a change; the readback checks their direction.

    Args:
        text: the words shown.
        value: the value of the cell.
        table: the product.
        column: its column.
        key: the columns that identify the row, and their values.

    Returns:
        ``<data value="rose" data-from="change.verdict" data-key="…">gained</data>``.
    """
    return Markup('<data value="{}" data-from="{}.{}" data-key="{}">{}</data>').format(
        value, table, column, _key_text(key), text
    )


def named(text: str, value: str, query: str) -> Markup:
    """The name of an area or element that a sentence calls the first, the highest or the most; the readback checks it.

    Args:
        text: its name, as shown.
        value: its code or id.
        query: a query that returns the code or id from the published database, as one row of one column.

    Returns:
        ``<data value="E05…" data-query="SELECT area_code FROM score … ORDER BY score DESC LIMIT 1">Barnfield</data>``.
    """
    return Markup('<data value="{}" data-query="{}">{}</data>').format(value, " ".join(query.split()), text)


def _key_text(key: Mapping[str, object]) -> str:
    return ";".join(
        f"{name}={value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else f"{name}={value}"
        for name, value in key.items()
    )


def counted(rows: pd.DataFrame, table: str, **where: object) -> Markup:
    """The number of rows of a published table with the given values.

    Args:
        rows: the table.
        table: its name.
        where: columns and their values; a tuple allows several values, and columns left out allow any.
    """
    matching, conditions = rows, []
    for column, allowed in where.items():
        values = allowed if isinstance(allowed, tuple) else (allowed,)
        matching = matching[matching[column].isin(values)]
        conditions.append(f'"{column}" IN ({", ".join(_literal(value) for value in values)})')
    return derived(len(matching), f'SELECT count(*) FROM "{table}" WHERE {" AND ".join(conditions) or "true"}')


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int | float) else literal(str(value))
