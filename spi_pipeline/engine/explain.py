"""A profile in words, with its formulas, for people who want to know what a name stands for.

The sentences belong here; what they describe is in ``profiles`` as data and in the modules the methods are named after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.levels import ROLES
from spi_pipeline.engine.profiles import PLAIN, PROFILES

NORMALISE = {
    "goalposts": "s = {scale:g} × clip((x − worst) / (best − worst), 0, 1)",
    "minmax": "s = low + (high − low) (x − min) / (max − min), over the whole panel",
    "scaled": "s = {scale:g} (± x − lower) / (upper − lower)",
    "z": "s = mean + sd (x − m) / s, m and s those of the whole panel (n − 1)",
    "base_year_z": "s = {mean:g} + {sd:g} (x − m) / s, m and s those of the base year (the option 'base', else the "
    "first edition), weighted by population: s = √(Σ w (x − m)² / (Σ w − Σ w² / Σ w))",
    "rank": "s = rank within the edition, 1 for the worst",
    "percentile_rank": "s = {scale:g} (rank − 1) / (n − 1) within the edition",
    "borda": "s = rank − 1 within the edition",
    "maximum": "s = {scale:g} (1 − (max − x) / (max − min))",
    "target": "s = {scale:g} (1 − (target − x) / (target − min))",
    "reference": "s = {scale:g} (1 − (reference − x) / (reference − min)), the reference being one area's value",
    "fraction": "s = {scale:g} x / max, or {scale:g} min / x where lower is better",
    "exponential": "s = −23 ln(1 − R (1 − e^(−100/23))) with R = rank / N within the edition, average ranks for ties",
    "exponential_of_ranks": "s = −23 ln(1 − R (1 − e^(−100/23))) with R = (N + 1 − r) / N, r the published rank",
    "none": "the values are scores already, their sign turned where lower is better",
}
IMPUTE = {
    "none": "stays missing",
    "regression": "is estimated by regression on the other indicators of the same parent, within the observed range, "
    "where 65 % of the areas have the indicator",
    "mean": "takes the mean of the edition",
    "median": "takes the median of the edition",
    "group_mean": "takes the mean of its group in the edition",
    "group_median": "takes the median of its group in the edition",
    "last": "takes the area's latest earlier value",
    "linear": "lies on the straight line in time between the area's values",
    "neighbours": "takes the mean of the areas most alike",
}
WEIGHTS = {
    "given": "the weights stated (1 where none is), scaled to sum to 1",
    "shares": "the weights stated; shares that sum to 1 within 0.02 are used as published, others are scaled to "
    "sum to 1",
    "equal": "equal weights",
    "pca": "w_i ∝ v_i / sd_i, v the first eigenvector of the correlation matrix over all complete rows, editions "
    "pooled; equal weights where a loading is not positive",
    "pca_loadings": "w_i ∝ v_i, the first eigenvector of the pooled correlation matrix",
    "factor": "w_i ∝ l_i / (u_i sd_i), loadings l and uniquenesses u of one common factor by maximum likelihood",
    "correlation_balanced": "weights under which every child correlates equally with the parent",
}
AGGREGATE = {
    "arithmetic": "Σ w s / Σ w",
    "geometric": "exp(Σ w ln s / Σ w)",
    "harmonic": "Σ w / Σ (w / s)",
    "generalised": "(Σ w s^b / Σ w)^(1/b) with b = {order:g}",
    "median": "the weighted median",
    "inverted_geometric": "T (T − G) / (T − 1), G the geometric mean of 1 + (T − 1)(T − s) / T, T = {scale:g}",
    "copeland": "100 × the share of other areas beaten by a weighted majority of the children",
    "outranking": "100 × the mean weighted share of comparisons won against the other areas",
}
MISSING = {
    "renormalise": "the weights of those present are scaled up",
    "group_mean": "an absent child takes the mean of its group",
    "blank": "the parent stays blank",
}
RESCALE = "A {role}'s score enters its parent as {formula}."


def explain_profile(name: str) -> str:
    """A profile in words with formulas, one statement a line.

    Raises:
        EngineError: there is no such profile.
    """
    if name not in PROFILES:
        raise EngineError(f"there is no profile '{name}': use {', '.join(PROFILES)}")
    recipe = {**PLAIN, **PROFILES[name]}
    lines = [f"Profile {name}", *_indicators(recipe)]
    for role in ROLES:
        mean, weights = _at(recipe, "aggregate", role), _at(recipe, "weights", role)
        lines.append(
            f"Each {role}: {_filled(AGGREGATE, mean, recipe)}; weights w: {_filled(WEIGHTS, weights, recipe)}."
        )
    for role, spec in recipe["rescale"].items():
        lines.append(RESCALE.format(role=role, formula=_filled(NORMALISE, spec, recipe)))
    if recipe["floor"] is not None:
        lines.append(f"Geometric and harmonic means lift scores below {recipe['floor']:g} to it.")
    lines.append(f"Where a child is missing, {MISSING[recipe['missing']]}.")
    better = "more need" if recipe["scores"] == "need" else "better"
    lines.append(f"Higher scores mean {better}; rank 1 is the {recipe['rank_first']} score, ties share the best place.")
    return "\n".join(lines)


def _indicators(recipe: Mapping[str, Any]) -> list[str]:
    spec = recipe["normalise"]
    extremes = isinstance(spec, Mapping) and spec.get("without") == "extremes"
    filled = f"A missing value {_filled(IMPUTE, recipe['impute'], recipe)}."
    return [
        f"Each indicator x: {_filled(NORMALISE, spec, recipe)}.",
        *(["Where no goalposts are stated, the panel's extremes stand in, by the direction."] * extremes),
        filled,
    ]


def _at(recipe: Mapping[str, Any], key: str, role: str) -> Any:
    stated = recipe[key]
    return stated[role] if isinstance(stated, Mapping) and "method" not in stated else stated


def _filled(sentences: Mapping[str, str], spec: Any, recipe: Mapping[str, Any]) -> str:
    options = dict(spec) if isinstance(spec, Mapping) else {"method": spec}
    return sentences[options.pop("method")].format(**{"scale": recipe["scale"], **options})
