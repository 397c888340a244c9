"""The places that areas outside would take among the ranked areas, with intervals of places and scores.

The draws are the same as in ``simulate``: areas outside are drawn last, so that they do not change the draws of ranked
areas.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.changes import merged
from spi_pipeline.engine.calculate.forward import Pass, forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import MEASURED, SOURCES, UncertaintySettings
from spi_pipeline.engine.panel import INDEX_NAMES, Array
from spi_pipeline.engine.rank import TIE_DECIMALS
from spi_pipeline.engine.uncertainty.model import Model
from spi_pipeline.engine.uncertainty.tails import Tails

STANDING = ["place", "among", "score_low", "score_high", "measured_low", "measured_high", "place_low", "place_high"]


def standing(scores: Scores, draws: int, seed: int, settings: UncertaintySettings) -> pd.DataFrame:
    """The place that each area outside would take, with 90 % intervals.

    Args:
        scores: the index as computed, with areas outside.
        draws: number of recalculations, 20 or more.
        seed: seed of all random numbers.
        settings: the sources that are varied, and how far.

    Returns:
        One row for each edition, area outside and element, with ``STANDING``. ``place`` is 1 more than the number of
        ranked areas with a better score; ``among`` is the number of ranked areas including this one. As in
        ``simulate``, places in an indicator vary only with errors of its figures; in each draw an area is placed among
        the scores of the same draw.
    """
    fitted = scores.task.values.fitted
    outside = np.flatnonzero(~fitted) if fitted is not None else np.array([], dtype=np.intp)
    turn = -1.0 if scores.task.recipe.rank_first == "highest" else 1.0
    among = [scores.inputs.rows.ranked[edition] for edition in scores.scores.index.get_level_values(0)[outside]]
    published = scores.scores.to_numpy(dtype=float).T
    count = len(scores.task.structure.leaves)

    def placed(table: Array) -> Array:
        """Places, draws by elements by areas outside; missing where there is no score."""
        whole = np.rint(table * (turn * 10.0**TIE_DECIMALS))
        better = [(whole[..., rows] < whole[..., [own]]).sum(axis=-1) for own, rows in zip(outside, among, strict=True)]
        return np.where(np.isnan(table[..., outside]), np.nan, np.stack(better, -1) + 1.0)

    model = Model(scores, settings)
    tails = {name: Tails(draws) for name in ("score", "measured", "place")}
    for numbers in model.batches(draws):
        errors, _ = model.changes(dict.fromkeys(MEASURED, numbers), seed)
        others, _ = model.changes({name: numbers for name in SOURCES if name not in MEASURED}, seed)
        measured = _table(forward(scores.inputs, errors), len(numbers))
        whole = _table(forward(scores.inputs, merged([errors, others])), len(numbers))
        tails["score"].add(whole[..., outside].reshape(len(numbers), -1))
        tails["measured"].add(measured[..., outside].reshape(len(numbers), -1))
        ranked = np.concatenate([measured[:, :count], whole[:, count:]], axis=1)
        tails["place"].add(placed(ranked).reshape(len(numbers), -1))
    index, names = scores.scores.index[outside], list(scores.scores.columns)
    ends = [*tails["score"].scores(), *tails["measured"].scores(), *tails["place"].ranks()]
    known = ~np.isnan(published[:, outside])
    ranked_there = np.stack([(~np.isnan(published[:, rows])).sum(axis=1) + 1 for rows in among], -1)
    columns = [placed(published[np.newaxis])[0], ranked_there, *(end.reshape(known.shape) for end in ends)]
    keys = {name: np.tile(index.get_level_values(name), len(names)) for name in INDEX_NAMES}
    table = pd.DataFrame({**keys, "id": np.repeat(names, len(index))})
    for name, column in zip(STANDING, columns, strict=True):
        table[name] = np.where(known, column, np.nan).ravel()
    return table


def _table(drawn: Pass, count: int) -> Array:
    """Scores of every element, draws by elements by rows."""
    return np.stack([np.broadcast_to(own, (count, own.shape[1])) for own in drawn.scores.values()], 1)
