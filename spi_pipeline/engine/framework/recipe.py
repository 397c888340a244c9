"""The recipe of an index: profile and framework resolved into the methods of every element.

This module decides which settings hold for which element and checks them against the tree. ``entries`` checks the
entries under each key; the methods themselves are in the modules named after them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spi_pipeline.engine.aggregate.parent import MAX_ORDER
from spi_pipeline.engine.framework.bounds import Bound, read_bound
from spi_pipeline.engine.framework.entries import by_level, check_entries
from spi_pipeline.engine.framework.faults import Faults, Place, quoted
from spi_pipeline.engine.framework.levels import ROLES
from spi_pipeline.engine.framework.methods import BY_LEVEL, Spec
from spi_pipeline.engine.framework.profiles import PLAIN, PROFILES
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings, read_uncertainty
from spi_pipeline.engine.normalise.outliers import Limits
from spi_pipeline.engine.normalise.transform import Transform


@dataclass(frozen=True)
class LeafRecipe:
    """The methods that score an indicator.

    Attributes:
        normalise: normalisation method.
        impute: imputation method for missing values.
        transform: transform applied before normalisation.
        at_least: lower cap of raw values; None for no limit.
        at_most: upper cap of raw values; None for no limit.
        treat: limits beyond which outliers are treated; None where they are not.
        decimals: number of decimals that the score is rounded to; None for full precision.
        counts: kind of numerator over denominator: proportion, rate, or empty to infer it from the counts.
        shrink: whether values are shrunk towards the mean in proportion to their noise.
        minimum_count: values with fewer cases are suppressed; None for no limit.
    """

    normalise: Spec
    impute: Spec
    transform: Transform
    at_least: Bound | None
    at_most: Bound | None
    treat: Limits | None
    decimals: int | None
    counts: str = ""
    shrink: bool = False
    minimum_count: float | None = None


@dataclass(frozen=True)
class ParentRecipe:
    """The methods that aggregate an element from its children.

    Attributes:
        mean: aggregation method.
        weights: weighting method.
        available: share of the children that must be present, of those that apply to an area.
        available_count: number of children that must be present.
        missing: treatment of an absent child: ``renormalise``, ``group_mean`` or ``blank``.
        floor: the value that lower scores are lifted to under a mean that needs positive scores.
        rescale: normalisation of the element's own score before it enters its parent; None for none.
        decimals: number of decimals that its score is rounded to, halves up, before it enters its parent; None for full
            precision.
    """

    mean: Spec
    weights: Spec
    available: float
    available_count: int
    missing: str
    floor: float | None
    rescale: Spec | None
    decimals: int | None


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the figures, apart from the data.

    Attributes:
        profile: name of the profile; empty where none is named.
        leaves: by indicator id.
        parents: by id of the aggregated element.
        scale: score of the best goalpost.
        need: whether scores measure need, so that the worst values score highest.
        rank_first: which score gets rank 1.
        ties: the rank of tied areas.
        outside: codes of areas that are scored, but neither ranked nor used for weights and extremes.
        wholes: ``all`` or ``group`` where wholes are added from population-weighted values, else empty.
        uncertainty: the sources of uncertainty and their ranges.
    """

    profile: str
    leaves: dict[str, LeafRecipe]
    parents: dict[str, ParentRecipe]
    scale: float
    need: bool
    rank_first: str
    ties: str
    outside: tuple[str, ...] = ()
    wholes: str = ""
    uncertainty: UncertaintySettings = field(default_factory=UncertaintySettings)


def read_recipe(
    framework: Mapping[str, Any], structure: Structure | None, profile: str | None, faults: Faults
) -> Recipe | None:
    """Read the recipe of a framework; return None where it has faults, which are appended.

    Args:
        framework: the mapping as read from YAML.
        structure: its tree; None where the tree has faults, so that only the entries themselves can be checked.
        profile: a profile to use in place of the one the framework names.
        faults: faults found so far.
    """
    before = len(faults)
    check_entries(framework, profile, faults)
    uncertainty = read_uncertainty(framework, faults)
    if structure is None or len(faults) > before:
        return None
    name = str(profile or framework.get("profile") or "")
    reader = _Reader(framework, {**PLAIN, **PROFILES.get(name, {})}, structure, faults)
    recipe = Recipe(
        profile=name,
        leaves={leaf: reader.leaf(leaf) for leaf in structure.leaves},
        parents={parent: reader.parent(parent) for parent in structure.parents},
        scale=float(reader.overall("scale")),
        need=reader.overall("scores") == "need",
        rank_first=str(reader.overall("rank_first")),
        ties=str(reader.overall("ties")),
        outside=tuple(map(str, reader.overall("outside"))),
        wholes=str(reader.overall("wholes") or ""),
        uncertainty=uncertainty,
    )
    return recipe if len(faults) == before else None


