"""The database that readers open: every published product as a table, typed and commented by its contract.

Two views complete it: one has a row for each ward, the other says what the ids of elements mean.
"""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.arrow import SQL_TYPES, arrow_schema
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Column as ContractColumn
from spi_pipeline.contracts.models.tables import Product
from spi_pipeline.contracts.versions import fitted
from spi_pipeline.outputs.duckdb_file import Column, DatabaseTable, literal, quoted, write
from spi_pipeline.outputs.elements import elements
from spi_pipeline.outputs.output import Output
from spi_pipeline.outputs.overview import ward_overview
from spi_pipeline.outputs.queries import reading, refuse_other_contracts, under_contract
from spi_pipeline.storage.places import DATABASE as FILE


def published(contracts: Contracts) -> tuple[str, ...]:
    """The products that are published; the others are intermediate steps."""
    return tuple(name for name, product in contracts.products.items() if product.published)


def build(contracts: Contracts, tables: Mapping[str, pa.Table], folder: Path, *, keyed: bool = True) -> None:
    """Write the database.

    Args:
        contracts: which tables there are, and what they promise.
        tables: the rows of each.
        folder: the folder to write into.
        keyed: whether the database has primary keys, whose indexes take up two thirds of the file.

    Raises:
        SpiError: when rows break their contract, or the disk refuses the file.
    """
    products = [contracts.products[name] for name in published(contracts)]
    views = [ward_overview(contracts, tables["context"]), elements(contracts, tables["indicator"])]
    units = {word: unit.title for word, unit in contracts.vocabulary.units.items()}
    database_tables = [_database_table(product, tables[product.id], units) for product in products]
    write(folder / FILE, database_tables, views, keyed=keyed)


def build_without_keys(contracts: Contracts, source: Path, folder: Path) -> Path:
    """Copy a published database for sending over a network: the same tables, without the indexes of their keys.

    Args:
        contracts: the contracts it was published under.
        source: the published file.
        folder: the folder to write into.

    Returns:
        The new file.

    Raises:
        SpiError: when nothing is published, or it was published under contracts with fewer tables or columns.
    """
    refuse_other_contracts(source, contracts.products)
    with reading(source) as connection:
        tables = {
            name: connection.sql(f"SELECT * FROM {quoted(name)}").to_arrow_table() for name in published(contracts)
        }
    build(contracts, tables, folder, keyed=False)
    return folder / FILE


DATABASE = Output(published, build)


def _database_table(product: Product, rows: pa.Table, units: Mapping[str, str]) -> DatabaseTable:
    text = f"{product.description} {product.limits}".strip()
    comment = f"{text} {under_contract(product.version)}"
    columns = [_column(column, units) for column in product.columns]
    return DatabaseTable(product.id, columns, product.key, comment, [_as_promised(rows, product)])


def _as_promised(rows: pa.Table, product: Product) -> pa.Table:
    """Rows with the columns of their contract; a column that the oldest records lack is null.

    Raises:
        SpiError: when a column that they lack must not be null.
    """
    table = fitted(rows, product).replace_schema_metadata(None)
    if absent := [column.name for column in product.columns if column.required and table[column.name].null_count]:
        raise SpiError(
            f"older rows of {product.id} have no {' and '.join(absent)}, which {product.file} requires; make it "
            "optional there, or move the older records of runs out of the store"
        )
    return table.cast(arrow_schema(product))


def _column(column: ContractColumn, units: Mapping[str, str]) -> Column:
    name = quoted(column.name)
    checks = []
    if column.minimum is not None:
        checks.append(f"{name} >= {column.minimum!r}")
    if column.maximum is not None:
        checks.append(f"{name} <= {column.maximum!r}")
    if column.values:
        allowed = ", ".join(map(literal, column.values))
        checks.append(f"{name} IN ({allowed})")
    return Column(
        name=column.name,
        sql_type=SQL_TYPES[column.type],
        comment=f"{column.description} [{units[column.unit]}]" if column.unit else column.description,
        required=column.required,
        check=" AND ".join(checks) or None,
    )
