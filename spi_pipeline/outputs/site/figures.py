"""Numbers as pages show them: each says in its markup what it is, so that it can be read back and computed again."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal

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


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign: ``+3.2``, ``−0.4``, ``0.0``."""
    text = shown(value, digits)
    return f"+{text}" if value > 0 and float(text.replace(",", "")) else text


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
