"""An index and its draws in plain pandas, as a careful analyst writes them in an hour, to compare with the engine.

It does less than the engine: gaps take the median, outliers are not treated, and nothing is recorded. No test checks
that the results agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

# How far a draw shifts goalposts and weights, as in the engine.
GOALPOSTS, WEIGHTS = 0.1, 0.25


def plain_scores(framework: dict[str, Any], values: pd.DataFrame) -> None:
    """Compute scores of every element, and ranks within the edition."""
    values = values if "edition" in values else values.assign(edition=0)
    wide = values.pivot(index=["edition", "area_code"], columns="indicator_id", values="value")
    wide = wide.fillna(wide.groupby("edition").transform("median"))
    scores = _aggregated(framework, _scored(framework, wide), None, "arithmetic")
    scores.groupby("edition").rank(ascending=False, method="min")


def plain_draws(framework: dict[str, Any], values: pd.DataFrame, draws: int) -> None:
    """Compute intervals of scores and ranks from draws that vary every choice."""
    random = np.random.default_rng(1)
    values = values if "edition" in values else values.assign(edition=0)
    keys = ["edition", "area_code"]
    wide = values.pivot(index=keys, columns="indicator_id", values="value")
    error = None
    if "lower" in values:
        error = values.assign(sd=(values["upper"] - values["lower"]) / 3.92).pivot(
            index=keys, columns="indicator_id", values="sd"
        )
    scores, ranks = [], []
    for _ in range(draws):
        filled = wide.fillna(wide.groupby("edition").transform(random.choice(["median", "mean"])))
        if error is not None:
            filled = filled + error.fillna(0) * random.standard_normal(error.shape)
        if random.random() < 0.5:
            free = [one["id"] for one in framework["elements"] if "direction" in one and "worst" not in one]
            rooted = [name for name in free if filled[name].min() >= 0]
            filled[rooted] = filled[rooted] ** 0.5
        drawn = _scored(framework, filled, random)
        drawn = drawn.drop(columns=random.choice(drawn.columns))
        index = _aggregated(framework, drawn, random, random.choice(["arithmetic", "geometric"])).iloc[:, -1]
        scores.append(index)
        ranks.append(index.groupby("edition").rank(ascending=False, method="min"))
    for table in (pd.concat(scores, axis=1), pd.concat(ranks, axis=1)):
        table.quantile([0.05, 0.95], axis=1)


def _scored(framework: dict[str, Any], wide: pd.DataFrame, random: np.random.Generator | None = None) -> pd.DataFrame:
    leaves = {one["id"]: one for one in framework["elements"] if "direction" in one}
    columns = {}
    for name in wide.columns:
        column = wide[name]
        worst, best = leaves[name].get("worst", column.min()), leaves[name].get("best", column.max())
        if leaves[name]["direction"] == "lower_is_better" and "worst" not in leaves[name]:
            worst, best = best, worst
        if random is not None:
            shifts = random.uniform(-GOALPOSTS, GOALPOSTS, 2) * (best - worst)
            worst, best = worst + shifts[0], best + shifts[1]
        columns[name] = (100 * (column - worst) / (best - worst)).clip(0, 100)
    return pd.DataFrame(columns)


def _aggregated(
    framework: dict[str, Any], scores: pd.DataFrame, random: np.random.Generator | None, mean: str
) -> pd.DataFrame:
    children: dict[str, list[str]] = {}
    for one in framework["elements"]:
        children.setdefault(one.get("parent", ""), []).append(one["id"])
    scores = scores.copy()

    def form(name: str) -> None:
        for child in children.get(name, []):
            form(child)
        present = [child for child in children.get(name, []) if child in scores]
        if not present:
            return
        weights = _weights(scores[present]) if present[0] not in children else np.ones(len(present))
        if random is not None:
            weights = weights * random.uniform(1 - WEIGHTS, 1 + WEIGHTS, len(present))
        weights = weights / weights.sum()
        if mean == "arithmetic":
            scores[name] = (scores[present] * weights).sum(axis=1)
        else:
            scores[name] = np.exp((np.log(scores[present].clip(lower=1)) * weights).sum(axis=1))

    form(children[""][0])
    return scores


def _weights(scores: pd.DataFrame) -> np.ndarray:
    """Principal component weights; equal weights if a loading is not positive."""
    correlation = scores.corr().to_numpy()
    if not np.isfinite(correlation).all():
        return np.ones(scores.shape[1])
    vector = np.linalg.eigh(correlation)[1][:, -1]
    vector = vector * np.sign(vector.sum())
    return vector / scores.std().to_numpy() if (vector > 0).all() else np.ones(scores.shape[1])
