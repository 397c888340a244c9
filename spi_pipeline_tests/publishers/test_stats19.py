"""STATS19: collisions in our authorities, each counted once, where they happened."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.stats19 import FILE, OFFERS
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, body_of, fetch_and_parse, matches_contract

COLLISIONS = OFFERS["road_collisions"]
HEADER = [
    "collision_index",
    "collision_year",
    "date",
    "longitude",
    "latitude",
    "collision_severity",
    "local_authority_ons_district",
]
OURS = "E06900001"
ROWS = [
    ("a", 2024, "01/02/2024", -0.42, 51.88, 3, OURS), ("b", 2024, "01/03/2024", -0.42, 51.88, 3, OURS),
    ("b", 2024, "01/03/2024", -0.42, 51.88, 3, OURS), ("c", 2023, "01/03/2023", -0.38, 51.88, 1, OURS),
    ("d", 2023, "01/03/2023", -1, -1, 2, OURS), ("e", 2023, "01/03/2023", -2.5, 53.5, 1, "E06000001"),
]  # fmt: skip


def table(rows: list[tuple[object, ...]] = ROWS, header: list[str] = HEADER) -> bytes:
    return body_of(pd.DataFrame(rows, columns=header))


def test_collisions_are_counted_by_point_and_severity(tmp_path: Path) -> None:
    frame = fetch_and_parse(COLLISIONS, FakeClient(tmp_path, {FILE: table()}), TOWN)
    assert matches_contract("road_collisions", frame)
    found = frame.astype(object).where(frame.notna(), None).values.tolist()
    assert found == [
        [2023, "fatal", -0.38, 51.88, 1],
        [2023, "serious", None, None, 1],
        [2024, "slight", -0.42, 51.88, 2],
    ]


def test_a_null_coordinate_is_missing(tmp_path: Path) -> None:
    rows = [*ROWS, ("f", 2024, "01/03/2024", "NULL", "NULL", 2, OURS)]
    frame = COLLISIONS.parse([as_download(tmp_path, table(rows))], TOWN)
    missing = frame[frame["longitude"].isna()]
    assert missing[["year", "severity", "collisions"]].values.tolist() == [[2023, "serious", 1], [2024, "serious", 1]]


def test_column_names_of_earlier_years_are_read(tmp_path: Path) -> None:
    older = ["accident_index", "accident_year", "date", "longitude", "latitude", "accident_severity", HEADER[-1]]
    assert COLLISIONS.parse([as_download(tmp_path, table(header=older))], TOWN)["collisions"].sum() == 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            table([("a", 2024, "", 51.88, -0.42, 3, OURS)]),
            "1 of 1 collisions in our authorities lie elsewhere, the first at longitude",
        ),
        (table([("a", 2024, "", -0.42, 51.88, 9, OURS)]), "column severity holds '9', not 1, 2 or 3; see its guide"),
        (table(ROWS[-1:]), "holds no collision in E06900001; download it again"),
        (
            table(header=["id", *HEADER[1:]]),
            "lacks the columns collision_index or accident_index of the Department for Tran",
        ),
        (table([("a", 2024, "", "west", 51.88, 3, OURS)]), "column longitude holds 'west' where a number belongs"),
    ],
    ids=["coordinates elsewhere", "an unknown severity", "another place", "renamed", "a word"],
)
def test_another_file_is_refused(tmp_path: Path, body: bytes, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        COLLISIONS.parse([as_download(tmp_path, body, "collisions.csv")], TOWN)
    assert message in str(caught.value)
