"""A table under evaluation: its columns as SQL, their types, and queries by DuckDB, which reads the rows in place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spi_pipeline.rules.wording import plain

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

POSITION = '"row number"'
# Tolerance for shares and sums: in binary, 1 - 0.7 is a little more than 3 / 10.
ROUNDING = 1e-12


class Table:
    """One table under evaluation.

    Attributes:
        arrow: the rows; a repeated column name has ``(again)`` added.
        rows: the number of rows.
    """

    def __init__(self, table: pa.Table, connection: duckdb.DuckDBPyConnection) -> None:
        import numpy as np
        import pyarrow as pa

        self.arrow = table.rename_columns(distinct_names(table.column_names)).replace_schema_metadata(None)
        self.rows: int = table.num_rows
        self._connection, self._lists = connection, 0
        numbered = self.arrow.append_column(POSITION.strip('"'), pa.array(np.arange(self.rows)))
        connection.register("rows", numbered)

    @cached_property
    def types(self) -> dict[str, str]:
        """The logical type found in each column; the Arrow type if it is not a logical type."""
        return dict(zip(self.arrow.column_names, map(_logical_type, self.arrow.columns), strict=True))

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query's result; DuckDB takes no further query before the last one is fetched to its end."""
        return self._connection.execute(query).fetchall()

    def groups(self, by: Sequence[str], measures: Sequence[str]) -> list[tuple[Any, ...]]:
        """The values of each group and its measures, in order of appearance; rows with a null in ``by`` are omitted."""
        names = list(map(quoted, by))
        where = f"WHERE {self.filled(by, ' AND ')} GROUP BY {', '.join(names)} ORDER BY min({POSITION})" if by else ""
        return self.all(f"SELECT {', '.join([*names, *measures])} FROM rows {where}")

    def cell(self, name: str) -> str:
        """A column in SQL; NaN is null."""
        kind = str(self.arrow.schema.field(name).type)
        return f"nullif({quoted(name)}, 'NaN'::DOUBLE)" if kind in ("float", "double") else quoted(name)

    def doubles(self, names: Iterable[str]) -> list[str]:
        """Columns in SQL, cast to numbers of one type."""
        return [f"{self.cell(name)}::DOUBLE" for name in names]

    def day(self, name: str) -> str:
        """A date in SQL; for a timestamp, its day in UTC."""
        zoned = getattr(self.arrow.schema.field(name).type, "tz", None)
        return f"({quoted(name)} AT TIME ZONE 'UTC')::DATE" if zoned else f"{quoted(name)}::DATE"

    def filled(self, names: Iterable[str], joint: str = " OR ") -> str:
        """The SQL condition that any of the columns is not null; with the joint ``AND``, that all are not null."""
        return "(" + joint.join(f"{self.cell(name)} IS NOT NULL" for name in names) + ")"

    def texts(self, name: str) -> list[str]:
        """The distinct texts of a column."""
        return [text for text in self.arrow[name].unique().to_pylist() if text is not None]

    def among(self, values: Sequence[Any]) -> str:
        """A list of texts or numbers in SQL, to follow ``IN``; not written into the query, which would parse slowly."""
        import pyarrow as pa

        kind = pa.int64() if values and isinstance(values[0], int) else pa.string()
        self._lists += 1
        self._connection.register(f"list {self._lists}", pa.table({"value": pa.array(values, kind)}))
        return f'(SELECT value FROM "list {self._lists}")'

    def shown(self, condition: str, columns: Sequence[str], limit: int) -> tuple[dict[str, Any], ...]:
        """Some columns of the first rows that meet a condition, as plain values."""
        positions = self.all(f"SELECT {POSITION} FROM rows WHERE {condition} ORDER BY 1 LIMIT {limit}")
        rows = self.arrow.select(list(columns)).take([row[0] for row in positions]).to_pylist()
        return tuple({name: plain(value) for name, value in row.items()} for row in rows)

    def values(self, name: str, condition: str) -> list[Any]:
        """The distinct values of a column in the rows that meet a condition, in order of appearance."""
        query = f"SELECT {quoted(name)} FROM rows WHERE {condition} GROUP BY 1 ORDER BY min({POSITION})"
        return [row[0] for row in self.all(query)]


def quoted(name: str) -> str:
    """The name of a column in SQL."""
    return '"' + name.replace('"', '""') + '"'


def count(condition: str) -> str:
    """The number of rows that meet a condition, in SQL."""
    return f"count(*) FILTER (WHERE {condition})"


def literal(value: Any) -> str:
    """A value in SQL; floats are cast, since DuckDB would read them as decimals, which compare otherwise."""
    if isinstance(value, float):
        return f"{value!r}::DOUBLE"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def chosen(column: str, values: dict[str, str]) -> str:
    """A ``CASE`` in SQL that picks by the value of a column, compared as text; null for any other value."""
    cases = " ".join(f"WHEN {literal(str(of))} THEN {sql}" for of, sql in values.items())
    return f"CASE {quoted(column)}::VARCHAR {cases} END"


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names made unique, since DuckDB and Great Expectations would not see a repeated name."""
    distinct: list[str] = []
    for name in names:
        while name in distinct:
            name += " (again)"
        distinct.append(name)
    return distinct


def _logical_type(values: pa.ChunkedArray) -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    families: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
        "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        "boolean": (pa.types.is_boolean,),
        "integer": (pa.types.is_integer,),
        "number": (pa.types.is_floating, pa.types.is_decimal),
        "date": (pa.types.is_date,),
        "timestamp": (pa.types.is_timestamp,),
        "binary": (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    }
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_floating(kind) and pc.any(pc.is_inf(values)).as_py():
        return "number with infinity"
    return next((name for name, members in families.items() if any(is_a(kind) for is_a in members)), str(kind))
