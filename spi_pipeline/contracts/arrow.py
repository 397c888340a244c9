"""The Arrow schema of a table contract, in which Parquet files are written."""

from collections.abc import Callable

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.tables import Table

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}
SQL_TYPES: dict[str, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "binary": "BLOB",
}
# Casts are allowed within a family only: text stays text, numbers stay numbers.
_FAMILIES: tuple[Callable[[pa.DataType], bool], ...] = (
    lambda kind: pa.types.is_integer(kind) or pa.types.is_floating(kind),
    lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind),
    lambda kind: pa.types.is_date(kind) or pa.types.is_timestamp(kind),
    lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
    pa.types.is_boolean,
)


def arrow_schema(table: Table) -> pa.Schema:
    """The schema of a table, in contract order, with descriptions as field metadata."""
    return pa.schema(
        [
            pa.field(column.name, ARROW_TYPES[column.type], not column.required, {"description": column.description})
            for column in table.columns
        ]
    )


def to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """A frame as an Arrow table, typed by the contract where that loses nothing.

    Column names, nulls and values are not judged here. A column that the contract does not know keeps its own type. So
    does a column whose values do not fit the contract's type, so that the rules see the actual figures.

    Args:
        frame: the rows.
        table: the contract.

    Returns:
        The rows, with columns in contract order, then any unknown columns.
    """
    place = {column.name: position for position, column in enumerate(table.columns)}
    names = [str(name) for name in frame.columns]
    arrays, fields = [], []
    # By position, since a frame may hold a name twice and the rules must see both columns.
    for position in sorted(range(len(names)), key=lambda p: place.get(names[p], len(place))):
        column = table.column(names[position])
        array = _inferred(frame.iloc[:, position])
        array = _typed(array, ARROW_TYPES[column.type]) if column else array
        arrays.append(array)
        fields.append(
            pa.field(names[position], array.type, True, {"description": column.description} if column else None)
        )
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _inferred(values: pd.Series) -> pa.Array:
    """The values in the type that they suggest; mixed values become text."""
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        array = pa.array(values.astype(object).map(str, na_action="ignore"), type=pa.string(), from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _typed(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if array.null_count == len(array):
        return pa.nulls(len(array), wanted)
    if not any(family(array.type) and family(wanted) for family in _FAMILIES):
        return array
    try:
        cast = array.cast(wanted)
        # Casting back detects losses: Arrow silently drops the time of day when a timestamp becomes a date.
        return cast if cast.cast(array.type).equals(array) else array
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return array
