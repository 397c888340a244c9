"""Each change of a score is split into causes that add up to it; a single cause is attributed to that cause alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spi_pipeline.scoring.analysis.release_change import CAUSES, PARTS, State, release_changes, release_elements
from spi_pipeline.scoring.tree import index_tree
from spi_pipeline.steps.analysis.release_change import state_of
from spi_pipeline_tests.integration.sandboxes import Sandbox

Change = Callable[[State], State]


@pytest.fixture(scope="module")
def state(refreshed: Sandbox) -> State:
    return state_of(refreshed.runner.reader.frame, refreshed.contracts)


def scored(state: State) -> State:
    """The state, with the scores that follow from it filled in."""
    used = state.values[state.values["edition"].isin(state.editions)]
    parts = []
    for profile in state.framework.profiles:
        tree = index_tree(state.framework, profile, state.catalogue, state.reference)
        for authority, codes in state.areas.by_authority.items():
            result = tree.score(tree.values(used, codes), authority)
            rows = result.scores.melt(var_name="id", value_name="score", ignore_index=False)
            ranks = result.ranks().melt(value_name="rank", ignore_index=False)["rank"]
            levels = rows["id"].map(result.task.structure.level_of)
            parts.append(rows.assign(rank=ranks.to_numpy(), profile=profile, level=levels).reset_index())
    rows = pd.concat(parts, ignore_index=True)
    ends = {"score_low": rows["score"] - 1, "score_high": rows["score"] + 1}
    return replace(state, scores=rows.assign(rank_low=rows["rank"], rank_high=rows["rank"], **ends))


def with_values(state: State, change: Callable[[pd.DataFrame], pd.DataFrame]) -> State:
    return replace(state, values=change(state.values.copy()))


def revised(state: State) -> State:
    """Turnout of the first ward is one point higher in every edition that holds it."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        turnout = (rows["indicator_id"] == "turnout") & (rows["area_code"] == "E05014735")
        rows.loc[turnout, "value"] += 1
        return rows

    return with_values(state, change)


def newer_election(state: State) -> State:
    """The newest edition alone uses a newer election."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        turnout = (rows["indicator_id"] == "turnout") & (rows["edition"] == rows["edition"].max())
        rows.loc[turnout, "value"] -= 2
        for end in ("period_start", "period_end"):
            rows.loc[turnout, end] = pd.Timestamp("2026-05-07").date()
        return rows

    return with_values(state, change)


def other_window(state: State) -> State:
    """In every edition, burglaries are for a window one month earlier."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        of_it = (rows["indicator_id"] == BURGLARY) & rows["period_end"].notna()
        rows.loc[of_it, "value"] *= 1.1
        for end in ("period_start", "period_end"):
            rows.loc[of_it, end] = [day - pd.Timedelta(days=31) for day in rows.loc[of_it, end]]
        return rows

    return with_values(state, change)


def other_boundaries(state: State) -> State:
    """The first ward loses a tenth of its first small area, and its turnout changes."""
    moved = state.allocation.copy()
    first = moved.index[moved["area_code"] == "E05014735"][0]
    moved.loc[first, "weight"] *= 0.9
    return replace(revised(state), allocation=moved)


def other_basis(state: State) -> State:
    catalogue = state.catalogue.copy()
    catalogue.loc[catalogue["indicator_id"] == "turnout", "in_basis"] = False
    return replace(state, catalogue=catalogue)


def other_goalpost(state: State) -> State:
    catalogue = state.catalogue.copy()
    catalogue.loc[catalogue["indicator_id"] == "turnout", "best"] += 5
    return replace(state, catalogue=catalogue)


BURGLARY = "burglary"
CHANGE_OF: dict[str, Change] = {
    "revision": revised,
    "newer": newer_election,
    "window": other_window,
    "geography": other_boundaries,
    "basis": other_basis,
    "method": other_goalpost,
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_single_cause_is_attributed_to_that_cause_alone(state: State, cause: str) -> None:
    result = release_changes(state, scored(CHANGE_OF[cause](state)))
    assert len(result)
    moved = result[result["change"] != 0]
    np.testing.assert_allclose(moved[f"from_{cause}"], moved["change"], atol=1e-8)
    others = [part for part in PARTS if part != f"from_{cause}"]
    assert moved[others].abs().to_numpy().max() < 1e-8


def test_an_unchanged_release_has_no_changes(state: State) -> None:
    assert release_changes(state, scored(state)).empty
    assert release_elements(state, state).empty


@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
@given(causes=st.sets(st.sampled_from(CAUSES), min_size=2))
def test_several_causes_add_up(state: State, causes: set[str]) -> None:
    after = state
    for cause in sorted(causes):
        after = CHANGE_OF[cause](after)
    result = release_changes(state, scored(after))
    np.testing.assert_allclose(result[list(PARTS)].sum(axis=1), result["change"], atol=1e-8)
    assert {cause for cause in CAUSES if result[f"from_{cause}"].abs().max() > 1e-8} <= causes | {"geography"}


def test_ranks_outside_their_intervals_come_first(state: State) -> None:
    result = release_changes(state, scored(other_basis(state)))
    outside_interval = result["beyond_interval"].to_numpy(dtype=bool)
    assert outside_interval.any()
    assert not outside_interval.all()
    assert (np.diff(outside_interval.astype(int)) <= 0).all()
    outside = result[outside_interval].merge(state.scores, on=["edition", "profile", "level", "id", "area_code"])
    assert not outside["rank_after"].between(outside["rank_low"], outside["rank_high"]).any()


def test_changes_of_indicators_are_listed(state: State) -> None:
    without_turnout = state.catalogue[state.catalogue["indicator_id"] != "turnout"]
    other = replace(other_basis(state), definitions=dict(state.definitions) | {"turnout": "another"})
    elements = release_elements(state, replace(other, catalogue=other_goalpost(other).catalogue))
    assert set(elements["what"]) == {"redefined", "rescored", "left_basis"}
    assert "best was 60 and is 65" in elements.set_index("what")["sentence"]["rescored"]
    assert release_elements(state, replace(state, catalogue=without_turnout))["what"].tolist() == ["gone"]
    assert release_elements(replace(state, catalogue=without_turnout), state)["what"].tolist() == ["new"]
    assert release_elements(other_basis(state), state)["what"].tolist() == ["entered_basis"]
