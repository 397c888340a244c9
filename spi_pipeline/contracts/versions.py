"""The version a table was written under travels with it; a table of another version is read as its contract, or not.

Within one major version a contract only grows: a column that an older table does not have may be null. Across major
versions nothing is promised, so such a table is never read. Which change asks for which is for ``lint.changes``.
"""

from collections.abc import Mapping

import pyarrow as pa

from spi_pipeline.contracts.arrow import ARROW_TYPES
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Table

# The metadata of a table in a store, beside the files it was read from.
CONTRACT = "spi_contract"
# Tables written before they carried a version were all of the first.
FIRST = "1.0.0"


def written_under(metadata: Mapping[bytes, bytes] | None) -> str:
    """The version of its contract that a table in a store was written under, from the metadata of its schema."""
    return (metadata or {}).get(CONTRACT.encode(), FIRST.encode()).decode()


def major(version: str) -> int:
    """The first number of a version."""
    return int(version.split(".")[0])


def read_as(table: pa.Table, contract: Table, name: str, written: str, remedy: str) -> pa.Table:
    """A table as its contract has it now.

    Args:
        table: the rows as they were written.
        contract: the contract in force.
        name: the table, for messages.
        written: the version it was written under.
        remedy: what to do about a table that cannot be read.

    Returns:
        The rows; columns the contract has gained since are null, those it does not know are left out.

    Raises:
        SpiError: where the major version is another, or a column is missing that must not be null.
    """
    if written == contract.version:
        return table
    lost = [column.name for column in contract.columns if column.required and column.name not in table.column_names]
    if major(written) != major(contract.version) or lost:
        raise SpiError(
            f"table {name} was written under version {written} of its contract, and {contract.version} is in force: "
            f"it is not read as something it is not; {remedy}"
        )
    return fitted(table, contract)


def fitted(table: pa.Table, contract: Table) -> pa.Table:
    """The columns of a contract, in its order; those a table does not have are null, its others are left out."""
    columns = [
        table[column.name] if column.name in table.column_names else pa.nulls(len(table), ARROW_TYPES[column.type])
        for column in contract.columns
    ]
    names = [column.name for column in contract.columns]
    return pa.table(columns, names=names).replace_schema_metadata(table.schema.metadata)
