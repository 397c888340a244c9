"""The embedded figures for some wards: their own tables take precedence over England's tables, cut to these wards."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import Authority, Geography, Ward
from spi_pipeline.publishers.files.inputs import InputFile
from spi_pipeline.snapshot.embedded import EmbeddedTable, read_embedded, snapshot_as_of, write_snapshot
from spi_pipeline.snapshot.figures import Figures

ORIGIN = (InputFile("a.csv", "2021", "0" * 64, 7),)
EARLIER, LATER = dt.date(2026, 1, 1), dt.date(2026, 2, 2)
# Two authorities of two LSOAs each; one LSOA of 2011 was divided between both.
ENGLAND = {
    "lsoa_best_fit": {
        "area_code": ["E01000001", "E01000002", "E01000003", "E01000004"],
        "ward_code": ["E05000001", "E05000002", "E05000003", "E05000003"],
        "authority_code": ["E06000001", "E06000001", "E06000002", "E06000002"],
        "msoa_code": ["E02000001", "E02000001", "E02000002", "E02000002"],
    },
    "lsoa_2011_lookup": {
        "lsoa_2011_code": ["E01000001", "E01000099", "E01000099", "E01000004"],
        "lsoa_2021_code": ["E01000001", "E01000002", "E01000003", "E01000004"],
    },
    "msoa_2011_lookup": {
        "msoa_2011_code": ["E02000091", "E02000092"],
        "msoa_2021_code": ["E02000001", "E02000002"],
    },
    "lsoa_2011_msoa": {
        "lsoa_2011_code": ["E01000001", "E01000099", "E01000004"],
        "msoa_2011_code": ["E02000091", "E02000091", "E02000092"],
    },
    "census_residents": {"area_code": ["E01000001", "E01000002", "E01000003", "E01000004"], "residents": [1, 2, 3, 4]},
    "deprivation_2019": {"area_code": ["E01000001", "E01000099", "E01000004"], "income_deprived": [0.1, 0.2, 0.3]},
    "household_income": {"area_code": ["E02000091", "E02000092"], "income": [10, 20]},
    "wards": {"area_code": ["E05000001", "E05000002", "E05000003"], "area_name": ["A", "B", "C"]},
    "local_elections_2023": {"area_code": ["E05000003"], "turnout": [30.0]},
    "reference": {"indicator_id": ["turnout"], "value": [1.0]},
}


def embedded(tables: dict[str, dict[str, list[object]]]) -> dict[str, EmbeddedTable]:
    return {name: EmbeddedTable(name, pa.table(columns), ORIGIN) for name, columns in tables.items()}


@pytest.fixture
def england(tmp_path: Path, every_contract: Contracts) -> Path:
    write_snapshot(tmp_path / "england", embedded(ENGLAND), every_contract.sources, EARLIER)
    return tmp_path / "england"


@pytest.fixture
def town() -> Geography:
    return Geography(
        vintage="2024-05",
        authorities=[Authority(code="E06000001", name="Town", police_force="force", placed_by="best_fit")],
        wards=[Ward(code=f"E0500000{at}", name=name, authority="E06000001") for at, name in ((1, "A"), (2, "B"))],
    )


def column(figures: Figures, name: str, by: str = "area_code") -> list[object]:
    return list(figures.read(name).table[by].to_pylist())


def test_a_table_of_england_is_cut_to_the_areas_of_each_kind(england: Path, town: Geography) -> None:
    figures = Figures(None, england, town)
    assert column(figures, "census_residents", "residents") == [1, 2]
    assert column(figures, "deprivation_2019") == ["E01000001", "E01000099"], "areas that are partly ours are included"
    assert column(figures, "household_income") == ["E02000091"]
    assert column(figures, "wards") == ["E05000001", "E05000002"]
    assert column(figures, "lsoa_2011_lookup", "lsoa_2021_code") == ["E01000001", "E01000002"]
    assert column(figures, "msoa_2011_lookup", "msoa_2011_code") == ["E02000091"]
    assert column(figures, "lsoa_2011_msoa", "lsoa_2011_code") == ["E01000001", "E01000099"]
    assert column(figures, "reference", "indicator_id") == ["turnout"], "tables about England are not cut"
    assert figures.read("census_residents").inputs == ORIGIN


def test_tables_of_england_without_rows_for_these_wards_are_missing(england: Path, town: Geography) -> None:
    figures = Figures(None, england, town)
    assert figures.names == ENGLAND.keys() - {"local_elections_2023"}
    assert figures.digest("street_crime") == "missing"
    with pytest.raises(
        SpiError,
        match="source street_crime has no figures supplied with the program, neither for this council nor for England",
    ):
        figures.read("street_crime")


def test_a_table_of_the_wards_themselves_takes_precedence(
    england: Path, town: Geography, tmp_path: Path, every_contract: Contracts
) -> None:
    own = embedded({"census_residents": {"area_code": ["E00000001"], "residents": [9]}})
    write_snapshot(tmp_path / "own", own, every_contract.sources, LATER)
    figures = Figures(tmp_path / "own", england, town)
    assert column(figures, "census_residents", "residents") == [9]
    assert figures.as_of == LATER
    assert Figures(None, england, town).as_of == EARLIER
    alone = Figures(tmp_path / "own", None, town)
    assert alone.names == {"census_residents"}
    with pytest.raises(
        SpiError,
        match=r"source wards has no figures supplied with the program, neither for this council \(in .*own\) nor for",
    ):
        alone.read("wards")


def test_a_digest_changes_with_the_table_and_with_the_areas(
    england: Path, town: Geography, every_contract: Contracts
) -> None:
    figures = Figures(None, england, town)
    before, other = figures.digest("census_residents"), figures.digest("household_income")
    [authority] = town.authorities
    renamed = Geography(
        vintage=town.vintage, authorities=[authority.model_copy(update={"code": "E06000002"})], wards=town.wards
    )
    assert Figures(None, england, renamed).digest("census_residents") != before
    changed = ENGLAND | {"census_residents": ENGLAND["census_residents"] | {"residents": [1, 2, 3, 5]}}
    write_snapshot(england, embedded(changed), every_contract.sources, EARLIER)
    after = Figures(None, england, town)
    assert after.digest("census_residents") != before
    assert after.digest("household_income") == other


def test_the_files_of_a_cut_are_a_complete_snapshot(
    england: Path, town: Geography, tmp_path: Path, every_contract: Contracts
) -> None:
    figures, copy = Figures(None, england, town), tmp_path / "copy"
    copy.mkdir()
    for name, data in figures.files(every_contract.sources).items():
        (copy / name).write_bytes(data)
    alone = Figures(copy, None, town)
    assert alone.names == figures.names
    assert snapshot_as_of(copy) == EARLIER
    for name in figures.names:
        mine, theirs = (each.read(name).table.replace_schema_metadata(None) for each in (alone, figures))
        assert mine.equals(theirs)
        assert read_embedded(copy, name).inputs == ORIGIN


def test_a_damaged_table_of_england_is_reported(england: Path, town: Geography) -> None:
    figures = Figures(None, england, town)
    assert figures.damage() == []
    [file] = england.glob("census_residents.*")
    file.write_bytes(file.read_bytes()[:-1])
    assert len(figures.damage()) == 1
    with pytest.raises(SpiError, match="is broken"):
        figures.read("census_residents")
