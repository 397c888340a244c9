"""Imputation by regression on the other indicators.

Methods that use one indicator alone, or similar areas, are in ``same_indicator``. Which values are missing, or must
stay missing, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from spi_pipeline.engine.impute.cross_validation import Means, cross_validate
from spi_pipeline.engine.impute.moments import Moments, patterns, regress
from spi_pipeline.engine.impute.record import Imputed, filled_cells
from spi_pipeline.engine.panel import Flags, Positions, reference_rows, require_panel


def impute_regression(
    panel: pd.DataFrame,
    eligible: pd.DataFrame | None = None,
    minimum_share: float = 0.65,
    reference: Flags | None = None,
) -> Imputed:
    """Impute missing values by least squares on the other indicators of the same component.

    A missing cell is regressed on the indicators that its row has, over all rows of the panel that are complete in
    these, all editions pooled. While fewer rows than predictors + 3 are complete, the predictor least correlated with
    the indicator is dropped, as is any predictor that does not vary over these rows. An estimate never leaves the
    observed range of its indicator. Only observed values serve as predictors, so the order of imputation does not
    matter.

    A regression needs at least two predictors and is cross-validated: each area in turn is left out, with all its
    editions, and estimated from the others. Where the error exceeds that of the mean of the edition's other areas, the
    mean is used. An area that has none of the indicators stays missing, since a mean would look like knowledge.

    Source: Social Progress Index methodology (imputation within the component); the 65 % rule of thumb is from the
    OECD/JRC handbook.

    Args:
        panel: raw values or scores of the indicators of *one* component, indexed by ``(edition, area_code)``.
        eligible: flags in the panel's shape, True where a missing value may be imputed; None allows all.
        minimum_share: an indicator is imputed in an edition only where at least this share of the edition's areas
            has it, of those that have it or may get it.
        reference: the reference rows, which regressions are fitted to and areas are counted among; None for all.

    Raises:
        EngineError: the panel has another index, a row or column twice, or an infinite value.
    """
    require_panel(panel)
    observed = panel.notna()
    editions = panel.index.get_level_values("edition")
    to_impute = ~observed
    if eligible is not None:
        to_impute &= eligible.reindex(index=panel.index, columns=panel.columns, fill_value=False).astype(bool)
    share = (
        reference_rows(observed.astype(float).where(observed | to_impute), reference).groupby(level="edition").mean()
    )
    to_impute &= (share.reindex(editions) >= minimum_share).set_axis(panel.index)
    values = panel.to_numpy(dtype=float)
    moments = Moments(values, np.ones(len(values), dtype=bool) if reference is None else reference)
    strength = moments.strengths()
    known, names = values if reference is None else values[reference], [str(name) for name in panel.columns]
    low, high = np.fmin.reduce(known, axis=0), np.fmax.reduce(known, axis=0)
    means = Means(panel, reference)
    estimates, error = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    method, donors = (np.full(values.shape, "", dtype=object) for _ in range(2))
    for target in range(values.shape[1]):
        for rows, present in _by_pattern(observed.to_numpy(), to_impute.to_numpy()[:, target]):
            strongest_first = present[np.argsort(-strength[present, target], kind="stable")]
            fit = regress(moments, target, strongest_first)
            tried = means.errors(target) if fit is None else cross_validate(fit, means, (low[target], high[target]))
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


def _by_pattern(observed: Flags, to_impute: Flags) -> Iterator[tuple[Positions, Positions]]:
    """The rows to impute and the columns they have, grouped by these columns: one regression serves a whole group."""
    rows = np.flatnonzero(to_impute)
    if len(rows):
        different, group = patterns(observed[rows])
        for number, pattern in enumerate(different):
            yield rows[group == number], np.flatnonzero(pattern)
