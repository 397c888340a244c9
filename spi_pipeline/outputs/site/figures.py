"""Numbers as pages show them: each says in its markup what it is, so that it can be read back and computed again."""

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
    """Decimal places by which two values apart by a tenth to the ``parts`` of the goalposts’ distance differ."""
    return max(1, math.ceil(parts - math.log10(abs(best - worst))))


# How the text is made of the cell, where it is not the number itself.
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
        ``<data value="49.92…" data-from="score.score" data-key="area_code=E05…;id=…" data-digits="1">49.9</data>``.
    """
    if value is None or pd.isna(value):
        return Markup('<span class="absent">{}</span>').format(absent)
    # A site of 300 wards has half a million of these: only what a publisher could have written is escaped.
    made = f' data-how="{how}"' if how else ""
    return Markup(
        f'<data value="{float(value)!r}" data-from="{table}.{column}" data-key="{escape(_told(key))}" '
        f'data-digits="{digits}"{made}>{HOW[how](float(value), digits)}</data>'
    )


def derived(value: float | None, query: str, digits: int = 0, absent: str = "not known") -> Markup:
    """A number that stands in no table but follows from published ones: a count, a share, an end.

    Args:
        value: the number.
        query: how the published database answers with it, one row of one column.
        digits: decimal places shown.
        absent: what is said where there is none.

    Returns:
        ``<data value="4.0" data-query="SELECT count(*) FROM …" data-digits="0">4</data>``.
    """
    if value is None or pd.isna(value):
        return Markup('<span class="absent">{}</span>').format(absent)
    return Markup('<data value="{}" data-query="{}" data-digits="{}">{}</data>').format(
        repr(float(value)), " ".join(query.split()), digits, shown(float(value), digits)
    )


def worked(value: float, sum_: str, digits: int = 1) -> Markup:
    """A number that is worked out on the page itself, from numbers beside it.

    Args:
        value: the number.
        sum_: plain arithmetic over full numbers that it is the result of.
        digits: decimal places shown.

    Returns:
        ``<data value="3.125" data-sum="12.5*0.25" data-digits="1">3.1</data>``.
    """
    return Markup('<data value="{}" data-sum="{}" data-digits="{}">{}</data>').format(
        repr(float(value)), sum_, digits, shown(value, digits)
    )


def stated(value: float, where: str, digits: int = 0, how: str = "") -> Markup:
    """A number that a contract states.

    Args:
        value: the number.
        where: the file below the folder of the contracts, and the names that lead to the number in it.
        digits: decimal places shown.
        how: one of ``HOW``.

    Returns:
        ``<data value="500.0" data-stated="framework.yaml uncertainty draws" data-digits="0">500</data>``.
    """
    made = Markup(' data-how="{}"').format(how) if how else ""
    return Markup('<data value="{}" data-stated="{}" data-digits="{}"{}>{}</data>').format(
        repr(float(value)), where, digits, made, HOW[how](float(value), digits)
    )


def size(count: int, path: str) -> Markup:
    """How large a file of the site is, as people say it: ``5.5 MB``.

    Args:
        count: of its bytes.
        path: below the site's folder.
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
        level: of the parts.
        key: ``area_code``, ``edition`` and ``profile``.
    """
    return Markup(
        '<data value="{}" data-reach="{}.{}" data-key="{}" data-digits="0" data-how="ordinal">{}</data>'
    ).format(float(value), level, end, _told(key), words.ordinal(value))


def word(text: str, value: object, table: str, column: str, **key: object) -> Markup:
    """What a sentence says of a cell that holds a word, such as the verdict on a change: its direction is read back.

    Args:
        text: the words shown.
        value: what the cell holds.
        table: the product.
        column: its column.
        key: the columns that tell the row, and what they hold.

    Returns:
        ``<data value="rose" data-from="change.verdict" data-key="…">gained</data>``.
    """
    return Markup('<data value="{}" data-from="{}.{}" data-key="{}">{}</data>').format(
        value, table, column, _told(key), text
    )


def named(text: str, value: str, query: str) -> Markup:
    """The area or element that a sentence calls the first, the highest or the most: that it is, is read back.

    Args:
        text: its name, as shown.
        value: its code or id.
        query: how the published database answers with that, one row of one column.

    Returns:
        ``<data value="E05…" data-query="SELECT area_code FROM score … ORDER BY score DESC LIMIT 1">Barnfield</data>``.
    """
    return Markup('<data value="{}" data-query="{}">{}</data>').format(value, " ".join(query.split()), text)


def _told(key: Mapping[str, object]) -> str:
    return ";".join(
        f"{name}={held:%Y-%m-%d}" if isinstance(held, pd.Timestamp) else f"{name}={held}" for name, held in key.items()
    )


def counted(rows: pd.DataFrame, table: str, **where: object) -> Markup:
    """How many rows of a published table there are that hold these values.

    Args:
        rows: the table.
        table: its name.
        where: columns and what they hold; several allowed values as a tuple, all of any as left out.
    """
    kept, said = rows, []
    for column, held in where.items():
        wanted = held if isinstance(held, tuple) else (held,)
        kept = kept[kept[column].isin(wanted)]
        said.append(f'"{column}" IN ({", ".join(_literal(one) for one in wanted)})')
    return derived(len(kept), f'SELECT count(*) FROM "{table}" WHERE {" AND ".join(said) or "true"}')


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int | float) else literal(str(value))
