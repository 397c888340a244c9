"""``spi explain`` for an indicator without a figure: the reason, its replacement, and the effect on its parents."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from spi_pipeline.outputs.explain.gap import FILLED
from spi_pipeline.outputs.explain.question import open_question
from spi_pipeline.outputs.explain.score import Explanation, explain
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox


def explanation_of(sandbox: Sandbox, area: str, element: str, profile: str = "spi") -> Explanation:
    with open_question(sandbox.store.database, sandbox.contracts, area, element, profile) as question:
        return explain(question)


def with_update(sandbox: Sandbox, folder: Path, change: str, table: str = "observation") -> Path:
    """Copy the database and update a table."""
    shutil.copyfile(sandbox.store.database, copy := folder / "spi.duckdb")
    with duckdb.connect(str(copy)) as connection:
        changed = connection.execute(f"UPDATE {table} SET {change} RETURNING 1").fetchall()
    assert changed
    return copy


def test_a_missing_figure_is_explained_with_its_source_and_replacement(refreshed: Sandbox, spi: Command) -> None:
    explanation = explanation_of(refreshed, "Farley", "turnout")
    gap, source = explanation.root.gap, refreshed.contracts.sources["local_elections_2023"]
    assert gap is not None
    assert gap.status == "missing"
    assert gap.because[0].endswith("holds no figure for Farley in the version available.")
    assert source.limits in gap.because[1]
    method, error = refreshed.query(
        "SELECT DISTINCT method, error FROM imputation WHERE indicator_id = 'turnout' AND profile = 'spi'"
    )[0]
    assert (method, gap.filled[0]) == (
        "mean",
        "Profile spi puts an estimate in its place: the mean over the areas that have a figure.",
    )
    assert f"miss known values by {error:.4g} (root mean square" in gap.filled[1]
    output = spi(refreshed, "explain", "Farley", "turnout").out
    for sentence in (*gap.because, *gap.filled):
        assert sentence in output


@pytest.mark.parametrize("profile", ["spi", "equal"])
def test_the_effects_of_a_gap_on_its_parents_are_as_published(refreshed: Sandbox, spi: Command, profile: str) -> None:
    explanation = explanation_of(refreshed, "Farley", "turnout", profile)
    chain = ["turnout", "rights_and_voice", "opportunity", "social_progress_index"]
    assert [(one.child, one.id) for one in explanation.ancestors] == list(pairwise(chain))
    for one in explanation.ancestors:
        published = refreshed.query(
            "SELECT score, coverage, slots, slots_filled, (SELECT contribution FROM contribution c WHERE (c.edition, "
            "c.profile, c.area_code, c.parent_id) = (s.edition, s.profile, s.area_code, s.id) AND c.id = ?) FROM score "
            "s JOIN area USING (area_code) WHERE area_name = 'Farley' AND edition = ? AND profile = ? AND id = ?",
            one.child, explanation.edition, profile, one.id,
        )  # fmt: skip
        assert [(one.score, one.coverage, one.slots, one.slots_filled, one.contribution)] == published
    assert (explanation.ancestors[0].score is None) == (profile == "equal")
    output = spi(refreshed, "explain", "Farley", "turnout", "--profile", profile).out
    adds = "nothing" if profile == "equal" else f"{explanation.ancestors[0].contribution:.2f} points"
    assert f"1 of 3 slots below hold a figure; Turnout at the local election (%) adds {adds}, of weight 0.33" in output
    assert ("puts nothing in its place" in output) == (profile == "equal")


def test_a_parent_also_lists_children_without_a_score(refreshed: Sandbox, spi: Command) -> None:
    explanation = explanation_of(refreshed, "Farley", "opportunity", "equal").root
    assert [child.id for child in explanation.children][-1] == "rights_and_voice"
    assert explanation.children[-1].facts["score"] is None
    output = spi(refreshed, "explain", "Farley", "opportunity", "--profile", "equal").out
    assert "rights_and_voice: no score" in output
    assert output.count("puts nothing in its place") == 2


def test_an_indicator_outside_the_scores_is_explained(refreshed: Sandbox, spi: Command) -> None:
    explanation = explanation_of(refreshed, "Farley", "life_expectancy")
    assert explanation.root.gap is not None
    assert "local_health has no embedded figures" in " ".join(explanation.root.gap.because)
    assert explanation.root.gap.filled == ["Nothing replaces it: the indicator enters no score."]
    assert explanation.ancestors == []
    measured = explanation_of(refreshed, "Farley", "air_pollution").root
    assert (measured.gap, measured.facts["score"]) == (None, None)
    output = spi(refreshed, "explain", "Farley", "air_pollution").out
    assert "air_pollution: no score" in output
    assert "No score rests on it: outdoor_environment fills the slot in every edition." in output
    assert f"value {measured.facts['value']:.4g} " in output


def test_a_suppressed_figure_names_the_rule(refreshed: Sandbox, tmp_path: Path) -> None:
    where = "WHERE indicator_id = 'patients_per_gp' AND area_code = 'E05014742'"
    blank = "period_start = NULL, period_end = NULL, value = NULL, lower = NULL, upper = NULL"
    copy = with_update(refreshed, tmp_path, f"{blank}, covered = 0.4, status = 'suppressed' {where}")
    with open_question(copy, refreshed.contracts, "Farley", "patients_per_gp") as question:
        gap = explain(question).root.gap
    assert gap is not None
    assert gap.status == "suppressed"
    assert gap.because[0] == (
        "The pipeline withholds it: figures are available for 40.0% of Farley, but a value needs 65% of its residents "
        "or denominator (covered in framework.yaml)."
    )


def test_an_estimate_for_a_suppressed_figure_is_reported_as_such(refreshed: Sandbox, tmp_path: Path) -> None:
    copy = with_update(refreshed, tmp_path, "covered = 0.4 WHERE indicator_id = 'turnout' AND area_code = 'E05014742'")
    with open_question(copy, refreshed.contracts, "Farley", "turnout") as question:
        gap = explain(question).root.gap
    assert gap is not None
    assert (gap.status, gap.because[0].split(":")[0]) == ("suppressed", "The pipeline withholds it")
    assert "puts an estimate in its place" in gap.filled[0]


def test_every_method_of_imputation_has_a_description(refreshed: Sandbox) -> None:
    method = refreshed.contracts.products["imputation"].column("method")
    assert method is not None
    assert set(FILLED) == set(method.values)


def test_the_minimum_count_of_a_councils_own_table_is_named(refreshed: Sandbox) -> None:
    contracts = refreshed.contracts
    source = contracts.sources["local_elections_2023"]
    changed = replace(source, properties=source.properties.model_copy(update={"minimum_count": 7}))
    contracts = replace(contracts, sources=contracts.sources | {source.id: changed})
    with open_question(refreshed.store.database, contracts, "Farley", "turnout") as question:
        gap = explain(question).root.gap
    assert gap is not None
    assert gap.because[1] == (
        "A count below 7, except zero, is withheld wherever it is derived from the source (minimum_count in "
        "sources/local_elections_2023.yaml; docs/disclosure.md)."
    )
