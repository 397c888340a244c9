"""No publication holds a count below the minimum of its source, or figures from which it could be derived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from lxml import html

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.measured import minimum_counts_of
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.releases import Release, disclosed_between
from spi_pipeline.rules.rule import Rule
from spi_pipeline.run.freezing import refuse_disclosure
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.storage.published.releases import SIGNED, Contents
from spi_pipeline.storage.published.releases import Release as FrozenRelease
from spi_pipeline_tests.integration.sandboxes import SNAPSHOT, Sandbox, column, copied, empty_sandbox
from spi_pipeline_tests.integration.test_own_table import with_own_table

FEW, NEXT, TOWN = 3, 11, "E06000032"
TITLE = "Night calls (per 1,000 residents)"


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    """Invented calls per ward: 3 in the ward with the fewest, 11 in the next."""
    every = read_embedded(SNAPSHOT, "postcodes").table.to_pandas()
    wards = sorted(set(every["ward_code"]))
    return {ward: FEW if index == 7 else NEXT + index for index, ward in enumerate(wards)}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, counts: dict[str, int]) -> Sandbox:
    """A sandbox with these calls and every output that holds figures."""
    sandbox = empty_sandbox(tmp_path_factory.mktemp("few")).building("site", "downloads")
    every = read_embedded(sandbox.settings.snapshot, "postcodes").table.to_pandas()
    first = every.groupby("ward_code")["postcode"].first()
    sandbox = with_own_table(
        sandbox, "Postcode\n" + "".join(f"{first[ward]}\n" * count for ward, count in counts.items())
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        done = sandbox.refresh()
    assert done.faults == []
    return sandbox


@pytest.fixture(scope="module")
def hidden(counts: dict[str, int]) -> list[str]:
    """The two wards with the fewest calls: 3 and 11."""
    return sorted(counts, key=lambda ward: counts[ward])[:2]


@pytest.fixture(scope="module")
def secrets(published: Sandbox, counts: dict[str, int], hidden: list[str]) -> list[float]:
    """The rates of both wards, their scores and the town's true rate; each would reveal the counts."""
    residents = dict(published.query("SELECT area_code, population FROM area"))
    rates = [1000 * counts[ward] / residents[ward] for ward in hidden]
    town = 1000 * sum(counts.values()) / sum(residents[ward] for ward in counts)
    return [*rates, *(100 * (40 - rate) / 40 for rate in rates), town]


