"""Explains a profile or a framework in words and formulas, for readers who want to know how a figure is computed.

This module chooses the sentences; the sentences of the methods are in ``wording``. ``recipe`` reads the methods,
``profiles`` holds the profiles as data, and the modules named after the methods compute them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from spi_pipeline.engine.aggregate.parent import UNSCALED
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.bounds import shown
from spi_pipeline.engine.framework.faults import Faults, quoted, suggestion
from spi_pipeline.engine.framework.levels import ROLES
from spi_pipeline.engine.framework.profiles import PROFILES
from spi_pipeline.engine.framework.recipe import LeafRecipe, ParentRecipe, Recipe, read_recipe
from spi_pipeline.engine.framework.structure import Structure, read_structure
from spi_pipeline.engine.framework.wording import AGGREGATE, IMPUTE, MISSING, NORMALISE, TRANSFORM, WEIGHTS, filled

# Means that may need a floor.
FLOORED = ("geometric", "harmonic", "generalised", "product")


def explain_profile(name: str) -> str:
    """Explain a profile in words and formulas, one statement per line.

    Raises:
        EngineError: there is no such profile.
    """
    if name not in PROFILES:
        raise EngineError(f"there is no profile {quoted(name)}: {suggestion(name, PROFILES)}")
    chain = ["index", "dimension", "component"]
    elements: list[dict[str, str]] = [{"id": chain[0]}]
    elements += [{"id": child, "parent": parent} for parent, child in pairwise(chain)]
    elements += [{"id": leaf, "parent": chain[-1], "direction": "higher_is_better"} for leaf in ("x", "y")]
    framework = {"profile": name, "levels": ["indicator", *ROLES], "elements": elements}
    return explain_framework(framework)


def explain_framework(framework: Mapping[str, Any], profile: str | None = None) -> str:
    """Explain a framework in words and formulas, one statement per line: its profile and its own settings.

    Args:
        framework: the mapping as read from YAML.
        profile: a profile to use in place of the framework's.

    Raises:
        FrameworkError: the framework has faults; ``faults`` lists them all.
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
    turned = spec.method not in ("goalposts", "fraction", "none") and any(
        structure.elements[name].direction * (-1 if recipe.need else 1) < 0 for name in names
    )
    sign = " The sign of x is reversed where lower values score higher." * turned
    lines = [f"{who} x: {filled(NORMALISE, spec.method, dict(spec.options), recipe.scale)}.{sign}"]
    if spec.options.get("clip") is False:
        lines.append("Values beyond the goalposts are not clipped.")
    if spec.method == "goalposts":
        lines += _goalposts(names, structure, recipe)
    if leaf.transform.method != "none":
        exponent = "estimated" if leaf.transform.exponent is None else f"= {leaf.transform.exponent:g}"
        shifted = f"(x {leaf.transform.shift:+g})" if leaf.transform.shift else "x"
        formula = TRANSFORM[leaf.transform.method].format(x=shifted, upper=leaf.transform.upper, exponent=exponent)
        lines.append(f"Before that, x and its goalposts become {formula}.")
    if leaf.treat is not None:
        limits = leaf.treat
        log = "; where that does not suffice, the logarithm is taken instead" if limits.log else ""
        lines.append(f"Outliers: while |skew| > {limits.skew:g} and kurtosis > {limits.kurtosis:g}, up to "
                     f"{limits.points:g} values are winsorised{log}.")  # fmt: skip
    for bound, word in ((leaf.at_least, "below"), (leaf.at_most, "above")):
        if bound is not None:
            lines.append(f"Values {word} {shown(bound)} are set to {shown(bound)}.")
    if leaf.minimum_count is not None:
        lines.append(f"A value resting on fewer than {leaf.minimum_count:g} cases is suppressed.")
    if leaf.shrink:
        kind = f", with the counts of a {leaf.counts}" if leaf.counts else ""
        lines.append(f"Values are shrunk towards the mean in proportion to their noise (empirical Bayes){kind}.")
    divided = [f"{name} by {structure.elements[name].declared['divide_by']}" for name in names
               if structure.elements[name].declared.get("divide_by") is not None]  # fmt: skip
    if divided:
        lines.append(f"First, values are divided: {', '.join(divided)}.")
    lines.append(f"A missing value {filled(IMPUTE, leaf.impute.method, dict(leaf.impute.options), recipe.scale)}.")
    return [*lines, *_rounding(leaf.decimals)]


def _goalposts(names: list[str], structure: Structure, recipe: Recipe) -> list[str]:
    """The goalposts one by one: readers look for them most."""
    elements = [structure.elements[name] for name in names]
    declared = [f"{one.id} {shown(one.worst)} to {shown(one.best)}" for one in elements if one.worst is not None]
    lines = []
    if declared:
        turned = " (exchanged, as scores measure need)" if recipe.need else ""
        lines.append(f"Goalposts, worst to best{turned}: {', '.join(declared)}.")
    if len(declared) < len(elements):
        lines.append("Where no goalposts are given, the panel's extremes are used, according to the direction.")
    return lines


def _parent(who: str, own: ParentRecipe, structure: Structure, recipe: Recipe, names: list[str]) -> list[str]:
    mean, weights = own.mean, own.weights
    combined = filled(AGGREGATE, mean.method, dict(mean.options), recipe.scale)
    weighed = filled(WEIGHTS, weights.method, dict(weights.options), recipe.scale)
    lines = [f"{who}: {combined}; weights w: {weighed}."]
    if mean.method in UNSCALED:
        lines[0] = lines[0].replace(", scaled to sum to 1", "")
    if own.floor is not None and mean.method in FLOORED:
        lines.append(
            f"Scores below {own.floor:g} are lifted to {own.floor:g}." if own.floor else "A child of 0 makes it 0."
        )
    enough = f" It stays blank where less than {own.available:.0%} of its children are present." * bool(own.available)
    count = f" It needs {own.available_count} of them." * bool(own.available_count)
    lines.append(f"Where a child is missing, {MISSING[own.missing]}.{enough}{count}")
    if own.rescale is not None:
        level = structure.level_of[names[0]]
        rescaled = filled(NORMALISE, own.rescale.method, dict(own.rescale.options), recipe.scale)
        ends = [own.rescale.options.get(end) for end in ("worst", "best")]
        goalposts = f", worst {ends[0]:g} and best {ends[1]:g}" if None not in ends else ""
        lines.append(f"A {level}'s score x enters its parent as {rescaled}{goalposts}.")
    return [*lines, *_rounding(own.decimals)]


def _rounding(decimals: int | None) -> list[str]:
    return [] if decimals is None else [f"The score is rounded to {decimals} places, halves up."]


def _overall(recipe: Recipe) -> list[str]:
    lines = []
    if recipe.outside:
        lines.append(f"Scored, but not ranked and not used for weights or extremes: {', '.join(recipe.outside)}.")
    if recipe.wholes:
        whole = "all areas" if recipe.wholes == "all" else "the areas of each group"
        lines.append(f"A whole of {whole} is scored from population-weighted values.")
    better = "more need" if recipe.need else "better"
    shared = "the best place" if recipe.ties == "min" else "the mean of their places"
    lines.append(f"Higher scores mean {better}; rank 1 is the {recipe.rank_first} score, ties share {shared}.")
    return lines


def _grouped(rows: Iterable[tuple[str, Any, str]]) -> list[tuple[tuple[str, Any], list[str]]]:
    """Ids with the same recipe, level by level, in order of appearance."""
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
