"""Apply corrections of publishers' figures to a source's table: exactly the cells they name, or none at all."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.corrections import Cell, Correction
from spi_pipeline.contracts.models.tables import Source


def correct(table: pa.Table, source: Source, corrections: Sequence[Correction]) -> pa.Table:
    """Apply corrections to a table.

    Args:
        table: the source's table, typed by its contract.
        source: the contract.
        corrections: the corrections of that source.

    Returns:
        The table with those cells changed and all other cells unchanged.

    Raises:
        SpiError: when a correction no longer applies: it does not match exactly one row, or the figure differs from the
            expected one.
    """
    corrected = table
    for item in corrections:
        place = f"corrections/{source.id}.yaml: {item.id}"
        row = _row(corrected, item, place)
        cells = corrected[item.column]
        figure = cells[row].as_py()
        if figure != item.expected:
            raise SpiError(
                f"{place} expects {item.column} {item.expected!r} and finds {figure!r}: the publisher has changed it; "
                "remove the correction, or update its expected value"
            )
        values = cells.to_pylist()
        values[row] = item.value
        try:
            array = pa.array(values, type=cells.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise SpiError(f"{place} puts {item.value!r} into {item.column}, which holds {cells.type}") from error
        position = corrected.column_names.index(item.column)
        corrected = corrected.set_column(position, corrected.schema.field(position), array)
    _require_nothing_else(table, corrected, source, corrections)
    return corrected


def _row(table: pa.Table, item: Correction, place: str) -> int:
    """The one row that a correction applies to."""
    missing = [name for name in (*item.where, item.column) if name not in table.column_names]
    if missing:
        raise SpiError(f"{place} names {', '.join(missing)}, which the table lacks; remove or change the correction")
    mask = None
    for name, value in item.where.items():
        same = pc.fill_null(_equal(table[name], value, f"{place}: where {name}"), False)
        mask = same if mask is None else pc.and_(mask, same)
    rows = pc.indices_nonzero(mask).to_pylist()
    if len(rows) != 1:
        raise SpiError(
            f"{place} must match one row and matches {len(rows)} where {item.where}; remove the correction, or update "
            "its where"
        )
    return int(rows[0])


def _equal(values: pa.ChunkedArray, wanted: Cell, place: str) -> pa.ChunkedArray:
    if wanted is None:
        return pc.is_null(values)
    try:
        return pc.equal(values, pa.scalar(wanted, type=values.type))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SpiError(f"{place} is {wanted!r}, but the column holds {values.type}") from error


def _require_nothing_else(before: pa.Table, after: pa.Table, source: Source, corrections: Sequence[Correction]) -> None:
    """Check that exactly as many cells differ as there are corrections, and only in their columns."""
    columns = {item.column for item in corrections}
    changed = sum(_differences(before[name], after[name]) for name in columns)
    untouched = [name for name in before.column_names if name not in columns]
    if changed != len(corrections) or not before.select(untouched).equals(after.select(untouched)):
        raise SpiError(f"corrections/{source.id}.yaml changed {changed} cells where it names {len(corrections)}")


def _differences(before: pa.ChunkedArray, after: pa.ChunkedArray) -> int:
    same = pc.or_kleene(pc.equal(before, after), pc.and_(pc.is_null(before), pc.is_null(after)))
    return len(before) - int(pc.sum(pc.fill_null(same, False)).as_py() or 0)
