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


def explained(sandbox: Sandbox, area: str, element: str, profile: str = "spi") -> Explanation:
    with open_question(sandbox.store.database, sandbox.contracts, area, element, profile) as question:
        return explain(question)


def with_changed(sandbox: Sandbox, folder: Path, change: str, table: str = "observation") -> Path:
    """Copy the database and update a table."""
    shutil.copyfile(sandbox.store.database, copy := folder / "spi.duckdb")
    with duckdb.connect(str(copy)) as connection:
        changed = connection.execute(f"UPDATE {table} SET {change} RETURNING 1").fetchall()
    assert changed
    return copy


def test_a_missing_figure_is_told_by_its_source_and_what_fills_it(refreshed: Sandbox, spi: Command) -> None:
    found = explained(refreshed, "Farley", "turnout")
    gap, source = found.root.gap, refreshed.contracts.sources["local_elections_2023"]
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
    said = spi(refreshed, "explain", "Farley", "turnout").out
    for sentence in (*gap.because, *gap.filled):
        assert sentence in said


@pytest.mark.parametrize("profile", ["spi", "equal"])
def test_what_a_gap_does_above_is_as_published(refreshed: Sandbox, spi: Command, profile: str) -> None:
    found = explained(refreshed, "Farley", "turnout", profile)
    chain = ["turnout", "rights_and_voice", "opportunity", "social_progress_index"]
    assert [(one.child, one.id) for one in found.ancestors] == list(pairwise(chain))
    for one in found.ancestors:
        published = refreshed.query(
            "SELECT score, coverage, slots, slots_filled, (SELECT contribution FROM contribution c WHERE (c.edition, "
            "c.profile, c.area_code, c.parent_id) = (s.edition, s.profile, s.area_code, s.id) AND c.id = ?) FROM score "
            "s JOIN area USING (area_code) WHERE area_name = 'Farley' AND edition = ? AND profile = ? AND id = ?",
            one.child, found.edition, profile, one.id,
        )  # fmt: skip
        assert [(one.score, one.coverage, one.slots, one.slots_filled, one.contribution)] == published
    assert (found.ancestors[0].score is None) == (profile == "equal")
    said = spi(refreshed, "explain", "Farley", "turnout", "--profile", profile).out
    adds = "nothing" if profile == "equal" else f"{found.ancestors[0].contribution:.2f} points"
    assert f"1 of 3 slots below hold a figure; Turnout at the local election (%) adds {adds}, of weight 0.33" in said
    assert ("puts nothing in its place" in said) == (profile == "equal")


def test_a_parent_lists_a_child_without_a_score_too(refreshed: Sandbox, spi: Command) -> None:
    found = explained(refreshed, "Farley", "opportunity", "equal").root
    assert [child.id for child in found.children][-1] == "rights_and_voice"
    assert found.children[-1].facts["score"] is None
    said = spi(refreshed, "explain", "Farley", "opportunity", "--profile", "equal").out
    assert "rights_and_voice: no score" in said
    assert said.count("puts nothing in its place") == 2


def test_an_indicator_that_no_score_rests_on_is_explained_and_not_refused(refreshed: Sandbox, spi: Command) -> None:
    found = explained(refreshed, "Farley", "life_expectancy")
    assert found.root.gap is not None
    assert "local_health has no embedded figures" in " ".join(found.root.gap.because)
    assert found.root.gap.filled == ["Nothing replaces it: the indicator enters no score."]
    assert found.ancestors == []
    measured = explained(refreshed, "Farley", "air_pollution").root
    assert (measured.gap, measured.facts["score"]) == (None, None)
    said = spi(refreshed, "explain", "Farley", "air_pollution").out
    assert "air_pollution: no score" in said
    assert "No score rests on it: outdoor_environment fills the slot in every edition." in said
    assert f"value {measured.facts['value']:.4g} " in said


def test_a_suppressed_figure_says_by_which_rule(refreshed: Sandbox, tmp_path: Path) -> None:
    where = "WHERE indicator_id = 'patients_per_gp' AND area_code = 'E05014742'"
    blank = "period_start = NULL, period_end = NULL, value = NULL, lower = NULL, upper = NULL"
    copy = with_changed(refreshed, tmp_path, f"{blank}, covered = 0.4, status = 'suppressed' {where}")
    with open_question(copy, refreshed.contracts, "Farley", "patients_per_gp") as question:
        gap = explain(question).root.gap
    assert gap is not None
    assert gap.status == "suppressed"
    assert gap.because[0] == (
        "The pipeline withholds it: figures are available for 40.0% of Farley, but a value needs 65% of its residents "
        "or denominator (covered in framework.yaml)."
    )


def test_an_estimate_in_place_of_a_suppressed_figure_is_told_as_one(refreshed: Sandbox, tmp_path: Path) -> None:
    copy = with_changed(refreshed, tmp_path, "covered = 0.4 WHERE indicator_id = 'turnout' AND area_code = 'E05014742'")
    with open_question(copy, refreshed.contracts, "Farley", "turnout") as question:
        gap = explain(question).root.gap
    assert gap is not None
    assert (gap.status, gap.because[0].split(":")[0]) == ("suppressed", "The pipeline withholds it")
    assert "puts an estimate in its place" in gap.filled[0]


def test_every_method_that_may_fill_a_cell_has_its_words(refreshed: Sandbox) -> None:
    method = refreshed.contracts.products["imputation"].column("method")
    assert method is not None
    assert set(FILLED) == set(method.values)


def test_a_councils_own_table_names_its_smallest_count(refreshed: Sandbox) -> None:
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
