"""What may be doubted in an index, and by how much each source of doubt is varied.

The list of sources, their ranges and whether the data allow them belong here; drawing from them is in ``draws``, what
the draws say about scores and ranks in ``uncertainty``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.score import Scores

Array = npt.NDArray[np.float64]

SOURCES = (
    "sampling", "goalposts", "transform", "normalisation", "weights", "aggregation", "imputation", "left_out",
)  # fmt: skip
# Half the width of a 95 % interval in standard deviations.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Doubt:
    """What is varied and how far.

    Attributes:
        sources: those switched on, of ``SOURCES``.
        goalposts: largest shift of each goalpost, as a share of the distance between the two.
        weights: largest relative change of each weight.
    """

    sources: tuple[str, ...] = SOURCES
    goalposts: float = 0.1
    weights: float = 0.25

    def __post_init__(self) -> None:
        unknown = [name for name in self.sources if name not in SOURCES]
        if unknown:
            raise EngineError(f"{', '.join(unknown)} is no source of doubt: use {', '.join(SOURCES)}")
        if not (0 <= self.goalposts < 0.5 and 0 <= self.weights <= 1):
            raise EngineError("goalposts are shifted by less than 0.5 of their distance, weights changed by at most 1")


@dataclass(frozen=True)
class Varied:
    """Whether a source was varied, and how, or why not.

    Attributes:
        source: of ``SOURCES``.
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

    From the 95 % interval where it is given: its width over 2 × 1.96. Else from the events behind a value, as for a
    Poisson count: the value over the square root of the number of events.
    """
    values = scores.task.values
    sd = pd.DataFrame(np.nan, index=values.panel.index, columns=values.panel.columns)
    if values.lower is not None and values.upper is not None:
        sd = (values.upper - values.lower) / (2 * Z95)
    if values.numerator is not None:
        events = values.numerator.where(values.numerator > 0)
        sd = sd.where(sd.notna(), values.panel.abs() / events**0.5)
    return sd.where(sd > 0)


def survey(scores: Scores, doubt: Doubt) -> list[Varied]:
    """What can be varied in these data, every source named once, none left out without a reason."""
    recipe, structure = scores.task.recipe, scores.task.structure
    leaves = structure.leaves
    methods = np.array([recipe.leaves[name].normalise.method for name in leaves])
    plain = np.array([recipe.leaves[name].transform.method == "none" for name in leaves])
    raw = scores.indicators.raw
    positive = (raw.min() >= 0).to_numpy()
    with_error = np.flatnonzero(sampling_sd(scores).notna().any().to_numpy())
    fixed = np.flatnonzero(methods == "goalposts")
    rooted = np.flatnonzero(plain & positive & (methods != "none"))
    spread = (raw.max() > raw.min()).to_numpy()
    again = np.flatnonzero(spread & ~np.isin(methods, ["none", "exponential", "exponential_of_ranks"]))
    filled = np.flatnonzero(np.isin(leaves, scores.indicators.cells["indicator_id"].unique()))
    several = any(len(children) > 1 for children in structure.children.values())
    means = [recipe.parents[name].mean.method for name in structure.parents]
    averaged = any(mean in ("arithmetic", "geometric", "harmonic", "generalised") for mean in means)
    everything = np.arange(len(leaves))
    found = {
        "sampling": (with_error, "values drawn from a normal distribution with their standard error",
                     "no value has lower and upper, or a numerator"),
        "goalposts": (fixed, f"each shifted by up to {doubt.goalposts:.0%} of their distance",
                      "no indicator has goalposts"),
        "transform": (rooted, "as stated, or the square root", "no untransformed indicator is free of negative values"),
        "normalisation": (again, "as stated, min-max, or percentile rank", "scores or ranks are taken as given"),
        "weights": (everything if several else everything[:0], f"each changed by up to {doubt.weights:.0%}",
                    "no element has more than one child"),
        "aggregation": (everything if averaged else everything[:0], "as stated, arithmetic, or geometric",
                        "no level is formed by a mean"),
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
