"""The tables in docs/methodology.md, made anew from the contracts and from a refreshed store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.scoring.basis import slots
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table, text

DOCUMENT = REPOSITORY / "docs" / "methodology.md"
NEWEST = "profile = 'spi' AND edition = (SELECT max(edition) FROM edition)"


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
            refreshed, "SELECT indicator_id, worst, best, goalpost_source FROM indicator"
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
        return f"newest {window.months} months"
    if stated.column:
        return f"each {stated.column}"
    assert stated.start
    assert stated.end
    if stated.basis == "release":
        return f"release of {stated.end[:4]}"
    return stated.end if stated.start == stated.end else f"{stated.start} to {stated.end}"


def test_what_each_component_rests_on(contracts: Contracts, refreshed: Path) -> None:
    slots_of = rows_of(
        refreshed,
        f"""
        WITH own AS (SELECT * FROM score WHERE {NEWEST} AND area_code LIKE 'E05%'),
        slot AS (
            SELECT c.parent_id AS component, c.id, area_code, contribution, above.score AS total, below.score
            FROM contribution c
            JOIN own above USING (area_code)
            JOIN own below USING (area_code)
            WHERE c.edition = above.edition AND c.profile = 'spi' AND above.level = 'component'
              AND above.id = c.parent_id AND below.id = c.id
        ),
        share AS (
            SELECT component, id, covar_samp(contribution, total) / var_samp(total) AS share,
                   var_samp(score) AS variance
            FROM slot GROUP BY ALL
        ),
        whole AS (
            SELECT component, var_samp(summed) AS variance
            FROM (SELECT component, area_code, sum(score) AS summed FROM slot GROUP BY ALL) GROUP BY ALL
        )
        SELECT component, count(*), count(*) / (count(*) - 1) * (1 - sum(share.variance) / any_value(whole.variance)),
               arg_max(id, share), max(share), sum(share)
        FROM share JOIN whole USING (component) GROUP BY component HAVING count(*) > 1
        """,
    )
    found = {component: cells for component, *cells in slots_of}
    header = ["Component", "Slots", "Alpha", "Slot with the largest share", "Share"]
    rows = [
        [component.title, found[name][0], f"{found[name][1]:.2f}", f"`{found[name][2]}`", f"{found[name][3]:.2f}"]
        for name, component in contracts.framework.components.items()
        if name in found
    ]
    assert_table(DOCUMENT, "rests", markdown_table(header, rows, numbers=["Slots", "Alpha", "Share"]))
    assert all(abs(total - 1) < 1e-6 for *_, total in found.values())
    said = text(DOCUMENT)
    section = said.split("### What each component rests on")[1].split("## Indicators")[0]
    described, decided = (re.findall(r"^\* \*\*(.+?)\*\*", part, re.MULTILINE) for part in section.split("<!-- table"))
    titles = [component.title for component in contracts.framework.components.values()]
    assert described == titles
    listed = {name for name, component in contracts.framework.components.items() if component.title in decided}
    assert {name for name, (_, alpha, _, share, _) in found.items() if alpha < 0 or share > 0.5} <= listed


def test_profiles(contracts: Contracts) -> None:
    header = ["Profile", "Weights in a component", "A missing cell", "Means", "Smallest share of parts"]
    rows = []
    for name, profile in contracts.framework.profiles.items():
        stated = profile.methods
        weights = stated["weights"]["component"] if isinstance(stated["weights"], dict) else stated["weights"]
        rows.append([f"`{name}`", weights, stated["impute"], stated["aggregate"], f"{stated['available']:g}"])
    assert_table(DOCUMENT, "profiles", markdown_table(header, rows))


def test_useful_lives(contracts: Contracts) -> None:
    header = ["Useful life", "Years", "Why", "Sources"]
    sources: dict[str, list[str]] = {}
    for source in contracts.sources.values():
        sources.setdefault(source.properties.useful_life, []).append(f"`{source.id}`")
    lives = contracts.vocabulary.useful_lives
    rows = [
        [life.title[0].upper() + life.title[1:], life.years, life.reason, ", ".join(sorted(sources[word]))]
        for word, life in lives.items()
    ]
    needed = {f"`{item.source}`" for item in contracts.indicators.values()}
    assert needed <= {name for word in lives for name in sources[word]}
    assert_table(DOCUMENT, "lives", markdown_table(header, rows, numbers=["Years"]))


def test_slots_left_out(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT component_id, slot_id, not_in_basis_because FROM indicator WHERE indicator_id = slot_id "
        "AND slot_id NOT IN (SELECT slot_id FROM indicator WHERE in_basis)",
    )
    order = list(contracts.framework.components)
    rows = [
        [contracts.titles[component], f"`{slot}`", why]
        for component, slot, why in sorted(found, key=lambda row: (order.index(row[0]), row[1]))
    ]
    assert_table(DOCUMENT, "left out", markdown_table(["Component", "Slot", "Why"], rows))


def test_editions(refreshed: Path) -> None:
    header = ["Edition", "Observed", "Carried", "Held", "Movable since the one before"]
    found = rows_of(
        refreshed,
        "SELECT edition, measured_weight, carried_weight, held_weight, movable FROM edition WHERE profile = 'spi' "
        "ORDER BY edition",
    )
    rows = [
        [str(edition), *("" if share is None else f"{share:.0%}" for share in shares)] for edition, *shares in found
    ]
    assert_table(DOCUMENT, "editions", markdown_table(header, rows, numbers=header))


def test_dates(contracts: Contracts, refreshed: Path) -> None:
    header = ["Element", "Newest period", "Mean age in years", "Measured within three years"]
    found = {
        name: (str(newest), f"{age:.1f}", f"{recent:.0%}")
        for name, newest, age, recent in rows_of(
            refreshed,
            f"SELECT id, newest_period, age_years, recent_weight FROM score WHERE {NEWEST} "
            "AND level <> 'indicator' AND area_code LIKE 'E06%'",
        )
    }
    framework = contracts.framework
    elements = [framework.id, *(each.id for each in framework.dimensions), *framework.components]
    rows = [[contracts.titles[name], *found[name]] for name in elements]
    assert_table(DOCUMENT, "dates", markdown_table(header, rows, numbers=header[2:]))


def test_weights(contracts: Contracts, refreshed: Path) -> None:
    header = ["Component", "Method", "Wards", "Alpha", "KMO", "First component"]
    found = {
        parent: cells
        for parent, *cells in rows_of(
            refreshed,
            f"SELECT DISTINCT parent_id, method, n, alpha, kmo, pc1_share FROM weight WHERE {NEWEST} "
            "AND level = 'component'",
        )
    }
    assert len(found) == len(contracts.framework.components)
    rows = []
    for name, component in contracts.framework.components.items():
        method, n, *fit = found[name]
        rows.append([component.title, f"`{method}`", f"{n:,}", *("" if x is None else f"{x:.2f}" for x in fit)])
    assert_table(DOCUMENT, "weights", markdown_table(header, rows, numbers=header[2:]))


def test_slots_by_component(contracts: Contracts, refreshed: Path) -> None:
    header = ["Component", "Slots", "In the basis"]
    held = dict(rows_of(refreshed, "SELECT component_id, count(*) FROM indicator WHERE in_basis GROUP BY ALL"))
    rows = [
        [component.title, len(slots(contracts.indicators_of(name))), held[name]]
        for name, component in contracts.framework.components.items()
    ]
    assert_table(DOCUMENT, "slots", markdown_table(header, rows, numbers=header[1:]))


def test_what_each_change_rests_on(refreshed: Path) -> None:
    header = [
        "From",
        "To",
        "Slots with newer figures",
        "Weight that can have moved",
        "Luton",
        "Wards, largest",
        "Wards that can be told",
    ]
    found = rows_of(
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
        [*map(str, pair_and_slots), f"{movable:.0%}", f"{luton:.1f}", f"{largest:.1f}", told]
        for *pair_and_slots, movable, luton, largest, told in found
    ]
    assert_table(DOCUMENT, "moved", markdown_table(header, rows, numbers=header))
    assert {told for *_, told in found} == {0}, "the text says that of the index nothing can be told"
    moving = rows_of(
        refreshed, "SELECT DISTINCT source_id FROM change JOIN indicator ON indicator_id = id WHERE movable > 0"
    )
    assert {source for (source,) in moving} == {"street_crime", "stop_and_search", "bus_service"}
    still = "FROM change JOIN indicator ON indicator_id = id WHERE (relative OR movable = 0) AND from_data <> 0"
    assert rows_of(refreshed, f"SELECT count(*) {still}") == [(0,)]


def test_the_rules_in_the_text_are_those_of_the_contracts(contracts: Contracts) -> None:
    said, publication = text(DOCUMENT), contracts.framework.publication
    assert f"from {publication.first_edition} to" in said
    assert f"at least {publication.areas:.0%} of the wards".replace("%", " %") in said
    assert f"at most {publication.held:.0%} of its weight".replace("%", " %") in said
    assert {profile.methods["available"] for profile in contracts.framework.profiles.values()} == {0.5}
    assert {i.measure.window.months for i in contracts.indicators.values() if i.measure.window} == {12}


def test_rank_intervals_and_what_is_said_of_them(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT area_name, score, rank, s.rank_low, s.rank_high, among_lowest FROM score s "
        "JOIN rank_interval i USING (edition, profile, id, area_code) JOIN area USING (area_code) "
        f"WHERE s.level = 'index' AND rank IS NOT NULL AND {NEWEST} ORDER BY rank",
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
    assert (between["Barnfield"], between["Central"]) == ((1, 3), (18, 20))
    groups = {
        (1, 8): ["Bramingham", "Wigmore", "Stopsley", "Vauxhall", "Poets"],
        (4, 13): ["Sundon Park", "Round Green", "Saints", "Challney"],
        (8, 16): ["Northwell", "Lewsey", "Leagrave"],
        (10, 20): ["Biscot", "High Town", "Farley", "Beech Hill", "South", "Dallow"],
    }
    assert {name for names in groups.values() for name in names} == set(between) - {"Barnfield", "Central"}
    for ends, names in groups.items():
        assert (min(between[name][0] for name in names), max(between[name][1] for name in names)) == ends
    depends = {"Biscot", "High Town", "Farley", "Beech Hill", "South"}
    assert {name for name, *_, lowest in found if lowest > 0.95} == {"Dallow", "Central"}
    assert {name for name, *_, lowest in found if 0.25 < lowest <= 0.95} == depends
    assert all(lowest < 0.1 for name, *_, lowest in found if name not in {"Dallow", "Central", *depends})
    assert f"In each of {contracts.framework.uncertainty.draws} the doubtful" in text(DOCUMENT)


def test_what_was_varied_and_what_drives_the_doubt(refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT source, how, total, total_low, total_high FROM doubt "
        "JOIN sensitivity USING (authority_code, profile, source) "
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
    assert order[:2] == ["aggregation", "choice"]
    assert set(order[2:4]) == {"measurement", "weights"}
    assert all(total < 0.12 for *_, total, _, _ in found[4:])


def test_what_it_would_take_in_dallow(refreshed: Path) -> None:
    found = rows_of(
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
        for title, target, needed, low, high, way, unit, now, then, rank, best, worst in found
    ]  # fmt: skip
    assert_table(DOCUMENT, "takes", markdown_table(header, rows, numbers=header[2:]))


def test_peers_are_those_described(contracts: Contracts) -> None:
    assert (contracts.peers.measure, contracts.peers.count) == ("net_income_after_housing", 5)
    assert contracts.peers.floor == 1


def minus(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def test_what_the_index_goes_with(contracts: Contracts, refreshed: Path) -> None:
    asked = (
        "SELECT measure_id, left_out, n, correlation, lower, upper, partial, partial_lower, partial_upper "
        f"FROM composition WHERE id = '{contracts.framework.id}' AND profile = 'spi' AND {{}}"
    )
    town, england = (
        rows_of(refreshed, asked.format(where))
        for where in ("authority_code LIKE 'E06%'", "authority_code = 'E92000001'")
    )
    by_look = {(name, bool(left_out)): cells for name, left_out, *cells in town}
    over_england = {name: cells for name, _, *cells in england}
    rows = []
    for name in contracts.composition.measures:
        assert [by_look[name, apart][0] for apart in (False, True)] == [20, 19]
        looks = [by_look[name, False], by_look[name, True], over_england.get(name)]
        rows.append([contracts.context[name].title, *(cell for look in looks for cell in told(look))])
    header = [
        "With", "20 wards", "alike in income deprivation", "19, without Central", "19, alike", "England",
        "England, alike",
    ]  # fmt: skip
    assert_table(DOCUMENT, "goes with", markdown_table(header, rows, numbers=header[1:]))
    # The words below the table.
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
    assert age[2] > 0 > age[6], "over England the sign turns between wards alike in income"


def told(look: Sequence[float | None] | None) -> list[str]:
    """A correlation, and that between wards alike in income deprivation, each with its interval."""
    _, *found = look or (0, *[None] * 6)
    parts = (found[:3], found[3:])
    return ["" if part[0] is None else "{} ({} to {})".format(*map(minus, part)) for part in parts]


def test_what_indicators_go_with_in_england(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT measure_id, id, correlation, partial FROM composition WHERE authority_code = 'E92000001' "
        "AND level = 'indicator' ORDER BY measure_id, correlation",
    )
    assert {measure for measure, *_ in found} == {"income_deprived", "older_people_mid_year"}
    rows = []
    for measure in ("income_deprived", "older_people_mid_year"):
        own = [cells for name, *cells in found if name == measure]
        for name, r, partial in (*own[:5], *own[-5:]):
            rows.append(
                [contracts.context[measure].title, f"`{name}`", minus(r), "" if partial is None else minus(partial)]
            )
    header = ["With", "Indicator, better being more", "Wards of England", "alike in income deprivation"]
    assert_table(DOCUMENT, "goes with in england", markdown_table(header, rows, numbers=header[2:]))


def beyond(residual: float, lower: float, upper: float) -> str:
    return f"{residual:+.0f} ({lower:+.0f} to {upper:+.0f})".replace("-", "−")


def test_what_lies_beyond_income(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT id, residual.level, area_name, score, expected, residual, lower, upper FROM residual "
        "JOIN area USING (area_code) WHERE profile = 'spi' AND verdict <> 'as suggested' ORDER BY residual",
    )
    assert [name for _, level, name, *_ in found if level == "index"] == ["Central"]
    order = [contracts.framework.id, *(each.id for each in contracts.framework.dimensions)]
    order += list(contracts.framework.components)
    rows = [
        [contracts.titles[element], name, f"{score:.0f}", f"{expected:.0f}", beyond(*ends)]
        for element, _, name, score, expected, *ends in sorted(found, key=lambda row: order.index(row[0]))
    ]
    header = ["Element", "Ward", "Score", "Suggested", "Beyond (95 %)"]
    assert_table(DOCUMENT, "beyond", markdown_table(header, rows, numbers=header[2:]))


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


def test_what_others_published_is_told_with_what_our_figures_say(contracts: Contracts, refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        'SELECT publisher, published, id, "end", wards, among, verdict, ranks, amiss FROM published_finding '
        "ORDER BY published, finding_id, claim",
    )
    assert [amiss for *_, amiss in found if amiss] == [], "a reason is missing, or not needed any more"
    [(within,)] = rows_of(refreshed, "SELECT count(*) FROM published_finding WHERE within_range")
    assert (within, len(found)) == (10, 11), "as told below the table"
    verdicts = {"agrees": "agrees", "differs": "differs", "not_compared": "not compared"}
    rows = [
        [
            f"{publisher}, {published if published != 'unknown' else 'date unknown'}",
            contracts.titles[name],
            f"{wards}: {end}" + (f" {among}" if among > 1 else ""),
            verdicts[verdict],
            ranks or "",
        ]
        for publisher, published, name, end, wards, among, verdict, ranks, _ in found
    ]
    header = ["Published", "Of", "Says", "Here", "Our ranks, with their likely range"]
    assert_table(DOCUMENT, "published findings", markdown_table(header, rows))


def test_scores_at_an_end_are_those_told(refreshed: Path) -> None:
    found = rows_of(
        refreshed,
        "SELECT id, string_agg(DISTINCT area_name), count(*), min(score) FROM score JOIN area USING (area_code) "
        f"WHERE {NEWEST} AND score.level = 'indicator' AND area_code LIKE 'E05%' AND (score <= 0 OR score >= 100) "
        "GROUP BY id",
    )
    ends = {name: (wards if count == 1 else count, end) for name, wards, count, end in found}
    assert ends == {
        "burglary": ("Central", 0),
        "public_order_and_weapons": ("Central", 0),
        "bus_service": ("Central", 100),
        "residents_flooded": (6, 100),
    }
