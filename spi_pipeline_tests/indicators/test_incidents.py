"""Incidents added up by ward, compared with the same sums in pandas."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.geography.shapes import Array
from spi_pipeline.indicators.incidents import counts_by_place
from spi_pipeline.steps.step import typed
from spi_pipeline_tests.integration.sandboxes import CONTRACTS

PLACES = [(0.1, 52.0, "E01000001"), (0.1, 52.0, None), (0.1, 52.5, "E01000002"), (0.2, 52.0, "E01000002")]
NOWHERE = (None, None, None)
WHERE = ["longitude", "latitude", "lsoa_code"]
KINDS = ["Burglary", "Drugs"]
ROWS = st.lists(
    st.tuples(st.sampled_from(["2023-01", "2023-02"]), st.sampled_from(KINDS), st.sampled_from([*PLACES, NOWHERE]),
              st.integers(1, 50)),
    max_size=30,
)  # fmt: skip
SAME_FILE = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def west(points: pd.DataFrame) -> Array:
    """The ward of each point: W1 west of 0.15 degrees, none elsewhere."""
    assert not points.duplicated().any(), "each place is given once"
    return (points["longitude"] < 0.15).map({True: "W1", False: None}).to_numpy(dtype=object)


def stored(rows: pd.DataFrame, source: Source, folder: Path) -> Path:
    file = folder / "rows.parquet"
    typed(rows, source).to_pandas().to_parquet(file)
    return file


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(CONTRACTS)


@pytest.fixture(scope="module")
def crimes(contracts: Contracts) -> Source:
    return contracts.sources["street_crime"]


@SAME_FILE
@given(ROWS, st.booleans())
def test_sums_match_those_of_the_rows(
    crimes: Source, tmp_path: Path, rows: list[tuple[str, str, tuple[object, ...], int]], by_point: bool
) -> None:
    cells = [(month, kind, *place, count) for month, kind, place, count in rows]
    frame = pd.DataFrame(cells, columns=["month", "crime_type", *WHERE, "crimes"])
    frame = frame.astype({"longitude": "float64", "latitude": "float64", "crimes": "int64"})
    got = counts_by_place(stored(frame, crimes, tmp_path), crimes, west, by_point=by_point)
    keys = ["month", "crime_type", *(WHERE if by_point else []), "ward_code", "has_place", "has_area"]
    assert list(got.columns) == [*keys, "crimes"]
    frame["ward_code"] = (frame["longitude"] < 0.15).map({True: "W1", False: None})
    frame = frame.assign(has_place=frame["longitude"].notna(), has_area=frame["lsoa_code"].notna())
    expected = frame.groupby(keys, dropna=False)["crimes"].sum()

    def as_pairs(sums: pd.Series) -> set[tuple[str, int]]:
        return {(str([None if pd.isna(part) else part for part in key]), int(n)) for key, n in sums.items()}

    assert as_pairs(got.set_index(keys)["crimes"]) == as_pairs(expected)
    assert len(got) == len(expected)


def test_points_of_a_source_without_small_areas_all_have_an_area(contracts: Contracts, tmp_path: Path) -> None:
    source = contracts.sources["road_collisions"]
    rows = pd.DataFrame(
        {"year": [2022, 2022], "severity": "slight", "longitude": [0.1, None], "latitude": [52.0, None]}
    )
    got = counts_by_place(stored(rows.assign(collisions=[2, 3]), source, tmp_path), source, west)
    assert got["has_area"].all()
    assert got.set_index("has_place")["collisions"].to_dict() == {True: 2, False: 3}
    assert got["year"].unique().tolist() == [2022], "a year is not a count"


def test_a_column_that_a_table_does_not_have_yet_is_null(crimes: Source, tmp_path: Path) -> None:
    rows = pd.DataFrame({"month": ["2023-01"], "crime_type": KINDS[:1], "longitude": [0.1], "latitude": [52.0]})
    file = tmp_path / "older.parquet"
    rows.assign(crimes=4).to_parquet(file)
    got = counts_by_place(file, crimes, west)
    assert got.to_dict("records") == [
        {
            "month": "2023-01",
            "crime_type": "Burglary",
            "ward_code": "W1",
            "has_place": True,
            "has_area": False,
            "crimes": 4,
        }
    ]


ONE = pd.DataFrame([("2023-01", "Drugs", *PLACES[0], 3)], columns=["month", "crime_type", *WHERE, "crimes"])


@pytest.mark.parametrize("name", ["a?b", "a*b", "a[x]b", "it's 5%#1"])
def test_the_name_of_a_folder_is_taken_literally(crimes: Source, tmp_path: Path, name: str) -> None:
    """DuckDB reads ? and * as patterns, which must not add the crimes of a neighbouring folder to those of this one."""
    for folder in (name, "axb"):
        (tmp_path / folder).mkdir()
        file = stored(ONE, crimes, tmp_path / folder)
    assert counts_by_place(tmp_path / name / file.name, crimes, west)["crimes"].tolist() == [3]


@pytest.mark.parametrize("left", [0, 300])
def test_a_file_that_cannot_be_read_is_named(crimes: Source, tmp_path: Path, left: int) -> None:
    file = stored(ONE, crimes, tmp_path)
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(SpiError, match=r"rows\.parquet cannot be read .*; run spi refresh"):
        counts_by_place(file, crimes, west)
    file.unlink()
    with pytest.raises(SpiError, match=r"rows\.parquet cannot be read"):
        counts_by_place(file, crimes, west)
