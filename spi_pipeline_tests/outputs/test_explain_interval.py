"""``spi explain --interval``: the sources of uncertainty, and the origin of each figure's interval."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from spi_pipeline.outputs.explain.interval import ElementInterval, IntervalExplanation, explain_interval
from spi_pipeline.outputs.explain.question import open_question
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.outputs.test_explain_gap import with_update


def explanation_of(sandbox: Sandbox, area: str, element: str, edition: int | None = None) -> IntervalExplanation:
    with open_question(sandbox.store.database, sandbox.contracts, area, element) as question:
        return explain_interval(question, edition)


def nodes(node: ElementInterval) -> Iterator[ElementInterval]:
    yield node
    for child in node.children:
        yield from nodes(child)


def test_every_interval_is_as_published(refreshed: Sandbox) -> None:
    explanation = explanation_of(refreshed, "Dallow", "social_progress_index")
    all_nodes = list(nodes(explanation.root))
    (basis,) = refreshed.query("SELECT count(*) FROM indicator WHERE in_basis")[0]
    assert len([node for node in all_nodes if node.level == "indicator"]) == basis
    names = ("score", "score_low", "score_high", "measured_low", "measured_high", "rank", "rank_low", "rank_high")
    rows = refreshed.query(
        f"SELECT id, {', '.join(f's.{name}' for name in names)}, among_lowest FROM score s JOIN area USING "
        "(area_code) JOIN rank_interval USING (edition, profile, id, area_code) WHERE area_name = 'Dallow' AND "
        "s.profile = 'spi' AND edition = ?", explanation.edition,
    )  # fmt: skip
    published = {name: tuple(cells) for name, *cells in rows}
    expected = {node.id: tuple(node.facts[name] for name in (*names, "among_lowest")) for node in all_nodes}
    assert expected == published
    assert all(node.interval_origin for node in all_nodes if node.level == "indicator")


def test_every_source_of_uncertainty_is_listed_with_its_shares(refreshed: Sandbox, spi: Command) -> None:
    explanation = explanation_of(refreshed, "Dallow", "health")
    sources = refreshed.query("SELECT source, varied, how FROM doubt WHERE profile = 'spi'")
    assert sorted((row["source"], row["varied"], row["how"]) for row in explanation.doubt) == sorted(sources)
    shares = dict(refreshed.query("SELECT source, total FROM sensitivity WHERE profile = 'spi'"))
    assert {row["source"]: row["total"] for row in explanation.doubt} == shares
    assert [row["total"] for row in explanation.doubt] == sorted(shares.values(), reverse=True)
    output = spi(refreshed, "explain", "Dallow", "health", "--interval").out
    for row in explanation.doubt:
        assert f"{row['source']}: {row['how']}; {row['first']:.2f} (" in output
        assert f"{row['total']:.2f} ({row['total_low']:.2f} to {row['total_high']:.2f}) together with others" in output
    facts = explanation.root.facts
    assert f"health: {facts['score']:.2f} (likely {facts['score_low']:.2f} to {facts['score_high']:.2f})" in output
    assert f"{facts['measured_low']:.2f} to {facts['measured_high']:.2f} by errors of the figures alone" in output
    assert f"among the lowest 5 in {facts['among_lowest']:.0%} of the recalculations" in output
    assert "move an indicator's own rank" not in output
    assert (
        json.loads(spi(refreshed, "explain", "Dallow", "health", "--interval", "--json").out)["root"]["id"] == "health"
    )


def test_a_source_that_was_not_varied_has_a_reason(refreshed: Sandbox, spi: Command) -> None:
    """Nothing is imputed under profile equal."""
    output = spi(refreshed, "explain", "Dallow", "health", "--interval", "--profile", "equal").out
    ((reason,),) = refreshed.query(
        "SELECT how FROM doubt WHERE profile = 'equal' AND source = 'imputation' AND NOT varied"
    )
    assert f"imputation, not varied: {reason}\n" in "".join(f"{line.rstrip()}\n" for line in output.splitlines())


# For each way to derive an interval: an indicator, and the words that explain its interval.
WAYS = {
    "overcrowded_homes": "Chance in the count, {numerator:,.0f} of {denominator:,.0f}: the interval is Wilson's",
    "electoral_registration": "the interval is Byar's, for a rate of events, or below ten the exact one.",
    "stop_and_search": "the exact one, widened, since months scatter more than chance allows.",
    "turnout": "Chance in the count, a share of {denominator:,.0f}: the interval is Wilson's, for a share.",
    "life_lost_2025": "so 1.96 standard errors of 2.9 years per 1,000 people lie on either side. This is how far Years "
    "of potential life lost, 2019 index (per 1,000), which measures the same, disagrees.",
    "patients_per_gp": "standard errors of 340 patients per GP, an upper bound, lie on either side. Half of the ",
    "bus_service": "1.96 standard errors of 7.9 % of the value lie on either side. The scatter of the yearly ",
    "burglary": "publishes it. How far {numerator:,.0f} counted incidents have moved it is uncertain",
}  # fmt: skip


@pytest.mark.parametrize("indicator", WAYS)
def test_an_interval_states_its_origin(refreshed: Sandbox, indicator: str) -> None:
    node = explanation_of(refreshed, "Dallow", indicator).root
    assert WAYS[indicator].format(**node.facts) in node.interval_origin[0]


def test_a_publishers_own_limits_are_named_as_such(refreshed: Sandbox, tmp_path: Path) -> None:
    """No embedded figure has limits from its publisher, so the test writes some."""
    copy = with_update(
        refreshed, tmp_path, "value = 80, lower = 79, upper = 81, allocation_error = 0, error_evidence = 'published', "
        "status = 'carried' WHERE indicator_id = 'life_expectancy' AND area_code = 'E05014742'",
    )  # fmt: skip
    with open_question(copy, refreshed.contracts, "Farley", "life_expectancy") as question:
        node = explain_interval(question).root
    assert (
        node.interval_origin[0]
        == "The limits are the publisher's own, brought to the ward in the same way as the value."
    )


def test_every_way_to_derive_an_interval_is_tested(refreshed: Sandbox) -> None:
    bases = refreshed.query(
        "SELECT DISTINCT error_evidence FROM observation JOIN indicator USING (indicator_id) WHERE in_basis AND "
        "error_evidence IS NOT NULL"
    )
    expected = {refreshed.contracts.indicators[name].error_evidence for name in WAYS}
    assert {basis for (basis,) in bases} == expected


def test_the_error_of_allocation_is_reported_separately(refreshed: Sandbox) -> None:
    facts = (node := explanation_of(refreshed, "Dallow", "patients_per_gp").root).facts
    ((split,),) = refreshed.query("SELECT split_share FROM area WHERE area_name = 'Dallow'")
    assert (
        f"(from lsoa) out among wards adds a standard error of {facts['allocation_error']:.3g} pat"
        in node.interval_origin[1]
    )
    assert f" {split:.1%} of the residents of Dallow come from small areas that wards share." in node.interval_origin[1]
    assert explanation_of(refreshed, "Dallow", "turnout").root.interval_origin[1] == (
        "Nothing had to be shared out among wards: figures are published by ward."
    )
    assert "Sharing the level out" in explanation_of(refreshed, "Dallow", "burglary").root.interval_origin[1]


def test_an_estimate_has_the_error_of_estimates(refreshed: Sandbox, spi: Command) -> None:
    node = explanation_of(refreshed, "Farley", "turnout").root
    ((error,),) = refreshed.query(
        "SELECT DISTINCT error FROM imputation WHERE indicator_id = 'turnout' AND profile = 'spi'"
    )
    assert len(node.interval_origin) == 1
    assert f"miss known values by {error:.4g} (root mean square)" in node.interval_origin[0]
    output = spi(refreshed, "explain", "Farley", "turnout", "--interval").out
    assert "Only measurement, allocation and imputation move an indicator's own rank" in output


def test_draws_do_not_vary_an_estimate_of_unknown_error(refreshed: Sandbox, tmp_path: Path) -> None:
    copy = with_update(refreshed, tmp_path, "error = NULL WHERE indicator_id = 'turnout'", "imputation")
    with open_question(copy, refreshed.contracts, "Farley", "turnout") as question:
        (sentence,) = explain_interval(question).root.interval_origin
    assert "Its error is unknown" in sentence
    assert sentence.endswith("draws do not vary it.")


def test_an_element_without_a_score_mentions_no_draws(refreshed: Sandbox, spi: Command) -> None:
    output = spi(refreshed, "explain", "Farley", "life_expectancy", "--interval").out
    assert "There is no value, so there is nothing to be uncertain about." in output
    assert "recalculations" not in output
