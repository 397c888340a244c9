"""Which sources of doubt the data allow to be varied, and the standard errors of the values.

What is drawn from them is in ``draws``, their names and ranges in ``doubt``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.calculate.counts import counted_interval
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.framework.doubt import Doubt

# Ways to weight that are cheap enough to be fitted anew in every draw.
REFITTED = ("pca", "pca_loadings")
# Half the width of a 95 % interval in standard deviations.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Varied:
    """Whether a source was varied, and how, or why not.

    Attributes:
        source: of ``doubt.SOURCES``.
        varied: whether it was.
        how: a sentence.
        columns: positions of the indicators concerned.
    """

    source: str
    varied: bool
    how: str
    columns: npt.NDArray[np.intp] = field(default_factory=lambda: np.array([], dtype=np.intp))


def sampling_sd(scores: Scores) -> pd.DataFrame:
    """Standard errors of the raw values, NaN where the data tell none.

    The width of the 95 % interval over 2 × 1.96: of the interval given, else of that which follows from the counts
    behind a value (Wilson's for proportions, Byar's or exact Poisson's for rates).
    """
    values = scores.indicators.values
    sd = pd.DataFrame(np.nan, index=values.panel.index, columns=values.panel.columns)
    if values.lower is not None and values.upper is not None:
        sd = (values.upper - values.lower) / (2 * Z95)
    if values.numerator is not None:
        columns = {}
        for name in values.panel.columns[values.numerator.notna().any()]:
            interval = counted_interval(values, name, scores.task.recipe.leaves[name].counts)
            columns[name] = (interval["upper"] - interval["lower"]) / (2 * Z95)
        counted = pd.DataFrame(columns, index=sd.index).reindex(columns=sd.columns)
        sd = sd.where(sd.notna(), counted)
    return sd.where(sd > 0)


def survey(scores: Scores, doubt: Doubt) -> list[Varied]:
    """What can be varied in these data, every source named once, none left out without a reason."""
    recipe, structure = scores.task.recipe, scores.task.structure
    leaves = structure.leaves
    methods = np.array([recipe.leaves[name].normalise.method for name in leaves])
    plain = np.array([recipe.leaves[name].transform.method == "none" for name in leaves])
    raw = scores.indicators.raw
    ends = [(number(structure.elements[name].worst), number(structure.elements[name].best)) for name in leaves]
    positive = (raw.min() >= 0).to_numpy() & np.array([min(end or 0.0 for end in pair) >= 0 for pair in ends])
    with_error = np.flatnonzero(sampling_sd(scores).notna().any().to_numpy())
    fixed = np.flatnonzero(methods == "goalposts")
    rooted = np.flatnonzero(plain & positive & (methods != "none"))
    spread = (raw.max() > raw.min()).to_numpy()
    again = np.flatnonzero(spread & ~np.isin(methods, ["none", "exponential", "exponential_of_ranks"]))
    filled = np.flatnonzero(np.isin(leaves, scores.indicators.cells["indicator_id"].unique()))
    several = any(len(children) > 1 for children in structure.children.values())
    means = [recipe.parents[name].mean.method for name in structure.parents]
    averaged = any(mean in ("arithmetic", "geometric", "harmonic", "generalised") for mean in means)
    # A geometric mean of scores around 0 would lift half of them to its floor: that is another index.
    below = bool((scores.scores < 0).any(axis=None))
    everything = np.arange(len(leaves))
    by_component = any(recipe.parents[name].weights.method in REFITTED for name in structure.parents)
    refit = ", those of principal components fitted anew in each draw" if doubt.refit and by_component else ""
    found = {
        "sampling": (with_error, "values drawn from normal distributions with their standard errors",
                     "no value has lower and upper, or a numerator"),
        "goalposts": (fixed, f"each shifted by up to {doubt.goalposts:.0%} of their distance",
                      "no indicator has goalposts"),
        "transform": (rooted, "as stated, or the square root", "no untransformed indicator is free of negative values"),
        "normalisation": (again, "as stated, min-max, or percentile rank", "scores or ranks are taken as given"),
        "weights": (everything if several else everything[:0], f"each changed by up to {doubt.weights:.0%}{refit}",
                    "no element has more than one child"),
        "aggregation": (everything if averaged and not below else everything[:0], "as stated, arithmetic, or geometric",
                        "scores below 0 have no geometric mean" if averaged else "no level is formed by a mean"),
        "imputation": (filled, "filled as stated, or with the median of the edition", "no cell was filled"),
        "left_out": (everything if len(leaves) > 2 else everything[:0], "every indicator left out in turn, or none",
                     "there are fewer than three indicators"),
    }  # fmt: skip
    result = []
    for source, (columns, how, why_not) in found.items():
        if source not in doubt.sources:
            result.append(Varied(source, False, "switched off"))
        elif len(columns):
            some = "" if len(columns) == len(leaves) else f" ({len(columns)} of {len(leaves)} indicators)"
            result.append(Varied(source, True, how + some, columns))
        else:
            result.append(Varied(source, False, why_not))
    return result
