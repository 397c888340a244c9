"""``spi explain`` traces a published score down to the files behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from spi_pipeline.outputs.explain.question import open_question
from spi_pipeline.outputs.explain.score import Node, explain
from spi_pipeline.outputs.queries import UnknownNameError, ward_table
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

LEVELS = {
    "social_progress_index": "index",
    "opportunity": "dimension",
    "rights_and_voice": "component",
    "stop_and_search": "indicator",
}


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _explanation_of(
    sandbox: Sandbox, area: str, element: str, profile: str = "spi", edition: int | None = None
) -> Node:
    with open_question(sandbox.store.database, sandbox.contracts, area, element, profile) as question:
        return explain(question, edition).root


@pytest.mark.parametrize("element", LEVELS)
def test_every_level_is_explained_down_to_files(refreshed: Sandbox, element: str) -> None:
    root = _explanation_of(refreshed, "Farley", element)
    assert root.level == LEVELS[element]
    assert root.title == refreshed.contracts.titles[element]
    leaves = [node for node in _nodes(root) if not node.children]
    assert {node.level for node in leaves} == {"indicator"}
    assert all(node.files for node in leaves)
    for node in leaves:
        files = refreshed.query("SELECT sha256 FROM source_release WHERE source_id = ?", node.facts["source_id"])
        assert {file["sha256"] for file in node.files} <= {sha256 for (sha256,) in files}


def test_contributions_of_children_sum_to_the_score_at_every_node(refreshed: Sandbox) -> None:
    for node in _nodes(_explanation_of(refreshed, "Saints", "social_progress_index")):
        if node.children:
            points = [child.facts["contribution"] for child in node.children]
            assert sum(points) == pytest.approx(node.facts["score"])
            assert points == sorted(points, reverse=True)


def test_a_window_lists_exactly_its_own_months(refreshed: Sandbox, spi: Command) -> None:
    node = _explanation_of(refreshed, "Farley", "stop_and_search", edition=2023)
    assert [file["period"] for file in node.files] == [
        *(f"2022-{month:02}" for month in range(5, 13)),
        *(f"2023-{month:02}" for month in range(1, 5)),
    ]
    output = " ".join(spi(refreshed, "explain", "Farley", "stop_and_search", "--edition", "2023").out.split())
    assert "months 2022-05 to 2023-04" in output


def test_an_indicator_has_value_goalposts_and_source_as_published(refreshed: Sandbox) -> None:
    facts = _explanation_of(refreshed, "Farley", "overcrowded_homes").facts
    assert facts["value"] == pytest.approx(100 * facts["numerator"] / facts["denominator"])
    assert facts["score"] == pytest.approx(100 * (facts["worst"] - facts["value"]) / (facts["worst"] - facts["best"]))
    assert (facts["source_id"], facts["unit"]) == ("census_overcrowding", "%")


def test_an_imputed_value_states_its_donors_only_under_profiles_that_use_it(refreshed: Sandbox, spi: Command) -> None:
    imputed = _explanation_of(refreshed, "Farley", "turnout").facts
    assert imputed["status"] == "imputed"
    absent = _explanation_of(refreshed, "Farley", "turnout", profile="equal").facts
    assert (absent["status"], absent["value"], absent["score"]) == ("missing", None, None)
    value = f"{imputed['value']:.4g}"
    assert (
        f"value {value} %, imputed by {imputed['imputed_by']} from {imputed['imputed_from']}"
        in spi(refreshed, "explain", "Farley", "turnout").out
    )
    output = spi(refreshed, "explain", "Farley", "turnout", "--profile", "equal").out
    assert "no value: missing" in output
    assert value not in output


@pytest.mark.parametrize("area", ["Farley", "farley", "E05014742", "e05014742"])
def test_a_ward_is_found_by_name_or_code(refreshed: Sandbox, area: str) -> None:
    with open_question(refreshed.store.database, refreshed.contracts, area, "housing") as question:
        explanation = explain(question)
    assert (explanation.area_code, explanation.area_name) == ("E05014742", "Farley")


def test_an_authority_is_explained_too(refreshed: Sandbox) -> None:
    root = _explanation_of(refreshed, "Luton", "social_progress_index")
    assert root.facts["rank"] is None
    assert len(root.children) == 3


def test_json_contains_the_whole_tree(refreshed: Sandbox, spi: Command) -> None:
    result = spi(refreshed, "explain", "Farley", "housing", "--json")
    explanation = json.loads(result.out)
    assert (result.code, explanation["area_name"], explanation["profile"]) == (0, "Farley", "spi")
    assert {child["id"] for child in explanation["root"]["children"]} >= {"overcrowded_homes"}


def test_unknown_names_are_refused(refreshed: Sandbox) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'Farley'"):
        _explanation_of(refreshed, "Fareley", "housing")
    with pytest.raises(UnknownNameError, match="did you mean 'housing'"):
        _explanation_of(refreshed, "Farley", "housin")


def test_the_ward_table_lists_the_best_first_and_the_authority_last(refreshed: Sandbox) -> None:
    table = ward_table(refreshed.store.database)
    (newest,) = refreshed.query("SELECT max(edition) FROM edition")[0]
    assert (table.edition, table.profile) == (newest, "spi")
    *wards, authority = table.rows
    assert [row["rank"] for row in wards] == list(range(1, 21))
    assert [row["score"] for row in wards] == sorted((row["score"] for row in wards), reverse=True)
    assert (authority["level"], authority["rank"]) == ("authority", None)
    dates = refreshed.query("SELECT DISTINCT as_of FROM edition")
    assert (table.newest, [(table.as_of,)]) == (True, dates)
    assert not ward_table(refreshed.store.database, edition=2024).newest
    with pytest.raises(UnknownNameError, match="edition 1999 is not published"):
        ward_table(refreshed.store.database, edition=1999)


def test_the_ward_table_states_the_years_of_the_figures(refreshed: Sandbox) -> None:
    years = {
        row["area_code"]: (row["first_year"], row["last_year"]) for row in ward_table(refreshed.store.database).rows
    }
    ends = refreshed.query(
        "SELECT area_code, min(year(period_end)), max(year(period_end)) FROM observation JOIN indicator USING "
        "(indicator_id) WHERE in_basis AND status <> 'imputed' AND edition = (SELECT max(edition) FROM edition) "
        "GROUP BY 1"
    )
    assert years == {area: (first, last) for area, first, last in ends}


def ordinal(rank: int) -> str:
    """A rank from 1 to 20 as an ordinal."""
    return str(rank) + {1: "st", 2: "nd", 3: "rd"}.get(rank, "th")


def test_a_rank_and_a_value_are_reported_with_their_intervals(refreshed: Sandbox, spi: Command) -> None:
    facts = _explanation_of(refreshed, "Farley", "violent_crime").facts
    assert facts["lower"] < facts["value"] < facts["upper"]
    output = spi(refreshed, "explain", "Farley", "violent_crime").out
    likely = " to ".join(map(ordinal, dict.fromkeys([facts["rank_low"], facts["rank_high"]])))
    assert f"rank {facts['rank']} (likely {likely})" in output
    value = f"value {facts['value']:.4g} per 1,000 people at risk ({facts['lower']:.4g} to {facts['upper']:.4g})"
    moved = f"deprivation_2025 of 2018-04 to 2024-03, moved by {facts['numerator']:,.0f} counted"
    assert f"{value} = {moved}, " in " ".join(output.split())
    assert "rank" not in spi(refreshed, "explain", "Luton", "violent_crime").out, "an authority has no rank"
    mean = _explanation_of(refreshed, "Farley", "connectivity").facts
    value_of_mean = f"value {mean['value']:.4g} score, 0 to 100 ({mean['lower']:.4g} to {mean['upper']:.4g}), "
    assert value_of_mean in spi(refreshed, "explain", "Farley", "connectivity").out, (
        "a figure without counts has an interval"
    )