class _Reader:
    """Looks up a setting: at the element, else in the framework, else in the profile."""

    def __init__(
        self, framework: Mapping[str, Any], defaults: Mapping[str, Any], structure: Structure, faults: Faults
    ) -> None:
        self.framework, self.defaults, self.structure, self.faults = framework, defaults, structure, faults
        for key in BY_LEVEL:
            self._check_levels(key)

    def overall(self, key: str) -> Any:
        declared = self.framework.get(key)
        return self.defaults[key] if declared is None else declared

    def leaf(self, name: str) -> LeafRecipe:
        declared = self.structure.elements[name].declared
        normalise = self._spec(name, "normalise")
        self._check_needed(name, normalise)
        transform = _spec(declared.get("transform") or "none")
        upper, power = transform.options.get("upper", 1.0), transform.options.get("lambda")
        low, high = self._bound(name, "at_least"), self._bound(name, "at_most")
        if isinstance(low, float) and isinstance(high, float) and low > high:
            self._fault(name, "at_least", f"at_least of {name} ({low:g}) is above at_most ({high:g}): exchange them")
        return LeafRecipe(
            normalise=normalise,
            impute=self._spec(name, "impute"),
            transform=Transform(transform.method, power, float(upper), float(transform.options.get("shift", 0.0))),  # type: ignore[arg-type]
            at_least=low,
            at_most=high,
            treat=_limits(self._setting(name, "treat")[1]),
            decimals=self._setting(name, "decimals")[1],
            counts=self._setting(name, "counts")[1],
            shrink=self._setting(name, "shrink")[1],
            minimum_count=self._setting(name, "minimum_count")[1],
        )

    def parent(self, name: str) -> ParentRecipe:
        mean = self._spec(name, "aggregate")
        order = mean.options.get("order")
        if mean.method == "generalised" and not (isinstance(order, int | float) and abs(order) <= MAX_ORDER):
            self._fault(name, "aggregate", f"the generalised mean of {name} needs an order from -{MAX_ORDER:g} to "
                        f"{MAX_ORDER:g}: write {{method: generalised, order: 0.5}}")  # fmt: skip
        floor = self._setting(name, "floor")[1]
        return ParentRecipe(
            mean=mean,
            weights=self._weights(name),
            available=float(self._setting(name, "available")[1]),
            available_count=self._available_count(name),
            missing=self._setting(name, "missing")[1],
            floor=None if floor is None else float(floor),
            rescale=self._rescale(name),
            decimals=self._setting(name, "decimals")[1],
        )

    def _available_count(self, name: str) -> int:
        count, children = int(self._setting(name, "available_count")[1]), len(self.structure.children[name])
        if count > children:
            problem = f"available_count of {name} is {count}, but it has only {children} children"
            self._fault(name, "available_count", f"{problem}: give it a number of its own, at most {children}")
        return count

    def _bound(self, name: str, key: str) -> Bound | None:
        place, declared = self._setting(name, key)
        return None if declared is None else read_bound(declared, place, key, self.faults)

    def _weights(self, name: str) -> Spec:
        """The weighting method; weights at the children override a profile's method, but not a declared one."""
        own = [self.structure.elements[child].weight for child in self.structure.children[name]]
        declared = any(weight not in (None, 1.0) for weight in own)
        place, _ = self._setting(name, "weights")
        spec = self._spec(name, "weights")
        if declared and not place and spec.method not in ("given", "shares"):
            spec = Spec("given")
        if spec.method in ("given", "shares", "random") and all(weight == 0 for weight in own):
            self._fault(name, "weights", f"all children of {name} have weight 0: give one of them more")
        if "correlation" in spec.options:
            self._check_reference(name, spec)
        return spec

    def _check_reference(self, name: str, spec: Spec) -> None:
        """Check the reference correlations and standard deviations of one element's children, in their order."""
        size = len(self.structure.children[name])
        try:
            matrix = np.array(spec.options["correlation"], dtype=float)
            sd = np.array(spec.options.get("sd", [1] * size), dtype=float)
        except (TypeError, ValueError):
            matrix = sd = np.array([])
        if matrix.shape != (size, size) or sd.shape != (size,):
            problem = f"must be {size} rows of {size} numbers, and sd {size} numbers, in the order of its children"
        elif not (np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1) and (np.abs(matrix) <= 1).all()):
            problem = "is not a correlation matrix: make it symmetric, 1 on the diagonal and from -1 to 1 elsewhere"
        elif not (sd > 0).all():
            problem = "has an sd that is not above 0: correct it"
        else:
            return
        self._fault(name, "weights", f"the reference of {name} {problem}")

    def _check_needed(self, name: str, spec: Spec) -> None:
        """Check that the indicator has the goalposts, target or options that its normalisation needs."""
        element = self.structure.elements[name]
        declared = {"worst", "best"} & set(element.declared)  # a faulty goalpost has a message of its own
        if spec.method == "goalposts" and not declared and spec.options.get("without", "refuse") == "refuse":
            self._fault(
                name, "", f"indicator {name} has no goalposts: give worst and best, or choose another normalisation"
            )
        if spec.method == "target" and element.target is None:
            self._fault(name, "", f"indicator {name} is scored by its distance to a target, but has none: add 'target'")
        if spec.method == "reference" and "area_code" not in spec.options:
            self._fault(name, "", f"indicator {name} is scored by its distance to an area: add the option area_code")

    def _rescale(self, name: str) -> Spec | None:
        place, declared = self._setting(name, "rescale")
        if declared is None:
            return None
        if name == self.structure.root:
            if len(place) > 2:
                self._fault(name, "rescale", f"{name} enters no parent, so it is not rescaled: put an element between "
                            "it and its children and rescale that")  # fmt: skip
            return None
        spec = _spec(declared)
        needed = {"goalposts": ("worst", "best"), "target": ("target",), "reference": ("area_code",)}
        absent = [option for option in needed.get(spec.method, ()) if option not in spec.options]
        if absent:
            self._fault(name, "rescale", f"rescale {spec.method} needs {' and '.join(absent)}: add them as options")
        children = self.structure.children[name]
        own = self._spec(children[0], "normalise").method if children[0] not in self.structure.children else ""
        # An only child's ranks are its parent's: ranking them again would lose how the publisher ranked ties.
        repeated = len(children) == 1 and spec.method == "exponential" and own.startswith("exponential")
        return None if repeated else spec

    def _spec(self, name: str, key: str) -> Spec:
        return _spec(self._setting(name, key)[1])

    def _setting(self, name: str, key: str) -> tuple[Place, Any]:
        """The setting that holds for an element, and its place; the place is empty where the profile sets it."""
        element = self.structure.elements[name]
        if element.declared.get(key) is not None:
            return ("framework", "elements", element.position, key), element.declared[key]
        level = self.structure.level_of[name]
        role = self.structure.role(name) if name in self.structure.children else ""
        own = self.framework.get(key)
        if own is not None and not by_level(own, key):
            return ("framework", key), own
        by_label = own if by_level(own, key) else {}
        for label in (level, role):
            if by_label.get(label) is not None:
                return ("framework", key, label), by_label[label]
        default = self.defaults[key]
        if by_level(default, key):
            default = default.get(role, None if isinstance(PLAIN[key], Mapping) else PLAIN[key])
        return (), default

    def _check_levels(self, key: str) -> None:
        declared = self.framework.get(key)
        if not by_level(declared, key):
            return
        used = set(self.structure.level_of.values())
        levels = [level for level in self.structure.levels[0 if key == "decimals" else 1 :] if level in used]
        # A role is no alias for a level where another level has its name, even if no element is of that other level.
        roles = {self.structure.role(name) for name in self.structure.parents} - set(self.structure.levels)
        for label in declared:
            if label not in levels and label not in roles:
                known = [*levels, *(role for role in ROLES if role in roles)]
                self.faults.add(("framework", key, label), f"{key} is given for {quoted(label)}, which is none of the "
                                f"levels {', '.join(known)}: correct it")  # fmt: skip

    def _fault(self, name: str, key: str, message: str) -> None:
        """Add a fault at the place of a key, else at the element."""
        place = self._setting(name, key)[0] if key else ()
        self.faults.add(place or ("framework", "elements", self.structure.elements[name].position), message)


def _spec(declared: Any) -> Spec:
    options = dict(declared) if isinstance(declared, Mapping) else {"method": declared}
    return Spec(str(options.pop("method")), options)


def _limits(declared: Any) -> Limits | None:
    if isinstance(declared, bool):
        return Limits() if declared else None
    return Limits(**declared)
