"""A large table inside DuckDB: its columns as SQL, and what is asked of it for one rule.

Which SQL each kind of rule comes to is in ``set_wise_kinds``, and how it is decided in ``set_wise``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from spi_pipeline.rules.subject import Subject, plain

POSITION = "row number"
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What is asked of the table for one rule.

    Attributes:
        failing: SQL condition of a failing row.
        judged: SQL condition of a row there is something to judge in.
        tell: what was found, from the facts; ``judged`` and ``failing`` are among them.
        facts: further aggregates, by name.
        fails: whether the rule fails, from the facts.
    """

    failing: str
    judged: str
    tell: Callable[[Facts], str]
    facts: Mapping[str, str] = field(default_factory=dict)
    fails: Callable[[Facts], bool] = lambda facts: bool(facts["failing"])


class Large:
    """One large table under evaluation.

    Attributes:
        table: the rows, no column name twice.
        types: the logical type found in each column.
        connection: a database in memory that reads the rows in place as ``rows``.
    """

    def __init__(self, table: pa.Table, types: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> None:
        self.table, self.types, self.connection = table, types, connection
        connection.register("rows", table.append_column(POSITION, pa.array(np.arange(table.num_rows))))

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """The whole answer: DuckDB takes no further question before it was fetched to its end."""
        return self.connection.execute(query).fetchall()

    def frame(self, positions: str, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of the rows whose numbers a query gives, in its order."""
        chosen = pa.array([row[0] for row in self.all(positions)], pa.int64())
        return Subject.of(self.table.select(list(columns)).take(chosen)).frame

    def cell(self, name: str) -> str:
        """A column in SQL; NaN is null."""
        if not self.types[name].startswith("number") or pa.types.is_decimal(self.table.schema.field(name).type):
            return quoted(name)
        return f"nullif({quoted(name)}, 'NaN'::DOUBLE)"

    def filled(self, names: Sequence[str], joint: str) -> str:
        """The condition that there is something in all or any of some columns, as the joint says."""
        return joint.join(f"{self.cell(name)} IS NOT NULL" for name in names)

    def values(self, name: str, condition: str) -> list[Any]:
        """The values of a column in the rows that meet a condition, each once, in the order met."""
        query = f'SELECT {quoted(name)} FROM rows WHERE {condition} GROUP BY 1 ORDER BY min("{POSITION}")'
        return [row[0] for row in self.all(query)]


def count(condition: str) -> str:
    """The number of rows that meet a condition, in SQL."""
    return f"count(*) FILTER (WHERE {condition})"


def quoted(name: str) -> str:
    """The name of a column in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A value in SQL; decimals would not compare like the doubles they stand for."""
    value = plain(value)
    if isinstance(value, float):
        return f"{value!r}::DOUBLE"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
