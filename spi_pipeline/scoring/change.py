"""How far scores moved from one edition to another, what moved them, and whether the movement can be told from noise.

All editions rest on one basis, so that only observations of other periods, and the estimates that follow from them,
move a score: a matched-model index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.forward import forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.scoring.tree import weights_below

CHANGE_COLUMNS = [
    "edition_from", "edition_to", "profile", "area_code", "level", "id", "change", "from_data", "from_imputation",
    "change_low", "change_high", "rank_change", "rank_change_low", "rank_change_high", "movable", "verdict",
]  # fmt: skip
# Below this share of its weight measured anew, an element's movement is not its own but that of a part.
LEAST_MOVABLE = 0.5
# A smaller difference is the rounding of sums, and would say that something changed.
DIGITS = 9


def pairs_of(editions: Sequence[int]) -> list[tuple[int, int]]:
    """Each edition with the next, and the first with the last."""
    found = list(pairwise(editions))
    return found if len(editions) < 3 else [*found, (editions[0], editions[-1])]


def verdicts(movable: pd.Series, low: pd.Series, high: pd.Series) -> pd.Series:
    """What may be said of each change.

    Args:
        movable: weight of the slots whose observation has another period in the two editions.
        low: lower end of the 90 % interval of the change.
        high: its upper end.

    Returns:
        ``rose``, ``fell``, ``not_distinguishable``, or ``cannot_tell`` where less than half can have moved.
    """
    chosen = np.select(
        [movable < LEAST_MOVABLE, low > 0, high < 0], ["cannot_tell", "rose", "fell"], "not_distinguishable"
    )
    return pd.Series(chosen, index=movable.index)


def movable_share(scores: Scores, periods: pd.DataFrame, before: int, after: int) -> pd.DataFrame:
    """The weight below every element of the indicators whose observation has another period in the later edition.

    Args:
        scores: of the whole index.
        periods: end of the period behind each value, by edition and area, columns the indicators; NaT where a value is
            estimated.
        before: the earlier edition.
        after: the later one.

    Returns:
        Shares by area, columns the elements, indicators first.
    """
    old, new = _of_edition(periods, before), _of_edition(periods, after)
    other = ((old != new) & old.notna() & new.notna()).astype(float)
    weights = {parent: formed.weights for parent, formed in scores.formed.items()}
    shares = {}
    for name in scores.scores.columns:
        below = weights_below(weights, name)
        share = other[below.index].to_numpy() @ (below / below.sum()).to_numpy()
        shares[name] = np.minimum(share, 1.0)  # weights that add up to 1 in another order may come to a little more
    return pd.DataFrame(shares, index=other.index)


def periods_of(observations: pd.DataFrame, ids: Sequence[str], index: pd.Index) -> pd.DataFrame:
    """The end of the period behind each value, as ``movable_share`` takes it.

    Args:
        observations: rows of the product ``indicator_value``.
        ids: the indicators.
        index: editions and areas.
    """
    wide = observations.assign(day=pd.to_datetime(observations["period_end"])).pivot(
        index=["edition", "area_code"], columns="indicator_id", values="day"
    )
    return wide.reindex(index=index, columns=pd.Index(ids))


def with_estimates_of(scores: Scores, before: int, after: int) -> pd.DataFrame:
    """What the scores of the later edition would be with the estimated cells of the earlier one, by area and element.

    Args:
        scores: of the whole index.
        before: the earlier edition.
        after: the later one.
    """
    index, raw = scores.scores.index, scores.inputs.treated
    estimated = scores.inputs.task.values.panel.isna().to_numpy() & ~np.isnan(raw)
    held = raw.copy()
    place = {cell: row for row, cell in enumerate(index)}
    for row, (edition, area) in enumerate(index):
        earlier = place.get((before, area))
        if edition == after and earlier is not None:
            both = estimated[row] & estimated[earlier]
            held[row, both] = raw[earlier, both]
    found = forward(scores.inputs, Changes(values=held[np.newaxis]))
    table = pd.DataFrame({name: found.scores[name][0] for name in scores.scores.columns}, index=index)
    return _of_edition(table, after)


def _of_edition(table: pd.DataFrame, edition: int) -> pd.DataFrame:
    """The rows of one edition, by area."""
    return table[table.index.get_level_values("edition") == edition].droplevel("edition")


def change_rows(
    scores: Scores, held: pd.DataFrame, movable: pd.DataFrame, ends: pd.DataFrame, pair: tuple[int, int]
) -> pd.DataFrame:
    """Rows of the product ``change`` for one pair of editions, but for the profile.

    Args:
        scores: of the whole index, every edition.
        held: what the scores of the later edition would be with the estimates of the earlier one, by area and element.
        movable: as ``movable_share`` returns it.
        ends: ``area_code``, ``id`` and the intervals of changes and of changes of rank.
        pair: the earlier and the later edition.
    """
    before, after = pair
    old, new = (_of_edition(scores.scores, edition) for edition in pair)
    old_rank, new_rank = (_of_edition(scores.ranks(), edition) for edition in pair)
    levels: Mapping[str, str] = scores.task.structure.level_of
    change = (new - old).round(DIGITS)
    data = (held - old).round(DIGITS)
    # Places gained: rank 1 is the best.
    columns = {
        "change": change, "from_data": data, "from_imputation": change - data,
        "rank_change": old_rank - new_rank, "movable": movable,
    }  # fmt: skip
    row, column = np.nonzero(change.notna().to_numpy())
    cells = {
        name: table.reindex(index=change.index, columns=change.columns).to_numpy()[row, column]
        for name, table in columns.items()
    }
    ids = change.columns.to_numpy()[column]
    rows = pd.DataFrame({"area_code": change.index.to_numpy()[row], "id": ids, **cells})
    rows = rows.merge(ends, on=["area_code", "id"], how="left", validate="1:1")
    # The engine's ends are those of a difference of ranks, where less is better.
    gained = {"rank_change_low": -rows["rank_change_high"], "rank_change_high": -rows["rank_change_low"]}
    return rows.assign(
        **{name: column.astype("Int64") for name, column in gained.items()},
        edition_from=before,
        edition_to=after,
        level=[levels[name] for name in ids],
        rank_change=rows["rank_change"].astype("Int64"),
        verdict=verdicts(rows["movable"], rows["change_low"], rows["change_high"]),
    )
