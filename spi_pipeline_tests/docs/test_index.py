"""The tables in docs/index.md, made anew from the contracts and from a refreshed store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from spi_pipeline.contracts.indicators import Indicator
from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.contracts.tables import Source
from spi_pipeline.scoring.editions import slots
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table, text

DOCUMENT = REPOSITORY / "docs" / "index.md"


def test_framework(contracts: Contracts) -> None:
    header = ["Dimension", "Component", "Question", "Slots"]
    rows = [
        [dimension.title, component.title, component.description, len(slots(contracts.indicators_of(component.id)))]
        for dimension in contracts.framework.dimensions
        for component in dimension.components
    ]
    assert_table(DOCUMENT, "framework", markdown_table(header, rows, numbers=["Slots"]))


def test_indicators(contracts: Contracts) -> None:
    header = ["Id", "Title", "Component", "Source", "Level", "Worst", "Best", "Period"]
    rows = []
    for indicator in contracts.indicators.values():
        source = contracts.sources[indicator.source]
        title = contracts.framework.components[contracts.component_of[indicator.id]].title
        posts = indicator.goalposts
        rows.append(
            [f"`{indicator.id}`", indicator.title, title, f"`{source.id}`", level(source), f"{posts.worst:g}",
             f"{posts.best:g}", period(indicator, source)]
        )  # fmt: skip
    assert_table(DOCUMENT, "indicators", markdown_table(header, rows, numbers=["Worst", "Best"]))


def level(source: Source) -> str:
    geography = source.properties.geography
    return " or ".join(geography.levels) + ("" if "point" in geography.levels else f", {geography.vintage}")


def period(indicator: Indicator, source: Source) -> str:
    stated, window = source.properties.period, indicator.measure.window
    if window:
        return f"{window.months} months to {dt.date(2000, window.ends, 1):%B}"
    if stated.column:
        return f"each {stated.column}"
    assert stated.start
    assert stated.end
    if stated.basis == "release":
        return f"release of {stated.end[:4]}"
    return stated.end if stated.start == stated.end else f"{stated.start} to {stated.end}"


def test_profiles(contracts: Contracts) -> None:
    header = ["Profile", "Weights in a component", "A missing cell", "Means", "Smallest share of parts"]
    rows = [
        [f"`{name}`", profile.weights, profile.impute, ", ".join(dict.fromkeys(profile.means.values())),
         f"{profile.available:g}"]
        for name, profile in contracts.framework.profiles.items()
    ]  # fmt: skip
    assert_table(DOCUMENT, "profiles", markdown_table(header, rows))


def test_editions(refreshed: Path) -> None:
    header = ["Edition", "Slots filled", "New", "Carried", "Empty"]
    with duckdb.connect(str(refreshed / "spi_store" / "spi.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "SELECT DISTINCT edition, indicators, fresh, carried, missing FROM edition ORDER BY edition"
        ).fetchall()
    rows = [[str(edition), *counts] for edition, *counts in found]
    assert_table(DOCUMENT, "editions", markdown_table(header, rows, numbers=header))


def test_the_rules_in_the_text_are_those_of_the_contracts(contracts: Contracts) -> None:
    said, publication = text(DOCUMENT), contracts.framework.publication
    assert f"from {publication.first_edition} to" in said
    assert f"at least {publication.slots:.0%} of the slots".replace("%", " %") in said
    assert f"at least {publication.areas:.0%} of the wards".replace("%", " %") in said
    carry = {cadence: entry.carry_years for cadence, entry in contracts.vocabulary.cadences.items()}
    assert carry.pop("decennial") == 10
    assert set(carry.values()) == {3}
    assert {profile.available for profile in contracts.framework.profiles.values()} == {0.5}
    assert {i.measure.window.ends for i in contracts.indicators.values() if i.measure.window} == {4}
