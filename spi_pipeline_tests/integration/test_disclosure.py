"""A count below the minimum of its source is in nothing that is published, nor what it could be worked out from."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest
from lxml import html

from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.integration.houses import SNAPSHOT, House, empty_house
from spi_pipeline_tests.integration.test_own_table import owning

FEW, NEXT = 3, 11
CALLED = "Night calls (per 1,000 residents)"


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    """Invented calls in every ward: three in one, eleven in the next fewest."""
    every = read_embedded(SNAPSHOT, "postcodes").table.to_pandas()
    wards = sorted(set(every["ward_code"]))
    return {ward: FEW if index == 7 else NEXT + index for index, ward in enumerate(wards)}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, counts: dict[str, int]) -> House:
    """A house with these calls, and every output that holds figures."""
    house = empty_house(tmp_path_factory.mktemp("few")).making("site", "downloads")
    every = read_embedded(house.settings.snapshot, "postcodes").table.to_pandas()
    first = every.groupby("ward_code")["postcode"].first()
    house = owning(house, "Postcode\n" + "".join(f"{first[ward]}\n" * count for ward, count in counts.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        done = house.refresh()
    assert done.faults == []
    return house


@pytest.fixture(scope="module")
def hidden(counts: dict[str, int]) -> list[str]:
    """The ward with three calls, and the one with the next fewest."""
    return sorted(counts, key=lambda ward: counts[ward])[:2]


@pytest.fixture(scope="module")
def secrets(published: House, counts: dict[str, int], hidden: list[str]) -> list[float]:
    """The rates of both wards, their scores and the town's true rate: each would give the counts back."""
    residents = dict(published.query("SELECT area_code, population FROM area"))
    rates = [1000 * counts[ward] / residents[ward] for ward in hidden]
    town = 1000 * sum(counts.values()) / sum(residents[ward] for ward in counts)
    return [*rates, *(100 * (40 - rate) / 40 for rate in rates), town]


def frames(published: House) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every table of the database, as itself, as CSV and as Parquet."""
    site = published.store.database.resolve().parent / "site"
    with duckdb.connect(str(published.store.database), read_only=True) as connection:
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            yield name, connection.sql(f'SELECT * FROM "{name}"').df()
    for file in sorted((site / "downloads").iterdir()):
        if file.suffix == ".csv":
            yield file.name, pd.read_csv(file, low_memory=False)
        elif file.suffix == ".parquet":
            yield file.name, pd.read_parquet(file)


def test_both_wards_are_suppressed_and_the_town_is_counted_without_them(
    published: House, counts: dict[str, int], hidden: list[str]
) -> None:
    rows = published.query(
        "SELECT area_code, status, value, lower, upper, numerator, denominator, allocation_error FROM observation "
        "WHERE indicator_id = 'night_calls'"
    )
    none = {row[:2] for row in rows if row[2:] == (None,) * 6}
    assert none == {(ward, "suppressed") for ward in hidden}
    shown = {row[0]: row[5] for row in rows if row[2] is not None}
    others = {ward: float(count) for ward, count in counts.items() if ward not in hidden}
    assert shown == others | {"E06000032": sum(others.values())}


def test_no_table_in_any_form_holds_what_the_counts_could_be_worked_out_from(
    published: House, secrets: list[float]
) -> None:
    seen = 0
    for name, frame in frames(published):
        numbers = frame.select_dtypes("number").to_numpy(dtype=float, na_value=float("nan"))
        seen += numbers.size
        for secret in secrets:
            assert not np.isclose(numbers, secret, rtol=0, atol=1e-6).any(), (name, secret)
    assert seen > 100_000


def test_no_table_holds_a_row_of_the_indicator_and_ward_with_a_count(published: House, hidden: list[str]) -> None:
    for name in ("what_would_it_take", "target"):
        asked = f"SELECT count(*) FROM {name} WHERE indicator_id = 'night_calls' AND area_code IN (?, ?)"
        assert published.query(asked, *hidden) == [(0,)]


def test_the_workbook_says_that_they_are_withheld(published: House, hidden: list[str]) -> None:
    book = openpyxl.load_workbook(published.store.database.resolve().parent / "site/downloads/spi.xlsx")
    names = dict(published.query("SELECT area_code, area_name FROM area"))
    sheet = [[cell.value for cell in row] for row in book["Indicators"]]
    (column,) = [at for row in sheet for at, cell in enumerate(row) if str(cell).startswith(CALLED)]
    cells = {row[0]: row[column] for row in sheet if row[0] in names.values()}
    assert len(cells) == len(names)
    withheld = {name: cell for name, cell in cells.items() if not isinstance(cell, float | int)}
    assert withheld == {names[ward]: "[c]" for ward in hidden}
    assert any(str(cell).startswith("[c] withheld") for row in sheet for cell in row), "the symbol is explained"


def test_the_pages_of_both_wards_say_that_it_is_withheld(published: House, hidden: list[str]) -> None:
    site = published.store.database.resolve().parent / "site"
    names = dict(published.query("SELECT area_code, area_name FROM area"))
    told = 0
    for page in sorted((site / "wards").glob("*.html")):
        tree = html.document_fromstring(page.read_bytes())
        rows = [row.text_content() for row in tree.xpath("//tr") if CALLED.split(" (")[0] in row.text_content()]
        ward = [code for code in hidden if names[code] in tree.findtext(".//h1", "")]
        if ward and page.stem != "index":
            assert rows, page
            assert all("withheld" in row for row in rows), rows
            told += 1
    assert told == 2


def test_the_check_looked_and_found_nothing(published: House) -> None:
    asked = "SELECT DISTINCT outcome FROM check_result WHERE rule = ? AND table_name = ?"
    for table in ("indicator_value.night_calls", "observation", "what_would_it_take"):
        assert published.query(asked, "disclosure", table) == [("passed",)], table
    for table in ("observation", "check_result", "source_release"):
        assert published.query(asked, "unplaced", table) == [("passed",)], table
