"""Looking back at an index: what its indicators are like, what drives it, and what leaving one out does.

Statements about the finished calculation belong here; how areas compare with their peers is in ``peers``, how sure the
figures are in ``intervals``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.calculate.score import score_task
from spi_pipeline.engine.calculate.task import Task
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.normalise.outliers import Limits

Array = npt.NDArray[np.float64]

# The rule of thumb of the OECD/JRC handbook: so much of the data for every indicator.
PRESENT = 0.65
# More than this share of areas with the same value leaves little to tell them apart by.
SAME = 0.5
# Two indicators closer than this say the same thing twice.
COLLINEAR = 0.92
# A conditional mean is traced at so many places of the indicator's distribution.
PLACES = 50
# Below this many pairs a curve through them is the points themselves.
MIN_PAIRS = 10


def statistics(panel: pd.DataFrame, limits: Limits | None = None) -> pd.DataFrame:
    """What each indicator is like, with the flags a reader should see.

    Source: COINr's ``get_stats``; OECD/JRC handbook (2008), steps 3 to 5.

    Args:
        panel: raw values, all editions pooled.
        limits: when skew and kurtosis count as outliers.

    Returns:
        By indicator: n, present (share), mean, median, sd, min, max, skew, kurtosis, same (share of the most frequent
        value), flags (words separated by ``; ``, empty where there are none).
    """
    limits = limits or Limits()
    table = pd.DataFrame(
        {
            "n": panel.count(),
            "present": panel.notna().mean(),
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
    """How siblings go together, with a flag on those that say the same twice, or pull against each other.

    Args:
        scores: scores of the children of one parent.

    Returns:
        One row per pair: id, other, correlation over the rows both have (NaN below three), flag (``collinear`` above
        0.92, ``opposed`` below 0, else empty).
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

    The correlation ratio, Pearson's η²: what would be left of the parent's differences between areas if that child were
    known. It sees curved dependence too, and shares of different children overlap where they correlate. The conditional
    mean is a local straight line with a Gaussian kernel.

    Source: Paruolo, Saisana and Saltelli (2013), "Ratings and rankings: voodoo or science?".

    Args:
        children: scores of the children.
        parent: scores of the parent, indexed alike.

    Returns:
        Shares of 0 to 1 by child; NaN with fewer than ten pairs, where one of the two does not vary, and where a value
        lies too far from all others for the curve to reach it.
    """
    return pd.Series({name: _correlation_ratio(children[name], parent) for name in children.columns})


def leave_one_out(task: Task) -> pd.DataFrame:
    """What becomes of the index when one element, with all below it, is left out.

    Weights are fitted anew and the siblings share the weight. An element whose parent has no other child takes the
    parent with it.

    Args:
        task: what was computed.

    Returns:
        By element below the index: mean and largest absolute change of the index score, mean and largest absolute
        change of rank; areas scored both ways only; NaN where the rest cannot be computed.
    """
    structure = task.structure
    root = structure.root
    before, place = _scored(task)
    rows = {}
    for name in structure.elements:
        smaller = without(structure, name)
        if name == root or smaller is None:
            continue
        try:
            after, placed = _scored(_restricted(task, smaller))
        except EngineError:  # those left carry no weight, say
            after, placed = before * np.nan, place * np.nan
        change, moved = (after - before).abs(), (placed - place).abs()
        rows[name] = (change.mean(), change.max(), moved.mean(), moved.max())
    columns = ["mean_change", "largest_change", "mean_rank_change", "largest_rank_change"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _scored(task: Task) -> tuple[pd.Series, pd.Series]:
    """Scores of the index, and ranks."""
    scores, root = score_task(task), task.structure.root
    return scores.scores[root], scores.ranks()[root]


def without(structure: Structure, name: str) -> Structure | None:
    """The tree without an element and all below it; None where nothing would be left."""
    parent = structure.elements[name].parent
    while parent is not None and structure.children[parent] == [name]:
        name, parent = parent, structure.elements[parent].parent
    if parent is None:
        return None
    gone = {name}
    for element in structure.parents[::-1]:
        if element in gone:
            gone.update(structure.children[element])
    return replace(
        structure,
        elements={key: element for key, element in structure.elements.items() if key not in gone},
        children={
            key: [child for child in ids if child not in gone]
            for key, ids in structure.children.items()
            if key not in gone
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
    """A way to weight whose reference, if it has one, speaks of the children left."""
    if "correlation" not in spec.options or before == after:
        return spec
    kept = [before.index(name) for name in after]
    narrowed = {"correlation": np.array(spec.options["correlation"], dtype=float)[np.ix_(kept, kept)].tolist()}
    if "sd" in spec.options:
        narrowed["sd"] = [spec.options["sd"][place] for place in kept]
    return replace(spec, options={**spec.options, **narrowed})


def _correlation_ratio(child: pd.Series, parent: pd.Series) -> float:
    pairs = pd.DataFrame({"x": child, "y": parent}).dropna().to_numpy(dtype=float)
    x, y = pairs.T if len(pairs) else (np.empty(0), np.empty(0))
    if len(pairs) < MIN_PAIRS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    # Silverman's width; a clump of equal values makes the quartiles meet, and the deviation stands in.
    quartiles = np.subtract(*np.quantile(x, [0.75, 0.25])) / 1.34
    width = 1.06 * (min(x.std(ddof=1), quartiles) or x.std(ddof=1)) * len(x) ** -0.2
    places = np.unique(np.quantile(x, np.linspace(0, 1, PLACES)))
    means = np.interp(x, places, np.array([_local_line(x, y, place, width) for place in places]))
    share = float(means.var() / y.var())
    return share if np.isnan(share) else min(share, 1.0)


def _local_line(x: Array, y: Array, place: float, width: float) -> float:
    """The height at a place of the straight line fitted to the points around it."""
    weight = np.exp(-0.5 * ((x - place) / width) ** 2)
    if not weight.sum() > 0:
        return float("nan")
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = (weight * (x - mean_x) ** 2).sum()
    slope = (weight * (x - mean_x) * (y - mean_y)).sum() / spread if spread > 0 else 0.0
    return float(mean_y + slope * (place - mean_x))
