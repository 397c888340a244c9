"""The tables in docs/index.md, made anew from the contracts and from a refreshed store."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.indicators.intervals import sampling_model
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


def rows_of(refreshed: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(refreshed / "spi_store" / "spi.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_indicators(contracts: Contracts, refreshed: Path) -> None:
    header = ["Id", "Title", "Component", "Source", "Level", "Worst", "Best", "Basis", "Period"]
    posts = {
        name: (f"{worst:.4g}", f"{best:.4g}", basis)
        for name, worst, best, basis in rows_of(
            refreshed, "SELECT indicator_id, worst, best, goalpost_basis FROM indicator"
        )
    }
    rows = []
    for indicator in contracts.indicators.values():
        source = contracts.sources[indicator.source]
        title = contracts.framework.components[contracts.component_of[indicator.id]].title
        rows.append(
            [f"`{indicator.id}`", indicator.title, title, f"`{source.id}`", level(source), *posts[indicator.id],
             period(indicator, source)]
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
    found = rows_of(
        refreshed, "SELECT DISTINCT edition, indicators, fresh, carried, missing FROM edition ORDER BY edition"
    )
    rows = [[str(edition), *counts] for edition, *counts in found]
    assert_table(DOCUMENT, "editions", markdown_table(header, rows, numbers=header))


def test_weights(contracts: Contracts, refreshed: Path) -> None:
    header = ["Component", "Basis", "Wards", "Alpha", "KMO", "First component"]
    found = {
        parent: cells
        for parent, *cells in rows_of(
            refreshed,
            "SELECT DISTINCT parent_id, basis, n, alpha, kmo, pc1_share FROM weight "
            "WHERE profile = 'spi' AND level = 'component'",
        )
    }
    assert len(found) == len(contracts.framework.components)
    rows = []
    for name, component in contracts.framework.components.items():
        basis, n, *fit = found[name]
        rows.append([component.title, f"`{basis}`", f"{n:,}", *("" if x is None else f"{x:.2f}" for x in fit)])
    assert_table(DOCUMENT, "weights", markdown_table(header, rows, numbers=header[2:]))


def test_slots_by_component_and_edition(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT component_id, edition, count(DISTINCT id) FROM score JOIN indicator ON indicator_id = id "
        "WHERE level = 'indicator' AND profile = 'spi' GROUP BY ALL",
    )
    filled = {(component, edition): count for component, edition, count in found}
    editions = sorted({edition for _, edition in filled})
    header = ["Component", "Slots", *map(str, editions)]
    rows = [
        [component.title, len(slots(contracts.indicators_of(name))), *(filled[name, edition] for edition in editions)]
        for name, component in contracts.framework.components.items()
    ]
    assert_table(DOCUMENT, "slots", markdown_table(header, rows, numbers=header[1:]))


def test_what_each_change_rests_on(refreshed: Path) -> None:
    header = [
        "From",
        "To",
        "Slots with newer figures",
        "Luton, from data",
        "Luton, from the set",
        "Wards, largest from data",
    ]
    found = rows_of(
        refreshed,
        """
        SELECT edition_from, edition_to,
               count(DISTINCT id) FILTER (WHERE level = 'indicator' AND from_data <> 0),
               any_value(from_data) FILTER (WHERE level = 'index' AND area_code LIKE 'E06%'),
               any_value(from_set) FILTER (WHERE level = 'index' AND area_code LIKE 'E06%'),
               max(abs(from_data)) FILTER (WHERE level = 'index' AND area_code LIKE 'E05%')
        FROM change WHERE profile = 'spi' GROUP BY ALL ORDER BY edition_from
        """,
    )
    rows = [[*map(str, cells[:3]), *(f"{value:.1f}" for value in cells[3:])] for cells in found]
    assert_table(DOCUMENT, "moved", markdown_table(header, rows, numbers=header))
    moving = rows_of(
        refreshed, "SELECT DISTINCT source_id FROM change JOIN indicator ON indicator_id = id WHERE from_data <> 0"
    )
    assert {source for (source,) in moving} == {"street_crime", "stop_and_search", "bus_service"}
    assert rows_of(refreshed, "SELECT count(*) FROM change JOIN indicator ON indicator_id = id "
                   "WHERE relative AND from_data <> 0") == [(0,)]  # fmt: skip


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


def test_sampling_models(contracts: Contracts) -> None:
    units = contracts.vocabulary.units
    models = Counter(sampling_model(item, units[item.unit]) for item in contracts.indicators.values())
    rows = [
        ["Wilson's", "shares of people, homes or premises", models["proportion"]],
        ["Byar's; the exact one below ten events", "rates of events", models["rate"]],
        ["Gamma–Poisson, drawn to the town", "levels that counts move", models["movement"]],
        ["none", "values published without counts", models[None]],
    ]
    assert_table(DOCUMENT, "sampling", markdown_table(["Interval", "For", "Indicators"], rows, numbers=["Indicators"]))


NEWEST = "profile = 'spi' AND edition = (SELECT max(edition) FROM edition)"


def test_rank_intervals_and_what_is_said_of_them(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT area_name, score, rank, s.rank_low, s.rank_high, among_lowest FROM score s "
        "JOIN rank_interval i USING (edition, profile, id, area_code) JOIN area USING (area_code) "
        f"WHERE s.level = 'index' AND {NEWEST} ORDER BY rank",
    )
    between = {name: (low, high) for name, _, _, low, high, _ in found}
    rows = [
        [name, f"{score:.1f}", rank, str(low) if low == high else f"{low}–{high}", f"{lowest:.0%}"]
        for name, score, rank, low, high, lowest in found
    ]
    header = ["Ward", "Score", "Rank", "In nine of ten", "Among the lowest five"]
    assert_table(DOCUMENT, "ranks", markdown_table(header, rows, numbers=header[1:]))
    assert contracts.framework.uncertainty.lowest == 5
    # The words below the table.
    assert (between["Barnfield"], between["Central"]) == ((1, 1), (20, 20))
    groups = {
        (2, 6): ["Wigmore", "Bramingham", "Stopsley", "Vauxhall"],
        (5, 9): ["Sundon Park", "Round Green", "Poets"],
        (7, 15): ["Northwell", "Lewsey", "Saints", "Challney", "Leagrave", "High Town"],
        (14, 19): ["Farley", "South", "Biscot", "Beech Hill", "Dallow"],
    }
    assert {name for names in groups.values() for name in names} == set(between) - {"Barnfield", "Central"}
    for ends, names in groups.items():
        assert (min(between[name][0] for name in names), max(between[name][1] for name in names)) == ends
    surely = {name for name, *_, lowest in found if lowest > 0.95}
    assert surely == {"Beech Hill", "Dallow", "Central"}
    assert {name for name, *_, lowest in found if 0.25 < lowest <= 0.95} == {"Farley", "South", "Biscot"}
    assert all(lowest < 0.1 for name, *_, lowest in found if name not in {*surely, "Farley", "South", "Biscot"})
    assert f"In each of {contracts.framework.uncertainty.draws} the doubtful" in text(DOCUMENT)


def test_what_was_varied_and_what_drives_the_doubt(refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT source, how, total, total_low, total_high FROM doubt "
        "JOIN sensitivity USING (authority_code, edition, profile, source) "
        f"WHERE {NEWEST} ORDER BY total DESC NULLS LAST",
    )
    rows = [
        [source, how, "" if total is None else f"{total:.2f} ({low:.2f}–{high:.2f})"]
        for source, how, total, low, high in found
    ]
    header = ["Source", "What a draw does", "Share"]
    assert_table(DOCUMENT, "doubt", markdown_table(header, rows, numbers=["Share"]))
    # The words below the table.
    order = [source for source, *_ in found]
    assert order[:2] == ["normalisation", "aggregation"]
    shares = {source: total for source, _, total, *_ in found}
    assert all(shares[source] < shares["aggregation"] / 2 for source in order[2:])


def test_peers_are_those_described(contracts: Contracts) -> None:
    assert (contracts.peers.measure, contracts.peers.count) == ("net_income_after_housing", 5)
    assert contracts.peers.floor == 1


def test_comparison(contracts: Contracts, refreshed: Path) -> None:
    measures = ["multiple_deprivation", "net_income_after_housing"]
    found = {
        (name, measure): f"{value:.2f}".replace("-", "−")
        for name, measure, value in rows_of(
            refreshed,
            "SELECT id, other_id, value FROM sanity WHERE kind = 'comparison' "
            "AND edition = (SELECT max(edition) FROM edition)",
        )
    }
    framework = contracts.framework
    elements = [framework.id]
    for dimension in framework.dimensions:
        elements += [dimension.id, *(component.id for component in dimension.components)]
    rows = [[contracts.titles[name], *(found[name, measure] for measure in measures)] for name in elements]
    header = ["Score", "Deprivation", "Net income"]
    assert_table(DOCUMENT, "comparison", markdown_table(header, rows, numbers=header[1:]))


def test_every_finding_of_the_repository_has_its_reason(refreshed: Path) -> None:
    assert rows_of(refreshed, "SELECT unexplained FROM sanity WHERE unexplained IS NOT NULL") == []
    [(findings,)] = rows_of(refreshed, "SELECT count(*) FROM sanity WHERE finding")
    assert findings > 0
