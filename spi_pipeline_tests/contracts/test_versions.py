"""Tables written under another contract version: readable if only nullable columns were added, refused otherwise."""

from __future__ import annotations

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Column, Table
from spi_pipeline.contracts.versions import CONTRACT, read_as, written_under

CODE, COUNT = Column("code", "string", "Code", required=True, key=1), Column("n", "integer", "How many")
NOTE = Column("note", "string", "A note")
ROWS = pa.table({"n": [1, 2], "code": ["a", "b"]}).replace_schema_metadata({"origin": "here"})


def contract(version: str, *columns: Column) -> Table:
    return Table("some", "Some", version, "team", "channel", "ogl", "once", "", "", "sources/some.yaml", columns)


def read(version: str, written: str, *columns: Column) -> pa.Table:
    return read_as(ROWS, contract(version, *columns), "some", written, "do this")


def test_a_table_of_the_same_version_is_unchanged() -> None:
    assert read("1.2.0", "1.2.0", CODE) is ROWS


def test_a_column_added_since_is_null() -> None:
    table = read("1.2.0", "1.1.0", CODE, NOTE, COUNT)
    assert table.to_pydict() == {"code": ["a", "b"], "note": [None, None], "n": [1, 2]}
    assert table.schema.types == [pa.string(), pa.string(), pa.int64()]
    assert table.schema.metadata == {b"origin": b"here"}


def test_a_column_of_a_later_version_is_dropped() -> None:
    assert read("1.1.0", "1.2.0", CODE).column_names == ["code"]


@pytest.mark.parametrize(
    ("version", "columns"),
    [("2.0.0", (CODE, COUNT)), ("1.1.0", (CODE, COUNT, Column("kind", "string", "Kind", required=True)))],
    ids=["another major version", "a column that must not be null"],
)
def test_an_unreadable_table_is_refused_with_a_remedy(version: str, columns: tuple[Column, ...]) -> None:
    message = (
        f"table some was written under version 1.0.0 of its contract, and {version} is in force: the two versions are "
        "incompatible; do this"
    )
    with pytest.raises(SpiError) as caught:
        read(version, "1.0.0", *columns)
    assert str(caught.value) == message


def test_a_table_without_a_version_has_the_first_version() -> None:
    assert written_under(None) == "1.0.0"
    assert written_under({CONTRACT.encode(): b"3.1.0"}) == "3.1.0"
