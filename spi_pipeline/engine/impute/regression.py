"""Filling gaps by regression on the other indicators.

Methods that look at one indicator alone, or at similar areas, are in ``same_indicator``. Deciding that a value is
missing, or must stay so, belongs elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from spi_pipeline.engine.impute.moments import Moments, patterns, regress
from spi_pipeline.engine.impute.record import Imputed, filled_cells
from spi_pipeline.engine.impute.trial import Means, trial
from spi_pipeline.engine.panel import Flags, Positions, require_panel, rows_of


def impute_regression(
    panel: pd.DataFrame,
    eligible: pd.DataFrame | None = None,
    minimum_share: float = 0.65,
    among: Flags | None = None,
) -> Imputed:
    """Fill missing values by least squares on the other indicators of the same component.

    A missing cell is regressed on the indicators its row does have, over all rows of the panel, all editions pooled,
    that are complete in these. While fewer rows than predictors + 3 are complete, the predictor least correlated with
    the indicator is dropped, and so is one that does not vary over these rows. An estimate never leaves the range
    observed of its indicator. Only observed values serve as predictors, so the order of filling does not matter.

    One predictor alone makes no regression, and a regression must prove itself: each area in turn is left out, with all
    its editions, and estimated from the others. Where that misses by more than the mean of the other areas of the
    edition would, the mean is used. An area that has none of the indicators stays missing: a mean would look like
    knowledge.

    Source: Social Progress Index methodology (gaps are filled within the component); the 65 % rule of thumb is that of
    the OECD/JRC handbook.

    Args:
        panel: raw values or scores of the indicators of *one* component, indexed by ``(edition, area_code)``.
        eligible: the panel's shape, True where a gap may be filled; None allows all.
        minimum_share: an indicator is filled in an edition only where at least this share of the edition's areas
            has it.
        among: rows the regressions are fitted over and areas are counted among; None for all.

    Raises:
        EngineError: the panel is none: another index, a row or column twice, or an infinite value.
    """
    require_panel(panel)
    observed = panel.notna()
    editions = panel.index.get_level_values("edition")
    share = rows_of(observed, among).groupby(level="edition").mean()
    wanted = ~observed & (share.reindex(editions) >= minimum_share).set_axis(panel.index)
    if eligible is not None:
        wanted &= eligible.reindex(index=panel.index, columns=panel.columns, fill_value=False).astype(bool)
    values = panel.to_numpy(dtype=float)
    moments = Moments(values, np.ones(len(values), dtype=bool) if among is None else among)
    strength = moments.strengths()
    known, names = values if among is None else values[among], [str(name) for name in panel.columns]
    low, high = np.fmin.reduce(known, axis=0), np.fmax.reduce(known, axis=0)
    means = Means(panel, among)
    estimates, error = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    method, donors = (np.full(values.shape, "", dtype=object) for _ in range(2))
    for target in range(values.shape[1]):
        for rows, present in _by_pattern(observed.to_numpy(), wanted.to_numpy()[:, target]):
            strongest_first = present[np.argsort(-strength[present, target], kind="stable")]
            fit = regress(moments, target, strongest_first)
            tried = means.try_out(target) if fit is None else trial(fit, means, (low[target], high[target]))
            if fit is not None and (tried.regression < tried.mean or np.isnan(tried.mean)):
                estimates[rows, target] = np.clip(fit.estimates(rows), low[target], high[target])
                method[rows, target], error[rows, target] = "regression", tried.regression
                donors[rows, target] = ",".join([names[place] for place in fit.donors])
            elif len(present):
                estimates[rows, target], error[rows, target] = means.mean[rows, target], tried.mean
                method[rows, target] = "mean"
                donors[rows, target] = [f"all ({count:g} areas)" for count in means.count[rows, target]]
    filled = pd.DataFrame(np.where(observed, values, estimates), index=panel.index, columns=panel.columns)
    return Imputed(panel=filled, cells=filled_cells(panel, estimates, method, donors, error))


def _by_pattern(observed: Flags, wanted: Flags) -> Iterator[tuple[Positions, Positions]]:
    """The rows wanted and the columns they have, grouped by these: one regression serves a whole group."""
    rows = np.flatnonzero(wanted)
    if len(rows):
        different, group = patterns(observed[rows])
        for number, pattern in enumerate(different):
            yield rows[group == number], np.flatnonzero(pattern)
