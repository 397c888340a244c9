"""Ways to spoil a table: the errors that careless publishers, parsers or editors make in columns, rows, codes, units.

A mutation is data and a function from the good table to the spoilt one. The list follows the ways in which figures go
wrong, not the faults that rules can detect. Do not fit it to the rules.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.models.tables import Column, Table
from spi_pipeline.contracts.models.vocabulary import Unit

Change = Callable[[pa.Table], pa.Table]
# The code of any small area, ward or authority in England or Wales.
_AREA_CODE = re.compile(r"[EW]\d{8}")
_CENTURY = dt.timedelta(days=36525)
# An out-of-range value exceeds the original by this many times the largest absolute value.
_BEYOND = 10
_NUMBERS, _MOMENTS = ("integer", "number"), ("date", "timestamp")


@dataclass(frozen=True)
class Mutation:
    """One way to spoil one table.

    Attributes:
        table: the name of the table.
        column: the spoilt column; empty if rows are spoilt.
        kind: the change, in words.
        sure: its class, if no contract may miss mutations of that class; otherwise empty.
        change: makes the spoilt table.
    """

    table: str
    column: str
    kind: str
    sure: str
    change: Change

    def __str__(self) -> str:
        return f"{self.table}.{self.column or '*'}: {self.kind}"


def mutations(
    name: str, table: pa.Table, contract: Table, units: dict[str, Unit], former: Sequence[str]
) -> Iterator[Mutation]:
    """Every mutation that changes a table.

    Args:
        name: the name of the table.
        table: its rows, with the columns of its contract.
        contract: its contract.
        units: the units of the vocabulary, which show whether a unit is bounded.
        former: codes of wards no longer in force.
    """
    found = [("", *each) for each in _of_rows(contract)]
    for column in contract.columns:
        found += [(column.name, *each) for each in _of_column(column)]
        if column.type in (*_NUMBERS, *_MOMENTS):
            unit = units.get(column.unit)
            bounded = unit is not None and None not in (unit.minimum, unit.maximum)
            found += [(column.name, *each) for each in _of_size(column, bounded)]
        if column.type == "string":
            found += [(column.name, *each) for each in _of_codes((name, column.name), former)]
    for column_name, kind, sure, change in found:
        if _differ(change(table), table):
            yield Mutation(name, column_name, kind, sure, change)


_Kind = tuple[str, str, Change]
# A table and column of wards anywhere in England. Most of their codes are not available to compare with, so a former
# ward cannot be told from them.
_ANYWHERE = ("similar_ward", "other_code")


def _of_rows(contract: Table) -> Iterator[_Kind]:
    twice = "duplicate key" if contract.key else ""
    yield "all rows dropped", "", lambda table: table.slice(0, 0)
    yield "every second row dropped", "", lambda table: _without(table, 2)
    yield "every tenth row dropped", "", lambda table: _without(table, 10)
    yield "rows doubled", twice, lambda table: pa.concat_tables([table, table])
    yield "one row doubled", twice, lambda table: pa.concat_tables([table, table.slice(len(table) // 2, 1)])


def _of_column(column: Column) -> Iterator[_Kind]:
    name = column.name
    needed = "null in a required column" if column.required else ""
    yield "column dropped", "missing column", lambda table: table.drop_columns([name])
    yield "column doubled", "", lambda table: table.append_column(name, table[name])
    yield "retyped", "retyped", lambda table: _put(table, name, _retyped(column, table[name].to_pylist()))
    if column.type == "integer":
        yield "retyped to fractions", "retyped", lambda table: _each(table, name, lambda v: v + 0.5, pa.float64())
    yield "nulled", needed, lambda table: _put(table, name, pa.nulls(len(table), table[name].type))
    yield "every tenth value nulled", needed, lambda table: _some(table, name, lambda v: None, every=10)


def _of_size(column: Column, bounded: bool) -> Iterator[_Kind]:
    name = column.name

    def shift(table: pa.Table, every: int) -> pa.Table:
        held = [v for v in table[name].to_pylist() if v is not None]
        far: Any = _CENTURY if column.type in _MOMENTS else _BEYOND * (max(map(abs, held), default=0) or 1)
        return _some(table, name, lambda v: v + far, every=every)

    yield "shifted out of range", "", lambda table: shift(table, 1)
    yield "one value shifted out of range", "", lambda table: shift(table, 0)
    if column.type in _NUMBERS:
        whole = column.type == "integer"
        hundredfold = "×100 on a bounded unit" if bounded else ""
        yield "×100", hundredfold, lambda table: _each(table, name, lambda v: v * 100)
        yield "×0.01", "", lambda table: _each(table, name, lambda v: round(v * 0.01) if whole else v * 0.01)


def _of_codes(where: tuple[str, str], former: Sequence[str]) -> Iterator[_Kind]:
    _, name = where

    def swap(table: pa.Table, most: int | None) -> pa.Table:
        values = table[name].to_pylist()
        codes = sorted({v for v in values if v and _AREA_CODE.fullmatch(v)})
        old = {code: former[number % len(former)] for number, code in enumerate(codes[:most])}
        return _put(table, name, pa.array([old.get(v, v) for v in values], table[name].type))

    sure = "" if where == _ANYWHERE else "old ward code"
    yield "codes swapped to old wards", sure, lambda table: swap(table, None)
    yield "one code swapped to an old ward", sure, lambda table: swap(table, 1)


def _differ(one: pa.Table, other: pa.Table) -> bool:
    """Whether names, types, rows or values differ; nullability is ignored."""
    names = one.column_names
    same = names == other.column_names and len(one) == len(other)
    return not same or any(a.type != b.type or not a.equals(b) for a, b in zip(one.columns, other.columns, strict=True))


def _without(table: pa.Table, every: int) -> pa.Table:
    return table.take(pa.array([row for row in range(len(table)) if row % every], pa.int64()))


def _put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def _each(table: pa.Table, name: str, change: Callable[[Any], Any], kind: pa.DataType | None = None) -> pa.Table:
    values = [None if v is None else change(v) for v in table[name].to_pylist()]
    return _put(table, name, pa.array(values, kind or table[name].type))


def _some(table: pa.Table, name: str, change: Callable[[Any], Any], every: int) -> pa.Table:
    """Change every n-th value that is not null, starting with the first; if ``every`` is 0, only the middle one."""
    values = table[name].to_pylist()
    held = [row for row, value in enumerate(values) if value is not None]
    for row in held[::every] if every else held[len(held) // 2 :][:1]:
        values[row] = change(values[row])
    return _put(table, name, pa.array(values, table[name].type))


def _retyped(column: Column, values: Sequence[Any]) -> pa.Array:
    """Numbers in place of text, and text in place of any other type."""
    if column.type == "string":
        return pa.array(range(len(values)), pa.int64())
    return pa.array([None if v is None else v.hex() if isinstance(v, bytes) else str(v) for v in values], pa.string())
