"""The Arrow schema of a table contract: what is written to Parquet."""

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
# A cast within a family keeps the kind of thing: text stays text, numbers stay numbers.
_FAMILIES: tuple[Callable[[pa.DataType], bool], ...] = (
    lambda kind: pa.types.is_integer(kind) or pa.types.is_floating(kind),
    lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind),
    lambda kind: pa.types.is_date(kind) or pa.types.is_timestamp(kind),
    lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
    pa.types.is_boolean,
)


def arrow_schema(table: Table) -> pa.Schema:
    """The schema of a table, in contract order, descriptions carried as field metadata."""
    return pa.schema(
        [
            pa.field(column.name, ARROW_TYPES[column.type], not column.required, {"description": column.description})
            for column in table.columns
        ]
    )


def to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """A frame as an Arrow table, typed by the contract where that loses nothing.

    Column names, nulls and values are not judged here: a column the contract does not know keeps its own type, and one
    that cannot be held in its type stays as it is, so that the rules see what was really found.

    Args:
        frame: the rows.
        table: the contract.

    Returns:
        The rows, columns in contract order, then any unknown ones.
    """
    place = {column.name: position for position, column in enumerate(table.columns)}
    names = [str(name) for name in frame.columns]
    arrays, fields = [], []
    # By position, since a frame may hold a name twice and both are to be seen.
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
    """The type the values themselves suggest; a mixture is text."""
    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        found = pa.array(values.astype(object).map(str, na_action="ignore"), type=pa.string(), from_pandas=True)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def _typed(found: pa.Array, wanted: pa.DataType) -> pa.Array:
    if found.null_count == len(found):
        return pa.nulls(len(found), wanted)
    if not any(family(found.type) and family(wanted) for family in _FAMILIES):
        return found
    try:
        cast = found.cast(wanted)
        # Arrow drops the time of day without a word when a timestamp becomes a date.
        return cast if cast.cast(found.type).equals(found) else found
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return found
