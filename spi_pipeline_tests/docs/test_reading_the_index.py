"""The tables in docs/reading-the-index.md, recomputed from the contracts and from a refreshed store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table, text
from spi_pipeline_tests.docs.test_methodology import NEWEST, rows_of

DOCUMENT = REPOSITORY / "docs" / "reading-the-index.md"


def test_dates(contracts: Contracts, refreshed: Path) -> None:
    header = ["Element", "Newest period", "Mean age in years", "Measured within three years"]
    dates = {
        name: (str(newest), f"{age:.1f}", f"{recent:.0%}")
        for name, newest, age, recent in rows_of(
            refreshed,
            f"SELECT id, newest_period, age_years, recent_weight FROM score WHERE {NEWEST} "
            "AND level <> 'indicator' AND area_code LIKE 'E06%'",
        )
    }
    framework = contracts.framework
    elements = [framework.id, *(each.id for each in framework.dimensions), *framework.components]
    rows = [[contracts.titles[name], *dates[name]] for name in elements]
    assert_table(DOCUMENT, "dates", markdown_table(header, rows, numbers=header[2:]))


def test_slots_behind_each_change(refreshed: Path) -> None:
    header = [
        "From",
        "To",
        "Slots with newer figures",
        "Weight that can have moved",
        "Luton",
        "Wards, largest",
        "Wards that can be told",
    ]
    changes = rows_of(
        refreshed,
        """
        SELECT edition_from, edition_to,
               count(DISTINCT id) FILTER (WHERE level = 'indicator' AND movable > 0),
               max(movable) FILTER (WHERE level = 'index' AND area_code LIKE 'E06%'),
               any_value(change) FILTER (WHERE level = 'index' AND area_code LIKE 'E06%'),
               max(abs(change)) FILTER (WHERE level = 'index' AND area_code LIKE 'E05%'),
               count(*) FILTER (WHERE level = 'index' AND area_code LIKE 'E05%' AND verdict <> 'cannot_tell')
        FROM change WHERE profile = 'spi' GROUP BY edition_from, edition_to
        ORDER BY edition_to - edition_from, edition_from
        """,
    )
    rows = [
        [*map(str, pair_and_slots), f"{movable:.0%}", f"{luton:.1f}", f"{largest:.1f}", distinguishable]
        for *pair_and_slots, movable, luton, largest, distinguishable in changes
    ]
    assert_table(DOCUMENT, "moved", markdown_table(header, rows, numbers=header))
    assert {distinguishable for *_, distinguishable in changes} == {0}, (
        "the text says that no change of the index can be distinguished from chance"
    )
    most = max(movable for *_, movable, _, _, _ in changes)
    assert f"at most {most:.0%} of its weight [was measured again]" in " ".join(text(DOCUMENT).split())
    moving = rows_of(
        refreshed, "SELECT DISTINCT source_id FROM change JOIN indicator ON indicator_id = id WHERE movable > 0"
    )
    assert {source for (source,) in moving} == {"street_crime", "stop_and_search", "bus_service"}
    unmoved = "FROM change JOIN indicator ON indicator_id = id WHERE (relative OR movable = 0) AND from_data <> 0"
    assert rows_of(refreshed, f"SELECT count(*) {unmoved}") == [(0,)]


def test_rank_intervals_and_the_text_about_them(contracts: Contracts, refreshed: Path) -> None:
    ranks = rows_of(
        refreshed,
        "SELECT area_name, score, rank, s.rank_low, s.rank_high, among_lowest FROM score s "
        "JOIN rank_interval i USING (edition, profile, id, area_code) JOIN area USING (area_code) "
        f"WHERE s.level = 'index' AND rank IS NOT NULL AND {NEWEST} ORDER BY rank",
    )
    intervals = {name: (low, high) for name, _, _, low, high, _ in ranks}
    rows = [
        [name, f"{score:.1f}", rank, str(low) if low == high else f"{low}–{high}", f"{lowest:.0%}"]
        for name, score, rank, low, high, lowest in ranks
    ]
    header = ["Ward", "Score", "Rank", "In nine of ten", "Among the lowest five"]
    assert_table(DOCUMENT, "ranks", markdown_table(header, rows, numbers=header[1:]))
    assert contracts.framework.uncertainty.lowest == 5
    # The text below the table states these ranges.
    assert (intervals["Barnfield"], intervals["Central"]) == ((1, 3), (18, 20))
    groups = {
        (1, 8): ["Bramingham", "Wigmore", "Stopsley", "Vauxhall", "Poets"],
        (4, 13): ["Sundon Park", "Round Green", "Saints", "Challney"],
        (8, 16): ["Northwell", "Lewsey", "Leagrave"],
        (10, 20): ["Biscot", "High Town", "Farley", "Beech Hill", "South", "Dallow"],
    }
    assert {name for names in groups.values() for name in names} == set(intervals) - {"Barnfield", "Central"}
    for ends, names in groups.items():
        assert (min(intervals[name][0] for name in names), max(intervals[name][1] for name in names)) == ends
    uncertain = {"Biscot", "High Town", "Farley", "Beech Hill", "South"}
    assert {name for name, *_, lowest in ranks if lowest > 0.95} == {"Dallow", "Central"}
    assert {name for name, *_, lowest in ranks if 0.25 < lowest <= 0.95} == uncertain
    assert all(lowest < 0.1 for name, *_, lowest in ranks if name not in {"Dallow", "Central", *uncertain})


def test_targets_for_dallow(refreshed: Path) -> None:
    targets = rows_of(
        refreshed,
        "SELECT title, target, needed, needed_low, needed_high, way, w.unit, index_score, index_score_then, "
        "rank_then, rank_then_low, rank_then_high "
        "FROM what_would_it_take w JOIN indicator USING (indicator_id) JOIN area USING (area_code) "
        "WHERE area_name = 'Dallow' ORDER BY index_score_then DESC LIMIT 8",
    )
    header = ["Indicator", "Held against", "It takes", "95 %", "Index", "Rank then", "In nine of ten"]
    words = {"authority_median": "Luton", "england_median": "England"}
    rows = [
        [title, words[target], f"{needed:,.0f} {way} {unit}", f"{low:,.0f}–{high:,.0f}", f"{now:.1f} to {then:.1f}",
         rank, f"{best}–{worst}"]
        for title, target, needed, low, high, way, unit, now, then, rank, best, worst in targets
    ]  # fmt: skip
    assert_table(DOCUMENT, "takes", markdown_table(header, rows, numbers=header[2:]))


def test_peers_are_those_described(contracts: Contracts) -> None:
    assert (contracts.peers.measure, contracts.peers.count) == ("net_income_after_housing", 5)
    assert contracts.peers.floor == 1


def minus(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def test_correlations_of_the_index(contracts: Contracts, refreshed: Path) -> None:
    query = (
        "SELECT measure_id, left_out, n, correlation, lower, upper, partial, partial_lower, partial_upper "
        f"FROM composition WHERE id = '{contracts.framework.id}' AND profile = 'spi' AND {{}}"
    )
    town, england = (
        rows_of(refreshed, query.format(where))
        for where in ("authority_code LIKE 'E06%'", "authority_code = 'E92000001'")
    )
    by_look = {(name, bool(left_out)): cells for name, left_out, *cells in town}
    over_england = {name: cells for name, _, *cells in england}
    rows = []
    for name in contracts.composition.measures:
        assert [by_look[name, apart][0] for apart in (False, True)] == [20, 19]
        looks = [by_look[name, False], by_look[name, True], over_england.get(name)]
        rows.append([contracts.context[name].title, *(cell for look in looks for cell in correlation_cells(look))])
    header = [
        "With", "20 wards", "alike in income deprivation", "19, without Central", "19, alike", "England",
        "England, alike",
    ]  # fmt: skip
    assert_table(DOCUMENT, "goes with", markdown_table(header, rows, numbers=header[1:]))
    # The text below the table states these signs.
    for apart in (False, True):
        sure = {name: by_look[name, apart][2] * by_look[name, apart][3] > 0 for name in contracts.composition.measures}
        assert sure == dict.fromkeys(contracts.composition.measures, True)
        assert by_look["income_deprived", apart][1] < 0
        assert by_look["born_abroad", apart][1] < 0
        assert by_look["older_people", apart][1] > 0
        for name in ("born_abroad", "older_people"):
            assert by_look[name, apart][5] * by_look[name, apart][6] > 0
        assert by_look["residents_per_hectare", apart][5] < 0 < by_look["residents_per_hectare", apart][6]
    age = over_england["older_people_mid_year"]
    assert age[2] > 0 > age[6], "over England the sign reverses among wards alike in income"


def correlation_cells(look: Sequence[float | None] | None) -> list[str]:
    """A correlation, and the same among wards alike in income deprivation, each with its interval."""
    _, *correlations = look or (0, *[None] * 6)
    parts = (correlations[:3], correlations[3:])
    return ["" if part[0] is None else "{} ({} to {})".format(*map(minus, part)) for part in parts]


def test_correlations_of_indicators_in_england(contracts: Contracts, refreshed: Path) -> None:
    correlations = rows_of(
        refreshed,
        "SELECT measure_id, id, correlation, partial FROM composition WHERE authority_code = 'E92000001' "
        "AND level = 'indicator' ORDER BY measure_id, correlation",
    )
    assert {measure for measure, *_ in correlations} == {"income_deprived", "older_people_mid_year"}
    rows = []
    for measure in ("income_deprived", "older_people_mid_year"):
        own = [cells for name, *cells in correlations if name == measure]
        for name, r, partial in (*own[:5], *own[-5:]):
            rows.append(
                [contracts.context[measure].title, f"`{name}`", minus(r), "" if partial is None else minus(partial)]
            )
    header = ["With", "Indicator, better being more", "Wards of England", "alike in income deprivation"]
    assert_table(DOCUMENT, "goes with in england", markdown_table(header, rows, numbers=header[2:]))


def beyond(residual: float, lower: float, upper: float) -> str:
    return f"{residual:+.0f} ({lower:+.0f} to {upper:+.0f})".replace("-", "−")


def test_residuals_beyond_income(contracts: Contracts, refreshed: Path) -> None:
    residuals = rows_of(
        refreshed,
        "SELECT id, residual.level, area_name, score, expected, residual, lower, upper FROM residual "
        "JOIN area USING (area_code) WHERE profile = 'spi' AND verdict <> 'as suggested' ORDER BY residual",
    )
    assert [name for _, level, name, *_ in residuals if level == "index"] == ["Central"]
    order = [contracts.framework.id, *(each.id for each in contracts.framework.dimensions)]
    order += list(contracts.framework.components)
    rows = [
        [contracts.titles[element], name, f"{score:.0f}", f"{expected:.0f}", beyond(*ends)]
        for element, _, name, score, expected, *ends in sorted(residuals, key=lambda row: order.index(row[0]))
    ]
    header = ["Element", "Ward", "Score", "Suggested", "Beyond (95 %)"]
    assert_table(DOCUMENT, "beyond", markdown_table(header, rows, numbers=header[2:]))


def test_comparison(contracts: Contracts, refreshed: Path) -> None:
    measures = ["multiple_deprivation", "net_income_after_housing"]
    correlations = {
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
    rows = [[contracts.titles[name], *(correlations[name, measure] for measure in measures)] for name in elements]
    header = ["Score", "Deprivation", "Net income"]
    assert_table(DOCUMENT, "comparison", markdown_table(header, rows, numbers=header[1:]))


def test_every_sanity_finding_has_a_reason(refreshed: Path) -> None:
    assert rows_of(refreshed, "SELECT unexplained FROM sanity WHERE unexplained IS NOT NULL") == []
    [(findings,)] = rows_of(refreshed, "SELECT count(*) FROM sanity WHERE finding")
    assert findings > 0


def test_published_findings_are_compared_with_our_figures(contracts: Contracts, refreshed: Path) -> None:
    findings = rows_of(
        refreshed,
        'SELECT publisher, published, id, "end", wards, among, verdict, ranks, warning FROM published_finding '
        "ORDER BY published, finding_id, claim",
    )
    assert [warning for *_, warning in findings if warning] == [], "a reason is missing or no longer needed"
    [(within,)] = rows_of(refreshed, "SELECT count(*) FROM published_finding WHERE within_range")
    assert (within, len(findings)) == (10, 11), "as stated below the table"
    verdicts = {"agrees": "agrees", "differs": "differs", "not_compared": "not compared"}
    rows = [
        [
            f"{publisher}, {published if published != 'unknown' else 'date unknown'}",
            contracts.titles[name],
            f"{wards}: {end}" + (f" {among}" if among > 1 else ""),
            verdicts[verdict],
            ranks or "",
        ]
        for publisher, published, name, end, wards, among, verdict, ranks, _ in findings
    ]
    header = ["Published", "Of", "Says", "Here", "Our ranks, with their likely range"]
    assert_table(DOCUMENT, "published findings", markdown_table(header, rows))
