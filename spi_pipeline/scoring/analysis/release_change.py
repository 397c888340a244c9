"""Why scores differ between two releases: each change split into causes that add up to it.

The index of the earlier state is turned into that of the later one in a fixed order, one cause after another, and
scored after each turn. What a turn moves is that cause's part. What present code makes of the earlier state other than
was published then is method, as is all that is left at the end; so nothing remains.
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

# In the order in which they are turned.
CAUSES = ("revision", "newer", "window", "geography", "basis", "method")
PARTS = tuple(f"from_{cause}" for cause in CAUSES)
KEY = ["edition", "profile", "level", "id", "area_code"]
CHANGE_COLUMNS = [
    *KEY, "score_before", "score_after", "change", *PARTS, "rank_before", "rank_after", "rank_change",
    "beyond_interval", "surprise",
]  # fmt: skip
ELEMENT_COLUMNS = ["id", "what", "told"]
_CELL = ["indicator_id", "area_code", "edition"]
_FIGURES = ["value", "lower", "upper", "status", "numerator", "denominator", "allocation_error"]
_PERIOD = ["period_start", "period_end"]
# What of the catalogue says whether an indicator is in the basis; all else of it is method.
_IN_BASIS = ["in_basis", "slot_id", "not_in_basis_because"]
# What of it says how an indicator is scored.
_SCORED_BY = ("worst", "best", "direction", "methods")
# Sums formed in another order differ in their last digits.
_DIGITS = 9
# A 90 % interval is so many standard deviations wide, to either side.
_HALF_WIDTH = 1.6449
# Nobody can be surprised by less than a tenth of a point.
_LEAST_SCALE = 0.1


@dataclass(frozen=True)
class State:
    """What an index was computed from, and what it came to.

    Attributes:
        framework: dimensions, components, profiles.
        values: rows of the product ``indicator_value``, all indicators and editions.
        catalogue: rows of the product ``indicator``.
        editions: those that are published.
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
    """Every score that differs between two states, and why.

    Args:
        before: the earlier state.
        after: the later one.

    Returns:
        ``CHANGE_COLUMNS``, one row for each score that both have and that differs, or whose rank does. The parts add
        up to the change. ``surprise`` is the size of the change in standard deviations: of the score's interval and of
        its own year-on-year movement together. The most surprising change of rank beyond its interval comes first.
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
    """Which indicators are new, gone, defined or scored otherwise, or entered or left the basis.

    Args:
        before: the earlier state.
        after: the later one.

    Returns:
        ``ELEMENT_COLUMNS``: ``what`` became of each, as the contract of the product lists it, and a sentence.
    """
    old, new = (state.catalogue.set_index("indicator_id") for state in (before, after))
    titles = old["title"].to_dict() | new["title"].to_dict()
    found = [(name, "new", f"{titles[name]} was not there.") for name in new.index.difference(old.index)]
    found += [(name, "gone", f"{titles[name]} is no longer there.") for name in old.index.difference(new.index)]
    for name in old.index.intersection(new.index):
        was, now = old.loc[name], new.loc[name]
        if before.definitions.get(name) != after.definitions.get(name):
            found.append((name, "redefined", f"The values of {titles[name]} are formed in another way."))
        if told := [f"{column} was {_plain(was[column])} and is {_plain(now[column])}" for column in _SCORED_BY
                    if not _same(was[column], now[column])]:  # fmt: skip
            found.append((name, "rescored", f"{titles[name]} is scored in another way: {', '.join(told)}."))
        if now["in_basis"] and not was["in_basis"]:
            found.append((name, "entered_basis", f"{titles[name]} enters the scores."))
        if was["in_basis"] and not now["in_basis"]:
            said = f"{titles[name]} is left out of the scores. {now['not_in_basis_because']}"
            found.append((name, "left_basis", said))
    return pd.DataFrame(found, columns=ELEMENT_COLUMNS)


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (pd.isna(one) and pd.isna(other)))


def _scale(both: pd.DataFrame, scores: pd.DataFrame) -> pd.Series:
    """By how much a score may be expected to move: its interval, and its own movement from edition to edition."""
    series = ["profile", "level", "id", "area_code"]
    steps = scores.sort_values("edition").groupby(series)["score"].diff()
    history = (steps**2).groupby([scores[name] for name in series]).mean().rename("history").reset_index()
    moved = both[series].merge(history, on=series, how="left", validate="m:1")["history"].fillna(0.0)
    own = ((both["score_high"] - both["score_low"]) / (2 * _HALF_WIDTH)).fillna(0.0)
    return pd.Series(np.sqrt(own**2 + moved.to_numpy()).clip(lower=_LEAST_SCALE), index=both.index)


def _parts(both: pd.DataFrame, change: pd.Series, before: State, after: State) -> dict[str, pd.Series]:
    """The part of each cause, by column."""
    cells = pd.MultiIndex.from_frame(both[KEY])
    turned = [_scored(state).reindex(cells).to_numpy() for state in _turns(before, after)]
    found = {
        part: pd.Series(later - earlier, index=both.index).round(_DIGITS).fillna(0.0)
        for part, (earlier, later) in zip(PARTS[:-1], pairwise(turned), strict=True)
    }
    rest = change - sum(found.values(), pd.Series(0.0, index=both.index))
    return found | {PARTS[-1]: rest.round(_DIGITS)}


def _turns(before: State, after: State) -> list[State]:
    """The earlier state, and what it is after each cause but the last was turned."""
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
    """Each cell of either state with ``turn``: with which cause it turns into that of the later state."""
    columns = [*_CELL, *_PERIOD, *_FIGURES]
    both = before.values[columns].merge(
        after.values[columns], on=_CELL, how="outer", suffixes=("", "_after"), indicator="side", validate="1:1"
    )
    start, end, start_after, end_after = (
        pd.to_datetime(both[f"{name}{suffix}"]) for suffix in ("", "_after") for name in _PERIOD
    )
    newest = end.groupby(both["indicator_id"]).transform("max")
    # A value that came or went without another period in its place was revised too.
    same = ((start == start_after) & (end == end_after)) | start.isna() | start_after.isna()
    newer = end_after.notna() & ~(end_after <= newest)
    moved_areas = _moved_areas(before.allocation, after.allocation)
    common = before.definitions.keys() & after.definitions.keys()
    redefined = {name for name in common if before.definitions[name] != after.definitions[name]}
    # The first that holds decides.
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
    """The areas that other shares of small areas make up; an area that one side does not know is not among them."""
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
    """The values once every cell up to a cause was turned."""
    turned = cells["turn"] <= turn
    old = cells.loc[~turned & (cells["side"] != "right_only"), _CELL]
    new = cells.loc[turned & (cells["side"] != "left_only"), _CELL]
    return pd.concat(
        [before.values.merge(old, on=_CELL, validate="1:1"), after.values.merge(new, on=_CELL, validate="1:1")],
        ignore_index=True,
    )


def _other_basis(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The earlier catalogue with the later basis; what is new stands as the later one has it."""
    old, new = before.set_index("indicator_id"), after.set_index("indicator_id")
    common = old.index.intersection(new.index)
    kept = old.loc[common].assign(**{name: new.loc[common, name] for name in _IN_BASIS})
    return pd.concat([kept, new.drop(index=common)]).reset_index()


def _scored(state: State) -> pd.Series:
    """The scores of a state by ``KEY``; without those of a profile that cannot be formed of it."""
    used = state.values[state.values["edition"].isin(state.editions)]
    parts = []
    for profile in state.framework.profiles:
        try:
            tree = index_tree(state.framework, profile, state.catalogue, state.reference)
            for authority, codes in state.areas.by_authority.items():
                scores = tree.score(tree.values(used, codes), authority)
                rows = scores.scores.melt(var_name="id", value_name="score", ignore_index=False).reset_index()
                parts.append(rows.assign(profile=profile, level=rows["id"].map(scores.task.structure.level_of)))
        except EngineError:  # such as a component without a slot, until the framework turns too
            continue
    return pd.concat(parts).set_index(KEY)["score"] if parts else pd.Series(dtype=float)
