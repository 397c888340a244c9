"""Each table carries the contract version it was written under; this module decides if it can be read under another.

Within one major version a contract only grows: a column that an older table lacks may be null. Across major versions
nothing is promised, so such a table is never read. ``lint.changes`` decides which change needs which version.
"""

from collections.abc import Mapping

import pyarrow as pa

from spi_pipeline.contracts.arrow import ARROW_TYPES
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Table

# The key of the version in the metadata of a stored table.
CONTRACT = "spi_contract"
# Tables without a version were written under the first.
FIRST = "1.0.0"


def written_under(metadata: Mapping[bytes, bytes] | None) -> str:
    """The contract version under which a stored table was written, from the metadata of its schema."""
    return (metadata or {}).get(CONTRACT.encode(), FIRST.encode()).decode()


def major(version: str) -> int:
    """The first number of a version."""
    return int(version.split(".")[0])


def read_as(table: pa.Table, contract: Table, name: str, written: str, remedy: str) -> pa.Table:
    """A table, read under the contract in force.

    Args:
        table: the rows as they were written.
        contract: the contract in force.
        name: the name of the table, for messages.
        written: the version under which it was written.
        remedy: what to do about a table that cannot be read.

    Returns:
        The rows. Columns that the contract has gained since are null; columns that it does not know are left out.

    Raises:
        SpiError: the major version differs, or a column that must not be null is missing.
    """
    if written == contract.version:
        return table
    lost = [column.name for column in contract.columns if column.required and column.name not in table.column_names]
    if major(written) != major(contract.version) or lost:
        raise SpiError(
            f"table {name} was written under version {written} of its contract, and {contract.version} is in force: "
            f"the two versions are incompatible; {remedy}"
        )
    return fitted(table, contract)


def fitted(table: pa.Table, contract: Table) -> pa.Table:
    """The columns of a contract, in its order; columns that the table lacks are null, its other columns left out."""
    columns = [
        table[column.name] if column.name in table.column_names else pa.nulls(len(table), ARROW_TYPES[column.type])
        for column in contract.columns
    ]
    names = [column.name for column in contract.columns]
    return pa.table(columns, names=names).replace_schema_metadata(table.schema.metadata)
