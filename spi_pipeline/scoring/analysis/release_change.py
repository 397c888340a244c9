"""Why scores differ between two releases: each change is split into causes that add up to it.

The index of the earlier state is turned into that of the later one in a fixed order, one cause after another, and
scored after each turn. The movement in each turn is that cause's part. Any difference between the published earlier
scores and the present code's scores for the earlier state belongs to method, and so does the rest at the end. So the
parts always add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.tree import index_tree

# In the order in which they are applied.
CAUSES = ("revision", "newer", "window", "geography", "basis", "method")
PARTS = tuple(f"from_{cause}" for cause in CAUSES)
KEY = ["edition", "profile", "level", "id", "area_code"]
CHANGE_COLUMNS = [
    *KEY, "score_before", "score_after", "change", *PARTS, "rank_before", "rank_after", "rank_change",
    "beyond_interval", "surprise",
]  # fmt: skip
ELEMENT_COLUMNS = ["id", "what", "sentence"]
_CELL = ["indicator_id", "area_code", "edition"]
_FIGURES = ["value", "lower", "upper", "status", "numerator", "denominator", "allocation_error"]
_PERIOD = ["period_start", "period_end"]
# The columns of the catalogue that define the basis; changes to its other columns count as method.
_IN_BASIS = ["in_basis", "slot_id", "not_in_basis_because"]
# The columns that define how an indicator is scored.
_SCORED_BY = ("worst", "best", "direction", "methods")
# Sums added in another order differ in their last digits.
_DIGITS = 9
# A 90 % interval extends this many standard deviations to either side.
_HALF_WIDTH = 1.6449
# A tenth of a point is the least scale: smaller movements surprise nobody.
_LEAST_SCALE = 0.1


@dataclass(frozen=True)
class State:
    """The inputs of an index and its scores.

    Attributes:
        framework: dimensions, components, profiles.
        values: rows of the product ``indicator_value``, all indicators and editions.
        catalogue: rows of the product ``indicator``.
        editions: the published editions.
        reference: rows of the source ``reference``.
        allocation: rows of the product ``allocation``.
        scores: rows of the product ``score``.
        areas: wards and authorities.
        definitions: by indicator, a digest of how its values are formed.
    """

    framework: Framework
    values: pd.DataFrame
    catalogue: pd.DataFrame
    editions: frozenset[int]
    reference: pd.DataFrame
    allocation: pd.DataFrame
    scores: pd.DataFrame
    areas: Areas
    definitions: Mapping[str, str]


def release_changes(before: State, after: State) -> pd.DataFrame:
    """Find every score that differs between two states, and why.

    Args:
        before: the earlier state.
        after: the later one.

    Returns:
        ``CHANGE_COLUMNS``, one row for each score that both states have and that differs, or whose rank differs. The
        parts add up to the change. ``surprise`` is the size of the change in standard deviations, which combine the
        score's interval with its own movement from edition to edition. Changes of rank beyond their interval come
        first, the most surprising at the top.
    """
    wanted = [*KEY, "score", "rank", "rank_low", "rank_high"]
    both = before.scores[[*wanted, "score_low", "score_high"]].merge(
        after.scores[wanted], on=KEY, suffixes=("_before", "_after"), validate="1:1"
    )
    change = (both["score_after"] - both["score_before"]).round(_DIGITS).fillna(0.0)
    rank_change = (both["rank_before"] - both["rank_after"]).astype("Int64")
    moved = (change != 0) | (rank_change.fillna(0) != 0)
    if not moved.any():
        return pd.DataFrame(columns=CHANGE_COLUMNS)
    rows = both.assign(
        change=change,
        rank_change=rank_change,
        beyond_interval=~both["rank_after"].between(both["rank_low_before"], both["rank_high_before"])
        & both["rank_after"].notna(),
        surprise=change.abs() / _scale(both, before.scores),
        **_parts(both, change, before, after),
    )[moved]
    order = ["beyond_interval", "surprise", *KEY]
    return rows.sort_values(order, ascending=[False, False, *[True] * len(KEY)])[CHANGE_COLUMNS]


def release_elements(before: State, after: State) -> pd.DataFrame:
    """List the indicators that are new, gone, redefined, scored differently, or entered or left the basis.

    Args:
        before: the earlier state.
        after: the later one.

    Returns:
        ``ELEMENT_COLUMNS``: ``what``, the kind of change as the contract of the product lists it, and a sentence.
    """
    old, new = (state.catalogue.set_index("indicator_id") for state in (before, after))
    titles = old["title"].to_dict() | new["title"].to_dict()
    records = [(name, "new", f"{titles[name]} is new.") for name in new.index.difference(old.index)]
    records += [(name, "gone", f"{titles[name]} was removed.") for name in old.index.difference(new.index)]
    for name in old.index.intersection(new.index):
        was, now = old.loc[name], new.loc[name]
        if before.definitions.get(name) != after.definitions.get(name):
            records.append((name, "redefined", f"The values of {titles[name]} are computed differently."))
        if differences := [f"{column} was {_plain(was[column])} and is {_plain(now[column])}" for column in _SCORED_BY
                    if not _same(was[column], now[column])]:  # fmt: skip
            records.append((name, "rescored", f"{titles[name]} is scored differently: {', '.join(differences)}."))
        if now["in_basis"] and not was["in_basis"]:
            records.append((name, "entered_basis", f"{titles[name]} enters the scores."))
        if was["in_basis"] and not now["in_basis"]:
            sentence = f"{titles[name]} is left out of the scores. {now['not_in_basis_because']}"
            records.append((name, "left_basis", sentence))
    return pd.DataFrame(records, columns=ELEMENT_COLUMNS)


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (pd.isna(one) and pd.isna(other)))


def _scale(both: pd.DataFrame, scores: pd.DataFrame) -> pd.Series:
    """The expected movement of a score, from its interval and its own movement from edition to edition."""
    series = ["profile", "level", "id", "area_code"]
    steps = scores.sort_values("edition").groupby(series)["score"].diff()
    history = (steps**2).groupby([scores[name] for name in series]).mean().rename("history").reset_index()
    moved = both[series].merge(history, on=series, how="left", validate="m:1")["history"].fillna(0.0)
    own = ((both["score_high"] - both["score_low"]) / (2 * _HALF_WIDTH)).fillna(0.0)
    return pd.Series(np.sqrt(own**2 + moved.to_numpy()).clip(lower=_LEAST_SCALE), index=both.index)


def _parts(both: pd.DataFrame, change: pd.Series, before: State, after: State) -> dict[str, pd.Series]:
    """The part of each cause, by column name."""
    cells = pd.MultiIndex.from_frame(both[KEY])
    turned = [_scored(state).reindex(cells).to_numpy() for state in _turns(before, after)]
    parts = {
        part: pd.Series(later - earlier, index=both.index).round(_DIGITS).fillna(0.0)
        for part, (earlier, later) in zip(PARTS[:-1], pairwise(turned), strict=True)
    }
    rest = change - sum(parts.values(), pd.Series(0.0, index=both.index))
    return parts | {PARTS[-1]: rest.round(_DIGITS)}


def _turns(before: State, after: State) -> list[State]:
    """The earlier state, then the state after each cause except the last was applied."""
    cells = _cells(before, after)
    states = [before]
    for turn, cause in enumerate(CAUSES[:-1]):
        state = replace(states[-1], values=_mixed(cells, turn, before, after))
        if cause == "window":
            state = replace(state, editions=after.editions)
        if cause == "geography":
            state = replace(state, areas=after.areas)
        if cause == "basis":
            state = replace(state, catalogue=_other_basis(before.catalogue, after.catalogue))
        states.append(state)
    return states


def _cells(before: State, after: State) -> pd.DataFrame:
    """Each cell of either state with ``turn``: the position of the cause that changes it to the later state."""
    columns = [*_CELL, *_PERIOD, *_FIGURES]
    both = before.values[columns].merge(
        after.values[columns], on=_CELL, how="outer", suffixes=("", "_after"), indicator="side", validate="1:1"
    )
    start, end, start_after, end_after = (
        pd.to_datetime(both[f"{name}{suffix}"]) for suffix in ("", "_after") for name in _PERIOD
    )
    newest = end.groupby(both["indicator_id"]).transform("max")
    # A value that appeared or disappeared, with no other period in its place, counts as revised too.
    same = ((start == start_after) & (end == end_after)) | start.isna() | start_after.isna()
    newer = end_after.notna() & ~(end_after <= newest)
    moved_areas = _moved_areas(before.allocation, after.allocation)
    common = before.definitions.keys() & after.definitions.keys()
    redefined = {name for name in common if before.definitions[name] != after.definitions[name]}
    # The first cause that applies decides.
    causes = {
        "method": both["indicator_id"].isin(redefined),
        "basis": ~both["indicator_id"].isin(common),
        "geography": both["area_code"].isin(moved_areas),
        "newer": newer,
        "revision": same & both["edition"].isin(before.editions),
    }
    chosen = np.select(list(causes.values()), [CAUSES.index(name) for name in causes], CAUSES.index("window"))
    return both[[*_CELL, "side"]].assign(turn=chosen)


def _moved_areas(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """The areas in both states whose shares of small areas differ."""
    columns = [name for name in before.columns if name in after.columns]
    one, other = (
        {
            str(code): group[columns].sort_values(columns).to_csv(index=False)
            for code, group in table.groupby("area_code")
        }
        for table in (before, after)
    )
    return {code for code in one.keys() & other.keys() if one[code] != other[code]}


def _mixed(cells: pd.DataFrame, turn: int, before: State, after: State) -> pd.DataFrame:
    """The values after every cause up to ``turn`` was applied."""
    turned = cells["turn"] <= turn
    old = cells.loc[~turned & (cells["side"] != "right_only"), _CELL]
    new = cells.loc[turned & (cells["side"] != "left_only"), _CELL]
    return pd.concat(
        [before.values.merge(old, on=_CELL, validate="1:1"), after.values.merge(new, on=_CELL, validate="1:1")],
        ignore_index=True,
    )


def _other_basis(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The earlier catalogue with the later basis; new indicators are as in the later catalogue."""
    old, new = before.set_index("indicator_id"), after.set_index("indicator_id")
    common = old.index.intersection(new.index)
    common_rows = old.loc[common].assign(**{name: new.loc[common, name] for name in _IN_BASIS})
    return pd.concat([common_rows, new.drop(index=common)]).reset_index()


def _scored(state: State) -> pd.Series:
    """The scores of a state by ``KEY``, without profiles that cannot be computed from it."""
    used = state.values[state.values["edition"].isin(state.editions)]
    parts = []
    for profile in state.framework.profiles:
        try:
            tree = index_tree(state.framework, profile, state.catalogue, state.reference)
            for authority, codes in state.areas.by_authority.items():
                scores = tree.score(tree.values(used, codes), authority)
                rows = scores.scores.melt(var_name="id", value_name="score", ignore_index=False).reset_index()
                parts.append(rows.assign(profile=profile, level=rows["id"].map(scores.task.structure.level_of)))
        except EngineError:  # such as a component without a slot, while the framework is still the earlier one
            continue
    return pd.concat(parts).set_index(KEY)["score"] if parts else pd.Series(dtype=float)