def frames(published: Sandbox) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every table of the database, and every CSV and Parquet download."""
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
    published: Sandbox, counts: dict[str, int], hidden: list[str]
) -> None:
    rows = published.query(
        "SELECT area_code, status, value, lower, upper, numerator, denominator, allocation_error FROM observation "
        "WHERE indicator_id = 'night_calls'"
    )
    none = {row[:2] for row in rows if row[2:] == (None,) * 6}
    assert none == {(ward, "suppressed") for ward in hidden}
    shown = {row[0]: row[5] for row in rows if row[2] is not None}
    others = {ward: float(count) for ward, count in counts.items() if ward not in hidden}
    assert shown == others | {TOWN: sum(others.values())}


def test_no_table_or_download_holds_figures_that_reveal_the_counts(published: Sandbox, secrets: list[float]) -> None:
    seen = 0
    for name, frame in frames(published):
        numbers = frame.select_dtypes("number").to_numpy(dtype=float, na_value=float("nan"))
        seen += numbers.size
        for secret in secrets:
            assert not np.isclose(numbers, secret, rtol=0, atol=1e-6).any(), (name, secret)
    assert seen > 100_000


def test_no_table_holds_a_row_of_the_indicator_and_ward_with_a_count(published: Sandbox, hidden: list[str]) -> None:
    for name in ("what_would_it_take", "target"):
        query = f"SELECT count(*) FROM {name} WHERE indicator_id = 'night_calls' AND area_code IN (?, ?)"
        assert published.query(query, *hidden) == [(0,)]


def test_the_workbook_marks_both_wards_as_withheld(published: Sandbox, hidden: list[str]) -> None:
    book = openpyxl.load_workbook(published.store.database.resolve().parent / "site/downloads/spi.xlsx")
    names = dict(published.query("SELECT area_code, area_name FROM area"))
    sheet = [[cell.value for cell in row] for row in book["Indicators"]]
    (column,) = [at for row in sheet for at, cell in enumerate(row) if str(cell).startswith(TITLE)]
    cells = {row[0]: row[column] for row in sheet if row[0] in names.values()}
    assert len(cells) == len(names)
    withheld = {name: cell for name, cell in cells.items() if not isinstance(cell, float | int)}
    assert withheld == {names[ward]: "[c]" for ward in hidden}
    assert any(str(cell).startswith("[c] withheld") for row in sheet for cell in row), "the symbol is explained"


def test_the_pages_of_both_wards_say_that_it_is_withheld(published: Sandbox, hidden: list[str]) -> None:
    site = published.store.database.resolve().parent / "site"
    names = dict(published.query("SELECT area_code, area_name FROM area"))
    pages = 0
    for page in sorted((site / "wards").glob("*.html")):
        tree = html.document_fromstring(page.read_bytes())
        rows = [row.text_content() for row in tree.xpath("//tr") if TITLE.split(" (")[0] in row.text_content()]
        ward = [code for code in hidden if names[code] in tree.findtext(".//h1", "")]
        if ward and page.stem != "index":
            assert rows, page
            assert all("withheld" in row for row in rows), rows
            pages += 1
    assert pages == 2


def disclosure(sandbox: Sandbox, table: str = "observation") -> Rule:
    """The disclosure rule in the contract of a product."""
    return next(rule for rule in sandbox.contracts.products[table].rules if rule.kind == "disclosure")


def with_counts(sandbox: Sandbox, planted: dict[str, int]) -> pa.Table:
    """The observations with the counts of some areas replaced."""
    table = sandbox.store.read("observation").to_pandas()
    own = table[table["indicator_id"] == "night_calls"]
    shown = own.loc[own["numerator"].notna()].iloc[0]
    for area, count in planted.items():
        at = own.index[own["area_code"] == area]
        table.loc[at, ["numerator", "period_start", "period_end"]] = [
            float(count),
            shown.period_start,
            shown.period_end,
        ]
    return pa.Table.from_pandas(table, preserve_index=False)


def verdict(sandbox: Sandbox, planted: dict[str, int]) -> str:
    (result,) = evaluate(with_counts(sandbox, planted), [disclosure(sandbox)], table_name="observation")
    return f"{result.outcome}: {result.observed}"


def test_a_planted_count_is_detected_directly_and_through_the_town_total(
    published: Sandbox, counts: dict[str, int], hidden: list[str]
) -> None:
    few, following = hidden
    whole = sum(counts.values())
    assert verdict(published, {}).startswith("passed: 152 counts")
    assert verdict(published, {TOWN: whole}).startswith("passed"), "fourteen in two wards reveal neither count"
    assert verdict(published, {few: FEW}).startswith("failed: 1 figure gives away a count below its minimum")
    alone = verdict(published, {TOWN: whole, following: NEXT})
    assert alone.endswith(f"{few}, left of {TOWN}"), alone
    assert str(FEW) not in alone.replace(few, "").replace(TOWN, "").replace("2025-12-31", ""), (
        "the count is not revealed"
    )
    assert verdict(published, {TOWN: whole - 10}).endswith(f"left of {TOWN}"), "four in two wards"


def test_a_planted_count_is_detected_between_releases(
    published: Sandbox, counts: dict[str, int], hidden: list[str]
) -> None:
    few, following = hidden
    wholes = dict(published.query("SELECT area_code, parent_code FROM area WHERE level = 'ward'"))
    whole = {TOWN: sum(counts.values())}
    now = Release(with_counts(published, whole), wholes)
    assert disclosed_between(now, now, disclosure(published)) == []
    earlier = Release(with_counts(published, whole | {following: NEXT}), wholes)
    (one,) = [each for each in disclosed_between(earlier, now, disclosure(published)) if each["left of"] == TOWN]
    assert (one["indicator_id"], one["area_code"]) == ("night_calls", few)


def test_a_draft_that_reveals_a_count_together_with_a_signed_release_is_refused(
    published: Sandbox, counts: dict[str, int], hidden: list[str], tmp_path: Path
) -> None:
    sandbox = copied(published, tmp_path)
    plant(sandbox, published, {hidden[1]: NEXT})
    first = _create_release(sandbox, "first")
    refuse_disclosure(sandbox.runner)
    plant(sandbox, published, {TOWN: sum(counts.values())})
    refuse_disclosure(sandbox.runner)  # the first is not signed, so nobody holds it
    with sandbox.store.lock():
        sandbox.store.releases.add(first, SIGNED, at="2026-11-28T00:00:00+00:00", by="Ann", note="the first")
    with pytest.raises(
        SpiError, match=r"Compared with release first, table observation would disclose a count below"
    ) as raised:
        refuse_disclosure(sandbox.runner)
    assert hidden[0] in str(raised.value)


def plant(sandbox: Sandbox, published: Sandbox, planted: dict[str, int]) -> None:
    """Replace the counts of some areas in the stored observations; the published ones stay."""
    table = with_counts(published, planted).cast(sandbox.store.read("observation").schema)
    current = sandbox.store.current("observation")
    assert current is not None
    kept = {
        "fingerprint": current.fingerprint,
        "judged": current.judged,
        "metadata": sandbox.store.metadata("observation"),
    }
    sandbox.store.write("observation", table, run_id="by_hand", **kept)  # type: ignore[arg-type]


def _create_release(sandbox: Sandbox, name: str) -> FrozenRelease:
    """A release of the tables that the disclosure check needs."""
    versions = {table: sandbox.store.current(table) for table in ("observation", "area", "allocation")}
    files = {table: version.path for table, version in versions.items() if version}
    digests = {table: version.sha256 for table, version in versions.items() if version}
    with sandbox.store.lock():
        return sandbox.store.releases.create(name, {"tables": digests}, Contents({}, files, {}, {}, {}))


def test_a_postcode_in_a_table_is_refused_and_no_file_has_one(published: Sandbox) -> None:
    (rule,) = [rule for rule in published.contracts.products["area"].rules if rule.kind == "unplaced"]
    table = published.store.read("area")
    planted = column(table, "area_name", lambda names: ["LU1 2AB", *names[1:]])
    results = [evaluate(rows, [rule], table_name="area")[0] for rows in (table, planted)]
    assert [result.outcome for result in results] == ["passed", "failed"]
    files = published.store.read("downloads").select(["path", "placed"]).to_pylist()
    assert files
    assert not any(row["placed"] for row in files)


@pytest.mark.parametrize(("minimum", "expected"), [(5, []), (10, [("stop_and_search", "E05014754")])])
def test_the_check_applied_to_the_published_figures_of_luton(
    refreshed: Sandbox, minimum: int, expected: list[tuple[str, str]]
) -> None:
    contracts = refreshed.contracts
    sources = {
        name: replace(source, properties=source.properties.model_copy(update={"minimum_count": minimum}))
        for name, source in contracts.sources.items()
    }
    disclosed = []
    for name, measured in (("observation", contracts.indicators), ("context", contracts.context)):
        about = "indicator_id" if name == "observation" else "measure_id"
        all_least = {
            item.id: minimum_counts_of(item, sources, contracts.vocabulary.units) for item in measured.values()
        }
        rule = Rule(
            "disclosure", "disclosure", "error", "", (about, "area_code", "numerator", "value", "denominator"),
            {
                "by": [about, "period_start", "period_end"],
                "least": {item: least._asdict() for item, least in all_least.items() if least},
                "wholes": {ward.code: ward.authority for ward in contracts.geography.wards},
            },
        )  # fmt: skip
        (result,) = evaluate(refreshed.store.read(name), [rule], table_name=name)
        disclosed += [(row[about], row["area_code"]) for row in result.failing_rows]
    assert disclosed == expected


def test_the_check_ran_and_passed(published: Sandbox) -> None:
    query = "SELECT DISTINCT outcome FROM check_result WHERE rule = ? AND table_name = ?"
    for table in ("indicator_value.night_calls", "observation", "what_would_it_take"):
        assert published.query(query, "disclosure", table) == [("passed",)], table
    for table in ("observation", "area", "recent"):
        assert published.query(query, "unplaced", table) == [("passed",)], table
