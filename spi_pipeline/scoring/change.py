"""How far scores moved from one edition to another, what moved them, and whether the movement exceeds noise.

All editions share one basis. So only observations of other periods, and the estimates that follow from them, move a
score: a matched-model index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.forward import forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.scoring.periods import of_edition, period_changed
from spi_pipeline.scoring.tree import weights_below

CHANGE_COLUMNS = [
    "edition_from", "edition_to", "profile", "area_code", "level", "id", "change", "from_data", "from_imputation",
    "change_low", "change_high", "rank_change", "rank_change_low", "rank_change_high", "movable", "verdict",
]  # fmt: skip
# With less than this share of its weight measured again, an element's movement reflects only a part of it.
LEAST_MOVABLE = 0.5
# Smaller differences are rounding errors of sums and must not appear as changes.
DIGITS = 9


def pairs_of(editions: Sequence[int]) -> list[tuple[int, int]]:
    """Pair each edition with the next, and the first with the last."""
    pairs = list(pairwise(editions))
    return pairs if len(editions) < 3 else [*pairs, (editions[0], editions[-1])]


def verdicts(movable: pd.Series, low: pd.Series, high: pd.Series) -> pd.Series:
    """The verdict on each change.

    Args:
        movable: weight of the slots whose observation has another period in the two editions.
        low: lower end of the 90 % interval of the change.
        high: its upper end.

    Returns:
        ``rose``, ``fell``, ``not_distinguishable``, or ``cannot_tell`` where less than half of the weight can move.
    """
    chosen = np.select(
        [movable < LEAST_MOVABLE, low > 0, high < 0], ["cannot_tell", "rose", "fell"], "not_distinguishable"
    )
    return pd.Series(chosen, index=movable.index)


def movable_share(scores: Scores, periods: pd.DataFrame, before: int, after: int) -> pd.DataFrame:
    """The share of each element's weight on indicators whose observation has another period in the later edition.

    Args:
        scores: of the whole index.
        periods: as ``periods_of`` returns them; NaT where a value is estimated.
        before: the earlier edition.
        after: the later one.

    Returns:
        Shares by area; the columns are the elements, indicators first.
    """
    remeasured = period_changed(periods, before, after)
    weights = {parent: formed.weights for parent, formed in scores.aggregations.items()}
    shares = {}
    for name in scores.scores.columns:
        below = weights_below(weights, name)
        share = remeasured[below.index].to_numpy() @ (below / below.sum()).to_numpy()
        shares[name] = np.minimum(share, 1.0)  # weights summed in another order may exceed 1 by rounding
    return pd.DataFrame(shares, index=remeasured.index)


def with_estimates_of(scores: Scores, before: int, after: int) -> pd.DataFrame:
    """The scores of the later edition with the estimated cells of the earlier one, by area and element.

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
    rescored = forward(scores.inputs, Changes(values=held[np.newaxis]))
    table = pd.DataFrame({name: rescored.scores[name][0] for name in scores.scores.columns}, index=index)
    return of_edition(table, after)


def change_rows(
    scores: Scores, held: pd.DataFrame, movable: pd.DataFrame, ends: pd.DataFrame, pair: tuple[int, int]
) -> pd.DataFrame:
    """Rows of the product ``change`` for one pair of editions, without the profile.

    Args:
        scores: of the whole index, every edition.
        held: as ``with_estimates_of`` returns it.
        movable: as ``movable_share`` returns it.
        ends: ``area_code``, ``id`` and the intervals of changes and of changes of rank.
        pair: the earlier and the later edition.
    """
    before, after = pair
    ranks = scores.ranks()
    old, new = (of_edition(scores.scores, edition) for edition in pair)
    old_rank, new_rank = (of_edition(ranks, edition) for edition in pair)
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
    # The engine's limits are of a difference of ranks, where less is better.
    gained = {"rank_change_low": -rows["rank_change_high"], "rank_change_high": -rows["rank_change_low"]}
    return rows.assign(
        **{name: column.astype("Int64") for name, column in gained.items()},
        edition_from=before,
        edition_to=after,
        level=[levels[name] for name in ids],
        rank_change=rows["rank_change"].astype("Int64"),
        verdict=verdicts(rows["movable"], rows["change_low"], rows["change_high"]),
    )
