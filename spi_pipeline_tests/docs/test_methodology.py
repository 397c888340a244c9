"""The tables in docs/methodology.md, recomputed from the contracts and from a refreshed store."""

from __future__ import annotations

import re
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
    header = ["Id", "Title", "Component", "Source", "Level", "Worst", "Best", "Set by", "Period"]
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


def test_slots_that_lead_components(contracts: Contracts, refreshed: Path) -> None:
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
    by_component = {component: cells for component, *cells in slots_of}
    header = ["Component", "Slots", "Alpha", "Slot with the largest share", "Share"]
    rows = [
        [
            component.title,
            by_component[name][0],
            f"{by_component[name][1]:.2f}",
            f"`{by_component[name][2]}`",
            f"{by_component[name][3]:.2f}",
        ]
        for name, component in contracts.framework.components.items()
        if name in by_component
    ]
    assert_table(DOCUMENT, "rests", markdown_table(header, rows, numbers=["Slots", "Alpha", "Share"]))
    assert all(abs(total - 1) < 1e-6 for *_, total in by_component.values())
    section = text(DOCUMENT).split("### Figures left out\n")[1].split("## Indicators\n")[0]
    parts = section.split("### Which slot leads a component\n")
    described_components, decided_components = (re.findall(r"^\* \*\*(.+?)\*\*", part, re.MULTILINE) for part in parts)
    titles = [component.title for component in contracts.framework.components.values()]
    assert described_components == titles
    listed = {
        name for name, component in contracts.framework.components.items() if component.title in decided_components
    }
    assert {name for name, (_, alpha, _, share, _) in by_component.items() if alpha < 0 or share > 0.5} <= listed


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
    left_out = rows_of(
        refreshed,
        "SELECT component_id, slot_id, not_in_basis_because FROM indicator WHERE indicator_id = slot_id "
        "AND slot_id NOT IN (SELECT slot_id FROM indicator WHERE in_basis)",
    )
    order = list(contracts.framework.components)
    rows = [
        [contracts.titles[component], f"`{slot}`", reason]
        for component, slot, reason in sorted(left_out, key=lambda row: (order.index(row[0]), row[1]))
    ]
    assert_table(DOCUMENT, "left out", markdown_table(["Component", "Slot", "Why"], rows))


def test_editions(refreshed: Path) -> None:
    header = ["Edition", "Observed", "Carried", "Held", "Movable since the one before"]
    editions = rows_of(
        refreshed,
        "SELECT edition, measured_weight, carried_weight, held_weight, movable FROM edition WHERE profile = 'spi' "
        "ORDER BY edition",
    )
    rows = [
        [str(edition), *("" if share is None else f"{share:.0%}" for share in shares)] for edition, *shares in editions
    ]
    assert_table(DOCUMENT, "editions", markdown_table(header, rows, numbers=header))


def test_weights(contracts: Contracts, refreshed: Path) -> None:
    header = ["Component", "Method", "Wards", "Alpha", "KMO", "First component"]
    weights = {
        parent: cells
        for parent, *cells in rows_of(
            refreshed,
            f"SELECT DISTINCT parent_id, method, n, alpha, kmo, pc1_share FROM weight WHERE {NEWEST} "
            "AND level = 'component'",
        )
    }
    assert len(weights) == len(contracts.framework.components)
    rows = []
    for name, component in contracts.framework.components.items():
        method, n, *fit = weights[name]
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


def test_the_rules_in_the_text_match_the_contracts(contracts: Contracts) -> None:
    page, publication = " ".join(text(DOCUMENT).split()), contracts.framework.publication
    assert f"from {publication.first_edition} to" in page
    assert f"at least {publication.areas:.0%} of the wards".replace("%", " %") in page
    assert f"at most {publication.held:.0%} of its weight".replace("%", " %") in page
    assert f"Each of {contracts.framework.uncertainty.draws} recalculations draws" in page
    assert {profile.methods["available"] for profile in contracts.framework.profiles.values()} == {0.5}
    assert {i.measure.window.months for i in contracts.indicators.values() if i.measure.window} == {12}


def test_sources_of_uncertainty_and_their_shares(refreshed: Path) -> None:
    sources = rows_of(
        refreshed,
        "SELECT source, how, total, total_low, total_high FROM doubt "
        "JOIN sensitivity USING (authority_code, profile, source) "
        f"WHERE {NEWEST} ORDER BY total DESC NULLS LAST",
    )
    rows = [
        [source, how, "" if total is None else f"{total:.2f} ({low:.2f}–{high:.2f})"]
        for source, how, total, low, high in sources
    ]
    header = ["Source", "What a draw does", "Share"]
    assert_table(DOCUMENT, "doubt", markdown_table(header, rows, numbers=["Share"]))
    # The text below the table states this order and this limit.
    order = [source for source, *_ in sources]
    assert order[:2] == ["aggregation", "choice"]
    assert set(order[2:4]) == {"measurement", "weights"}
    assert all(total < 0.12 for *_, total, _, _ in sources[4:])


def test_scores_at_a_goalpost_are_those_described(refreshed: Path) -> None:
    extremes = rows_of(
        refreshed,
        "SELECT id, string_agg(DISTINCT area_name), count(*), min(score) FROM score JOIN area USING (area_code) "
        f"WHERE {NEWEST} AND score.level = 'indicator' AND area_code LIKE 'E05%' AND (score <= 0 OR score >= 100) "
        "GROUP BY id",
    )
    ends = {name: (wards if count == 1 else count, end) for name, wards, count, end in extremes}
    assert ends == {
        "burglary": ("Central", 0),
        "public_order_and_weapons": ("Central", 0),
        "bus_service": ("Central", 100),
        "residents_flooded": (6, 100),
    }
