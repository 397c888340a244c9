"""Building a snapshot: the same files give the same bytes, and reading it back works or reports the damage."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.snapshot.build import import_tables
from spi_pipeline.snapshot.embedded import embedded_file, read_embedded, snapshot_as_of, snapshot_tables, write_snapshot
from spi_pipeline_tests.imitations.fixtures import write_folder

AS_OF = dt.date(2026, 5, 1)


def build(root: Path, contracts: Contracts, to: Path) -> Path:
    tables = {item.source_id: item for item in import_tables(root, contracts)}
    write_snapshot(to, tables, contracts.sources, AS_OF)
    return to


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory, contracts: Contracts) -> Path:
    """A snapshot of the small folder."""
    folder = tmp_path_factory.mktemp("snapshot")
    return build(write_folder(folder / "files"), contracts, folder / "tables")


@pytest.fixture
def snapshot_copy(snapshot: Path, tmp_path: Path) -> Path:
    """A copy of the snapshot that the test may damage."""
    return Path(shutil.copytree(snapshot, tmp_path / "tables"))


def hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_two_builds_give_the_same_bytes(root: Path, snapshot: Path, contracts: Contracts, tmp_path: Path) -> None:
    again = build(root, contracts, tmp_path / "again")
    assert hashes(again) == hashes(snapshot)
    assert len(hashes(again)) == len(contracts.sources) + 1


def test_a_build_replaces_the_previous_one_completely(snapshot_copy: Path, root: Path, contracts: Contracts) -> None:
    (snapshot_copy / "dropped_source.parquet").write_bytes(b"left from before")
    before = hashes(build(root, contracts, snapshot_copy))
    assert "dropped_source.parquet" not in before
    assert len(before) == len(contracts.sources) + 1


def test_written_tables_are_read_back_unchanged(root: Path, snapshot: Path, contracts: Contracts) -> None:
    assert snapshot_as_of(snapshot) == AS_OF
    assert snapshot_tables(snapshot) == sorted(contracts.sources)
    for item in import_tables(root, contracts):
        found = read_embedded(snapshot, item.source_id)
        assert found.table.replace_schema_metadata(None).equals(item.table)
        assert found.inputs == item.inputs


def test_the_origin_of_figures_is_stored_with_them(root: Path, snapshot: Path, contracts: Contracts) -> None:
    origin = json.loads(pq.read_schema(embedded_file(snapshot, "bus_service")).metadata[b"spi_provenance"])
    properties = contracts.sources["bus_service"].properties
    names = [f"transport/bus_trips_per_hour_lsoa21_{year}_town.csv" for year in (2022, 2023)]
    assert [(item["file"], item["period"]) for item in origin["inputs"]] == list(
        zip(names, ["2022", "2023"], strict=True)
    )
    assert [item["sha256"] for item in origin["inputs"]] == [
        hashlib.sha256((root / name).read_bytes()).hexdigest() for name in names
    ]
    assert (origin["publisher"], origin["licence"], origin["period"]) == (properties.publisher, "OGL-UK-3.0", "by year")


def test_a_lookup_that_only_filters_is_not_an_origin(snapshot: Path) -> None:
    assert [item.file for item in read_embedded(snapshot, "energy_certificates").inputs] == [
        "energy/epc_lsoa11_town.csv"
    ]


def test_a_source_that_nothing_imports_is_named(root: Path, contracts: Contracts) -> None:
    gauge = contracts.sources["postcodes"]
    assert gauge.properties.mode == "frozen"  # fetched sources need no importer
    unknown = replace(contracts, sources=contracts.sources | {"tide_gauge": gauge})
    with pytest.raises(SpiError) as caught:
        list(import_tables(root, unknown))
    assert str(caught.value) == "no importer reads the sources tide_gauge; add one in spi_pipeline/publishers"


def test_a_folder_that_is_not_a_snapshot_is_not_replaced(root: Path, contracts: Contracts, tmp_path: Path) -> None:
    precious = tmp_path / "documents"
    precious.mkdir()
    (precious / "letter.txt").write_text("dear")
    with pytest.raises(SpiError) as caught:
        build(root, contracts, precious)
    assert str(caught.value) == f"{precious} holds files that are not a snapshot and would be lost; choose another --to"
    assert (precious / "letter.txt").read_text() == "dear"


def test_a_folder_that_cannot_be_written_is_named(root: Path, contracts: Contracts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    to = tmp_path / "file" / "tables"
    with pytest.raises(SpiError, match=r"could not be written \(Not a directory\): check the folder"):
        build(root, contracts, to)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-40]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_text("not Parquet"),
        lambda file: pq.write_table(pa.table({"area_code": ["E05014735"]}), file),
        lambda file: pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"spi_provenance": "{}"}), file),
        lambda file: pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"spi_provenance": "["}), file),
        lambda file: pq.write_table(
            pa.table({"a": [1]}).replace_schema_metadata({"spi_provenance": '{"inputs": [{"path": "x"}]}'}), file
        ),
    ],
    ids=["cut", "empty", "text", "no origin", "empty origin", "broken origin", "another origin"],
)
def test_a_damaged_table_says_what_to_do(snapshot_copy: Path, damage: Callable[[Path], object]) -> None:
    file = embedded_file(snapshot_copy, "wards")
    damage(file)
    with pytest.raises(SpiError) as caught:
        read_embedded(snapshot_copy, "wards")
    assert str(caught.value) == (
        f"the embedded table {file} is broken; restore it, or write it with spi snapshot build --from FOLDER"
    )


def test_a_missing_table_says_what_to_do(snapshot_copy: Path) -> None:
    file = embedded_file(snapshot_copy, "wards")
    file.unlink()
    with pytest.raises(SpiError) as caught:
        read_embedded(snapshot_copy, "wards")
    assert str(caught.value) == (
        f"source wards has no embedded table {file}; add it with spi snapshot build --from FOLDER"
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"as_of": "2026-05-01"}', '{"as_of": "May", "tables": {}}',
             '{"as_of": 2026, "tables": {}}', '{"as_of": "2026-05-01", "tables": null}'],
)  # fmt: skip
@pytest.mark.parametrize("read", [snapshot_as_of, snapshot_tables])
def test_a_damaged_manifest_says_what_to_do(snapshot_copy: Path, read: Callable[[Path], object], text: str) -> None:
    (snapshot_copy / "manifest.json").write_text(text)
    with pytest.raises(SpiError) as caught:
        read(snapshot_copy)
    expected = "is damaged; rewrite the snapshot with spi snapshot build --from FOLDER"
    assert str(caught.value) == f"{snapshot_copy / 'manifest.json'} {expected}"


def test_a_missing_snapshot_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SpiError) as caught:
        snapshot_as_of(tmp_path / "none")
    expected = "write one with spi snapshot build --from FOLDER"
    assert str(caught.value) == f"there is no snapshot at {tmp_path / 'none'}; {expected}"
