"""Analysis of a computed index: statistics of its indicators, what drives it, and the effect of leaving elements out.

Comparisons of areas with their peers are in ``peers``, intervals of figures in ``intervals``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.score import score_task
from spi_pipeline.engine.calculate.task import Task
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.normalise.outliers import Limits
from spi_pipeline.engine.panel import Array

# Least share of data available for each indicator: the rule of thumb of the OECD/JRC handbook.
PRESENT = 0.65
# Where more than this share of areas have the same value, the indicator hardly discriminates between them.
SAME = 0.5
# Two indicators that correlate more strongly than this measure the same thing twice.
COLLINEAR = 0.92
# Number of quantiles of the indicator at which the conditional mean is evaluated.
PLACES = 50
# With fewer pairs a curve would merely follow the points.
MIN_PAIRS = 10


def statistics(panel: pd.DataFrame, limits: Limits | None = None, applies: pd.DataFrame | None = None) -> pd.DataFrame:
    """Descriptive statistics of each indicator, with flags for a reader's attention.

    Source: COINr's ``get_stats``; OECD/JRC handbook (2008), steps 3 to 5.

    Args:
        panel: raw values, all editions pooled.
        limits: limits of skew and kurtosis beyond which an indicator counts as having outliers.
        applies: which cells can have a value, in the shape of the panel; None where all can.

    Returns:
        By indicator: n, present (share of the cells that apply), mean, median, sd, min, max, skew, kurtosis,
        same (share of the most frequent value), flags (words separated by ``; ``, empty where there are none).
    """
    limits = limits or Limits()
    table = pd.DataFrame(
        {
            "n": panel.count(),
            "present": panel.notna().mean() if applies is None else panel.notna().sum() / applies.sum(),
            "mean": panel.mean(),
            "median": panel.median(),
            "sd": panel.std(ddof=1),
            "min": panel.min(),
            "max": panel.max(),
            "skew": panel.skew(),
            "kurtosis": panel.kurt(),
            "same": [panel[name].value_counts(normalize=True).max() for name in panel.columns],
        }
    )
    flags = {
        f"fewer than {PRESENT:.0%} present": table["present"] < PRESENT,
        "constant": table["min"] == table["max"],
        f"more than {SAME:.0%} alike": (table["same"] > SAME) & (table["min"] != table["max"]),
        "outliers": (table["skew"].abs() > limits.skew) & (table["kurtosis"] > limits.kurtosis),
    }
    return table.assign(flags=["; ".join(word for word, rows in flags.items() if rows[name]) for name in table.index])


def correlations(scores: pd.DataFrame) -> pd.DataFrame:
    """Correlations between siblings, with a flag on pairs that are collinear or negatively correlated.

    Args:
        scores: scores of the children of one parent.

    Returns:
        One row per pair: id, other, correlation over the rows both have (NaN with fewer than three), flag
        (``collinear`` above 0.92, ``opposed`` below 0, else empty).
    """
    correlation = scores.corr(min_periods=3)
    pairs = [
        (one, other, correlation.loc[one, other])
        for number, one in enumerate(scores.columns)
        for other in scores.columns[number + 1 :]
    ]
    table = pd.DataFrame(pairs, columns=["id", "other", "correlation"])
    table["flag"] = np.select(
        [table["correlation"] > COLLINEAR, table["correlation"] < 0], ["collinear", "opposed"], ""
    )
    return table


def importance(children: pd.DataFrame, parent: pd.Series) -> pd.Series:
    """The share of the parent's variance each child accounts for: ``Var(E[parent | child]) / Var(parent)``.

    This is the correlation ratio, Pearson's η²: the share by which the parent's variance would be reduced if that child
    were known. It captures non-linear dependence too. Shares of correlated children overlap. The conditional mean is
    estimated by local linear regression with a Gaussian kernel.

    Source: Paruolo, Saisana and Saltelli (2013), "Ratings and rankings: voodoo or science?".

    Args:
        children: scores of the children.
        parent: scores of the parent, indexed alike.

    Returns:
        Shares from 0 to 1 by child; NaN with fewer than ten pairs, where child or parent does not vary, and where a
        value lies too far from all others for the kernel to reach it.
    """
    return pd.Series({name: _correlation_ratio(children[name], parent) for name in children.columns})


def leave_one_out(task: Task) -> pd.DataFrame:
    """The effect on the index of leaving out each element in turn, with all elements below it.

    Weights are refitted and the siblings share the weight. Where an element is its parent's only child, the parent is
    left out too.

    Args:
        task: the task that was computed.

    Returns:
        By element below the index: mean and largest absolute change of the index score, mean and largest absolute
        change of rank, over the areas that have both scores; NaN where the reduced index cannot be computed.
    """
    structure = task.structure
    root = structure.root
    before, ranks = _scored(task)
    rows = {}
    for name in structure.elements:
        smaller = without(structure, name)
        if name == root or smaller is None:
            continue
        try:
            after, ranks_after = _scored(_restricted(task, smaller))
        except EngineError:  # for example, the remaining elements carry no weight
            after, ranks_after = before * np.nan, ranks * np.nan
        change, moved = (after - before).abs(), (ranks_after - ranks).abs()
        rows[name] = (change.mean(), change.max(), moved.mean(), moved.max())
    columns = ["mean_change", "largest_change", "mean_rank_change", "largest_rank_change"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _scored(task: Task) -> tuple[pd.Series, pd.Series]:
    """The scores and ranks of the index."""
    scores, root = score_task(task), task.structure.root
    return scores.scores[root], scores.ranks()[root]


def without(structure: Structure, name: str) -> Structure | None:
    """The tree without one element and all elements below it; None where nothing would remain."""
    parent = structure.elements[name].parent
    while parent is not None and structure.children[parent] == [name]:
        name, parent = parent, structure.elements[parent].parent
    if parent is None:
        return None
    removed = {name}
    for element in structure.parents[::-1]:
        if element in removed:
            removed.update(structure.children[element])
    return replace(
        structure,
        elements={key: element for key, element in structure.elements.items() if key not in removed},
        children={
            key: [child for child in ids if child not in removed]
            for key, ids in structure.children.items()
            if key not in removed
        },
    )


def _restricted(task: Task, structure: Structure) -> Task:
    """The same task on a smaller tree."""
    recipe, values = task.recipe, task.values
    leaves = {name: leaf for name, leaf in recipe.leaves.items() if name in structure.elements}
    parents = {
        name: replace(
            parent, weights=_narrowed(parent.weights, task.structure.children[name], structure.children[name])
        )
        for name, parent in recipe.parents.items()
        if name in structure.elements
    }
    return Task(
        structure,
        replace(recipe, leaves=leaves, parents=parents),
        replace(values, panel=values.panel[structure.leaves]),
    )


def _narrowed(spec: Spec, before: list[str], after: list[str]) -> Spec:
    """The weighting method with its reference correlations, if any, restricted to the remaining children."""
    if "correlation" not in spec.options or before == after:
        return spec
    retained = [before.index(name) for name in after]
    narrowed = {"correlation": np.array(spec.options["correlation"], dtype=float)[np.ix_(retained, retained)].tolist()}
    if "sd" in spec.options:
        narrowed["sd"] = [spec.options["sd"][place] for place in retained]
    return replace(spec, options={**spec.options, **narrowed})


def _correlation_ratio(child: pd.Series, parent: pd.Series) -> float:
    pairs = pd.DataFrame({"x": child, "y": parent}).dropna().to_numpy(dtype=float)
    x, y = pairs.T if len(pairs) else (np.empty(0), np.empty(0))
    if len(pairs) < MIN_PAIRS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    # Silverman's bandwidth; where many equal values make the quartiles coincide, the standard deviation is used.
    quartiles = np.subtract(*np.quantile(x, [0.75, 0.25])) / 1.34
    width = 1.06 * (min(x.std(ddof=1), quartiles) or x.std(ddof=1)) * len(x) ** -0.2
    places = np.unique(np.quantile(x, np.linspace(0, 1, PLACES)))
    means = np.interp(x, places, np.array([_local_line(x, y, place, width) for place in places]))
    share = float(means.var() / y.var())
    return share if np.isnan(share) else min(share, 1.0)


def _local_line(x: Array, y: Array, place: float, width: float) -> float:
    """The local linear estimate at one place."""
    weight = np.exp(-0.5 * ((x - place) / width) ** 2)
    if not weight.sum() > 0:
        return float("nan")
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = (weight * (x - mean_x) ** 2).sum()
    slope = (weight * (x - mean_x) * (y - mean_y)).sum() / spread if spread > 0 else 0.0
    return float(mean_y + slope * (place - mean_x))
