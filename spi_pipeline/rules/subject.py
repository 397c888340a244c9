"""A table as the rules see it: one pandas frame, and the logical type each column was found to hold.

Knows Arrow and pandas, no rules. Types are read from Arrow, whose names do not depend on the pandas version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MAX_FAILING_ROWS = 10

_FAMILIES: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "boolean": (pa.types.is_boolean,),
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_floating, pa.types.is_decimal),
    "date": (pa.types.is_date,),
    "timestamp": (pa.types.is_timestamp,),
    "binary": (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
}


@dataclass(frozen=True)
class Subject:
    """One table under evaluation.

    Attributes:
        frame: the rows, numbered from 0; a column name met twice carries ``(again)`` the second time.
        types: by column, the logical type found, or what was found in place of one.
        rows: how many rows the table has.
    """

    frame: pd.DataFrame
    types: dict[str, str]
    rows: int

    @classmethod
    def of(cls, table: pa.Table | pd.DataFrame) -> Subject:
        """Read a table; a frame's columns are typed by what they hold, so figures kept as text are text."""
        if isinstance(table, pd.DataFrame):
            frame = table.reset_index(drop=True)
            frame.columns = pd.Index(distinct_names(str(name) for name in frame.columns))
            return cls(frame, {str(name): _type_in_frame(frame[name]) for name in frame.columns}, len(frame))
        table = table.rename_columns(distinct_names(table.column_names))
        frame = table.to_pandas(ignore_metadata=True)
        for name, column in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_integer(column.type) and column.null_count:
                # As floats, identifiers above 2**53 would run together and 3 would read 3.0.
                frame[name] = column.to_pandas(types_mapper=lambda _: pd.Int64Dtype())
        return cls(frame, types_of(table), table.num_rows)

    def shown(self, positions: Iterable[int], columns: Sequence[str]) -> tuple[dict[str, Any], ...]:
        """The first few of the named rows as plain Python values, restricted to ``columns``."""
        chosen = self.frame.loc[sorted(positions)[:MAX_FAILING_ROWS], list(columns)]
        return plain_rows(chosen)


def types_of(table: pa.Table) -> dict[str, str]:
    """The logical type found in each column of a table without a name twice."""
    return dict(zip(table.column_names, map(_logical_type, table.columns), strict=True))


def plain_rows(rows: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Rows as plain Python values."""
    return tuple({str(name): plain(value) for name, value in row.items()} for row in rows.to_dict("records"))


def plain(value: Any) -> Any:
    """A cell as a plain Python value: null as None, bytes as their length."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    return value.item() if isinstance(value, np.generic) else value


def _type_in_frame(values: pd.Series) -> str:
    try:
        return _logical_type(pa.array(values, from_pandas=True))
    except pa.ArrowException:
        return "values of several types"


def _logical_type(values: pa.Array | pa.ChunkedArray) -> str:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_floating(kind) and pc.any(pc.is_inf(values)).as_py():
        return "number with infinity"
    return next((name for name, members in _FAMILIES.items() if any(is_a(kind) for is_a in members)), str(kind))


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names, each once: an expectation on a set of columns would not see the same name twice."""
    distinct: list[str] = []
    for name in names:
        while name in distinct:
            name += " (again)"
        distinct.append(name)
    return distinct
