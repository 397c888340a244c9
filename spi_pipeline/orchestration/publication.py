"""The tables of the database, each from the versions of its parts and typed and commented by its contract."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from spi_pipeline.contracts.arrow import SQL_TYPES, arrow_schema
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.contracts.tables import Column as ContractColumn
from spi_pipeline.contracts.tables import Product
from spi_pipeline.contracts.versions import fitted
from spi_pipeline.orchestration.reader import Reader
from spi_pipeline.orchestration.records import observations_with_imputed, scores_with_intervals
from spi_pipeline.outputs.database import under_contract
from spi_pipeline.storage import places
from spi_pipeline.storage.database import Column, DatabaseTable

RECORDED = ("check_result", "source_release")


def database_tables(contracts: Contracts, reader: Reader, parts: Sequence[str]) -> list[DatabaseTable]:
    """Every product as a table of the database.

    Args:
        contracts: all contracts.
        reader: gives the tables.
        parts: the tables that are parts of products; the store may hold more, of indicators since removed.

    Raises:
        SpiError: when a part cannot be read.
    """
    rows = {name: _rows(product, reader, parts) for name, product in contracts.products.items()}
    rows["observation"] = observations_with_imputed(rows["observation"], rows["imputation"])
    rows["score"] = scores_with_intervals(rows["score"], rows["rank_interval"])
    return [_database_table(product, rows[name]) for name, product in contracts.products.items()]


def _rows(product: Product, reader: Reader, parts: Sequence[str]) -> pa.Table:
    """All current parts of a product, or what runs recorded."""
    schema = arrow_schema(product)
    if product.id in RECORDED:
        recorded = reader.store.read_runs(product.id)
        return _history(recorded, product).cast(schema) if recorded else schema.empty_table()
    names = [name for name in parts if name.split(".")[0] == product.id]
    tables = [reader.table(name).replace_schema_metadata(None).cast(schema) for name in names]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _history(recorded: pa.Table, product: Product) -> pa.Table:
    """What all runs recorded, the oldest too: a column they did not have yet is null.

    Raises:
        SpiError: where that column must not be null.
    """
    rows = fitted(recorded, product)
    if lost := [column.name for column in product.columns if column.required and rows[column.name].null_count]:
        raise SpiError(
            f"older runs recorded no {' and '.join(lost)}, which {product.file} requires; make it optional there, or "
            f"move the older files of {places.runs(product.id)} out of the store"
        )
    return rows


def _database_table(product: Product, rows: pa.Table) -> DatabaseTable:
    about = f"{product.description} {product.limits}".strip()
    comment = f"{about} {under_contract(product.version)}"
    columns = [_column(column) for column in product.columns]
    return DatabaseTable(product.id, columns, product.key, comment, [rows])


def _column(column: ContractColumn) -> Column:
    name = f'"{column.name}"'
    checks = []
    if column.minimum is not None:
        checks.append(f"{name} >= {column.minimum!r}")
    if column.maximum is not None:
        checks.append(f"{name} <= {column.maximum!r}")
    if column.values:
        allowed = ", ".join("'" + value.replace("'", "''") + "'" for value in column.values)
        checks.append(f"{name} IN ({allowed})")
    return Column(
        name=column.name,
        sql_type=SQL_TYPES[column.type],
        comment=f"{column.description} ({column.unit})" if column.unit else column.description,
        required=column.required,
        check=" AND ".join(checks) or None,
    )
