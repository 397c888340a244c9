"""A profile or a framework in words, with its formulas, for people who want to know how a figure comes about.

The sentences belong here; what they describe is read in ``recipe``, from ``profiles`` as data, and done in the modules
the methods are named after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.faults import Faults
from spi_pipeline.engine.levels import ROLES
from spi_pipeline.engine.methods import Spec
from spi_pipeline.engine.profiles import PROFILES
from spi_pipeline.engine.recipe import LeafRecipe, ParentRecipe, Recipe, read_recipe
from spi_pipeline.engine.structure import Structure, read_structure

NORMALISE = {
    "goalposts": "s = {scale:g} × clip((x − worst) / (best − worst), 0, 1)",
    "minmax": "s = {low:g} + ({high:g} − {low:g}) (x − min) / (max − min), over the whole panel",
    "scaled": "s = {scale:g} (± x − {lower:g}) / ({upper:g} − {lower:g})",
    "z": "s = {mean:g} + {sd:g} (x − m) / s, m and s those of the whole panel (n − 1)",
    "base_year_z": "s = {mean:g} + {sd:g} (x − m) / s, m and s those of the base year (the option 'base', else the "
    "first edition), weighted by population: s = √(Σ w (x − m)² / (Σ w − Σ w² / Σ w))",
    "rank": "s = rank within the edition, 1 for the worst",
    "percentile_rank": "s = {scale:g} (rank − 1) / (n − 1) within the edition",
    "borda": "s = rank − 1 within the edition",
    "maximum": "s = {scale:g} (1 − (max − x) / (max − min))",
    "target": "s = {scale:g} (1 − (target − x) / (target − min))",
    "reference": "s = {scale:g} (1 − (reference − x) / (reference − min)), the reference being one area's value",
    "fraction": "s = {scale:g} x / max, or {scale:g} min / x where lower is better",
    "exponential": "s = −23 ln(1 − R (1 − e^(−100/23))) with R = rank / N within the edition, average ranks for ties; "
    "values that are ranks already are kept",
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
TRANSFORM = {
    "log": "ln x",
    "square": "x²",
    "cube": "x³",
    "square_root": "√x",
    "cube_root": "∛x",
    "reciprocal": "1 / x",
    "logit": "ln(x / (upper − x))",
    "box_cox": "(x^λ − 1) / λ",
}
# What a method takes where an option is not stated.
DEFAULTS: dict[str, dict[str, float]] = {
    "minmax": {"low": 0, "high": 100},
    "scaled": {"lower": 0, "upper": 100},
    "z": {"mean": 0, "sd": 1},
    "base_year_z": {"mean": 100, "sd": 10},
}


def explain_profile(name: str) -> str:
    """A profile in words with formulas, one statement a line.

    Raises:
        EngineError: there is no such profile.
    """
    if name not in PROFILES:
        raise EngineError(f"there is no profile '{name}': use {', '.join(PROFILES)}")
    chain = ["index", "dimension", "component"]
    elements: list[dict[str, str]] = [{"id": chain[0]}]
    elements += [{"id": child, "parent": parent} for parent, child in pairwise(chain)]
    elements += [{"id": leaf, "parent": chain[-1], "direction": "higher_is_better"} for leaf in ("x", "y")]
    framework = {"profile": name, "levels": ["indicator", *ROLES], "elements": elements}
    return explain_framework(framework)


def explain_framework(framework: Mapping[str, Any], profile: str | None = None) -> str:
    """A framework in words with formulas, one statement a line: its profile and what it states itself.

    Args:
        framework: the mapping as read from YAML.
        profile: a profile to use in place of the framework's.

    Raises:
        FrameworkError: the framework has faults; all of them at once.
    """
    faults = Faults()
    structure = read_structure(framework, faults)
    recipe = read_recipe(framework, structure, profile, faults)
    faults.raise_any()
    assert structure is not None
    assert recipe is not None
    title = f"Profile {recipe.profile}" if recipe.profile else "No profile"
    lines = [title if "title" not in framework else f"{framework['title']} ({title.lower()})"]
    for (level, leaf), names in _grouped((structure.levels[0], recipe.leaves[name], name) for name in structure.leaves):
        lines += _indicators(_who(level, names, structure, len(recipe.leaves)), leaf, names, structure, recipe)
    parents = ((structure.level_of[name], recipe.parents[name], name) for name in structure.parents)
    for (level, parent), names in _grouped(parents):
        count = sum(structure.level_of[name] == level for name in structure.parents)
        lines += _parent(_who(level, names, structure, count), parent, structure, recipe, names)
    return "\n".join([*lines, *_overall(recipe)])


def _indicators(who: str, leaf: LeafRecipe, names: list[str], structure: Structure, recipe: Recipe) -> list[str]:
    spec = leaf.normalise
    lines = [f"{who} x: {_filled(NORMALISE, spec, recipe)}."]
    if spec.options.get("clip") is False:
        lines.append("Values beyond the goalposts are not clipped.")
    without = [name for name in names if structure.elements[name].worst is None]
    if spec.method == "goalposts" and without:
        lines.append("Where no goalposts are stated, the panel's extremes stand in, by the direction.")
    if leaf.transform.method != "none":
        lines.append(f"Before that, x and its goalposts become {TRANSFORM[leaf.transform.method]}.")
    if leaf.treat is not None:
        limits = leaf.treat
        log = ", its logarithm taken where that does not suffice" if limits.log else ""
        lines.append(f"Outliers: while |skew| > {limits.skew:g} and kurtosis > {limits.kurtosis:g}, up to "
                     f"{limits.points} values are winsorised{log}.")  # fmt: skip
    if leaf.minimum_count is not None:
        lines.append(f"A value resting on fewer than {leaf.minimum_count:g} cases is suppressed.")
    if leaf.shrink:
        lines.append("Values are drawn to the mean by as much as they are noise (empirical Bayes).")
    lines.append(f"A missing value {_filled(IMPUTE, leaf.impute, recipe)}.")
    return lines


def _parent(who: str, own: ParentRecipe, structure: Structure, recipe: Recipe, names: list[str]) -> list[str]:
    lines = [f"{who}: {_filled(AGGREGATE, own.mean, recipe)}; weights w: {_filled(WEIGHTS, own.weights, recipe)}."]
    if own.available:
        lines.append(f"It stays blank where less than {own.available:.0%} of its children are present.")
    if own.rescale is not None:
        level = structure.level_of[names[0]]
        lines.append(f"A {level}'s score enters its parent as {_filled(NORMALISE, own.rescale, recipe)}.")
    return lines


def _overall(recipe: Recipe) -> list[str]:
    lines = []
    if recipe.floor is not None:
        lines.append(f"Geometric and harmonic means lift scores below {recipe.floor:g} to it.")
    lines.append(f"Where a child is missing, {MISSING[recipe.missing]}.")
    if recipe.outside:
        lines.append(f"Scored, but neither fitted on nor ranked: {', '.join(recipe.outside)}.")
    better = "more need" if recipe.need else "better"
    shared = "the best place" if recipe.ties == "min" else "the mean of their places"
    lines.append(f"Higher scores mean {better}; rank 1 is the {recipe.rank_first} score, ties share {shared}.")
    return lines


def _grouped(rows: Iterable[tuple[str, Any, str]]) -> list[tuple[tuple[str, Any], list[str]]]:
    """Ids that are treated alike, level by level, in the order met."""
    groups: list[tuple[tuple[str, Any], list[str]]] = []
    for level, recipe, name in rows:
        for key, names in groups:
            if key == (level, recipe):
                names.append(name)
                break
        else:
            groups.append(((level, recipe), [name]))
    return groups


def _who(level: str, names: list[str], structure: Structure, count: int) -> str:
    return f"Each {level}" if len(names) == count else ", ".join(names)


def _filled(sentences: Mapping[str, str], spec: Spec, recipe: Recipe) -> str:
    return sentences[spec.method].format(**{"scale": recipe.scale, **DEFAULTS.get(spec.method, {}), **spec.options})
