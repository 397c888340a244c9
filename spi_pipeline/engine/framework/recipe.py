"""By which methods an index is computed: profile and framework read into one resolved recipe.

What holds for which element belongs here, and the faults that show against its tree; what may be written under each key
is in ``statements``, the methods themselves are in the modules they are named after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spi_pipeline.engine.aggregate.parent import MAX_ORDER
from spi_pipeline.engine.framework.bounds import Bound, read_bound
from spi_pipeline.engine.framework.doubt import Doubt, read_doubt
from spi_pipeline.engine.framework.faults import Faults, Place, quoted
from spi_pipeline.engine.framework.levels import ROLES
from spi_pipeline.engine.framework.methods import BY_LEVEL, Spec
from spi_pipeline.engine.framework.profiles import PLAIN, PROFILES
from spi_pipeline.engine.framework.statements import by_level, check_statements
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.normalise.outliers import Limits
from spi_pipeline.engine.normalise.transform import Transform


@dataclass(frozen=True)
class LeafRecipe:
    """How an indicator is scored.

    Attributes:
        normalise: how values become scores.
        impute: how gaps are filled.
        transform: applied before.
        at_least: lower raw values are taken as it; None for no limit.
        at_most: likewise higher ones.
        treat: when outliers are treated; None where they are not.
        decimals: places its score is rounded to.
        counts: what numerator over denominator is: proportion, rate, or empty to tell by the counts.
        shrink: whether values are drawn to the mean by as much as they are noise.
        minimum_count: below so many cases a value is suppressed.
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
    """How an element is formed from its children.

    Attributes:
        mean: how their scores are combined.
        weights: where their weights come from.
        available: share of them that must be present, of those that apply to an area.
        available_count: how many of them must be.
        missing: what becomes of an absent one: ``renormalise``, ``group_mean`` or ``blank``.
        floor: what lower scores are lifted to under a mean that needs positive ones.
        rescale: what its own score goes through before it enters its parent; None for nothing.
        decimals: places its score is rounded to, halves up, before it enters its parent; None for full precision.
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
        need: whether scores measure need, the worst indicators scoring highest.
        rank_first: which score gets rank 1.
        ties: what tied areas get.
        outside: areas that are scored, but neither fitted on nor ranked.
        wholes: ``all`` or ``group`` where wholes are added from population-weighted values, else empty.
        doubt: what may be doubted, and how far.
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
    doubt: Doubt = field(default_factory=Doubt)


def read_recipe(
    framework: Mapping[str, Any], structure: Structure | None, profile: str | None, faults: Faults
) -> Recipe | None:
    """The recipe of a framework, or None where it has faults; every fault found is appended.

    Args:
        framework: the mapping as read from YAML.
        structure: its tree; None where it is faulty, so that only what is stated can be checked.
        profile: a profile to use in place of the one the framework names.
        faults: faults found so far.
    """
    before = len(faults)
    check_statements(framework, profile, faults)
    doubt = read_doubt(framework, faults)
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
        doubt=doubt,
    )
    return recipe if len(faults) == before else None


class _Reader:
    """Looks a setting up: at the element, else in the framework, else in the profile."""

    def __init__(
        self, framework: Mapping[str, Any], defaults: Mapping[str, Any], structure: Structure, faults: Faults
    ) -> None:
        self.framework, self.defaults, self.structure, self.faults = framework, defaults, structure, faults
        for key in BY_LEVEL:
            self._check_levels(key)

    def overall(self, key: str) -> Any:
        stated = self.framework.get(key)
        return self.defaults[key] if stated is None else stated

    def leaf(self, name: str) -> LeafRecipe:
        stated = self.structure.elements[name].stated
        normalise = self._spec(name, "normalise")
        self._check_needed(name, normalise)
        transform = _spec(stated.get("transform") or "none")
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
            treat=_limits(self._stated(name, "treat")[1]),
            decimals=self._stated(name, "decimals")[1],
            counts=self._stated(name, "counts")[1],
            shrink=self._stated(name, "shrink")[1],
            minimum_count=self._stated(name, "minimum_count")[1],
        )

    def parent(self, name: str) -> ParentRecipe:
        mean = self._spec(name, "aggregate")
        order = mean.options.get("order")
        if mean.method == "generalised" and not (isinstance(order, int | float) and abs(order) <= MAX_ORDER):
            self._fault(name, "aggregate", f"the generalised mean of {name} needs an order from -{MAX_ORDER:g} to "
                        f"{MAX_ORDER:g}: write {{method: generalised, order: 0.5}}")  # fmt: skip
        floor = self._stated(name, "floor")[1]
        return ParentRecipe(
            mean=mean,
            weights=self._weights(name),
            available=float(self._stated(name, "available")[1]),
            available_count=self._available_count(name),
            missing=self._stated(name, "missing")[1],
            floor=None if floor is None else float(floor),
            rescale=self._rescale(name),
            decimals=self._stated(name, "decimals")[1],
        )

    def _available_count(self, name: str) -> int:
        count, children = int(self._stated(name, "available_count")[1]), len(self.structure.children[name])
        if count > children:
            said = f"{name} needs {count} children by its available_count, and has {children}"
            self._fault(name, "available_count", f"{said}: state a number of its own for it, at most {children}")
        return count

    def _bound(self, name: str, key: str) -> Bound | None:
        place, stated = self._stated(name, key)
        return None if stated is None else read_bound(stated, place, key, self.faults)

    def _weights(self, name: str) -> Spec:
        """A weight stated at a child overrides the profile's way, but not a way stated in so many words."""
        own = [self.structure.elements[child].weight for child in self.structure.children[name]]
        stated = any(weight not in (None, 1.0) for weight in own)
        place, _ = self._stated(name, "weights")
        spec = self._spec(name, "weights")
        if stated and not place and spec.method not in ("given", "shares"):
            spec = Spec("given")
        if spec.method in ("given", "shares", "random") and all(weight == 0 for weight in own):
            self._fault(name, "weights", f"all children of {name} have weight 0: give one of them more")
        if "correlation" in spec.options:
            self._check_reference(name, spec)
        return spec

    def _check_reference(self, name: str, spec: Spec) -> None:
        """A correlation matrix and standard deviations stated for the children of one element, in their order."""
        size = len(self.structure.children[name])
        try:
            matrix = np.array(spec.options["correlation"], dtype=float)
            sd = np.array(spec.options.get("sd", [1] * size), dtype=float)
        except (TypeError, ValueError):
            matrix = sd = np.array([])
        if matrix.shape != (size, size) or sd.shape != (size,):
            said = f"must be {size} rows of {size} numbers, and sd {size} numbers, in the order of its children"
        elif not (np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1) and (np.abs(matrix) <= 1).all()):
            said = "correlation is none: it is symmetric, 1 on the diagonal, and nowhere beyond -1 and 1"
        elif not (sd > 0).all():
            said = "sd must be above 0 throughout"
        else:
            return
        self._fault(name, "weights", f"the reference of {name} {said}")

    def _check_needed(self, name: str, spec: Spec) -> None:
        """What a way to normalise needs to know of the indicator."""
        element = self.structure.elements[name]
        stated = {"worst", "best"} & set(element.stated)  # one that is faulty has a sentence of its own
        if spec.method == "goalposts" and not stated and spec.options.get("without", "refuse") == "refuse":
            self._fault(
                name, "", f"indicator {name} has no goalposts: state worst and best, or another way to normalise"
            )
        if spec.method == "target" and element.target is None:
            self._fault(name, "", f"indicator {name} is scored by its distance to a target: state 'target'")
        if spec.method == "reference" and "area_code" not in spec.options:
            self._fault(name, "", f"indicator {name} is scored by its distance to an area: state the option area_code")

    def _rescale(self, name: str) -> Spec | None:
        place, stated = self._stated(name, "rescale")
        if stated is None:
            return None
        if name == self.structure.root:
            if len(place) > 2:
                self._fault(name, "rescale", f"{name} enters no parent, so it is not rescaled: put an element between "
                            "it and its children and rescale that")  # fmt: skip
            return None
        spec = _spec(stated)
        needed = {"goalposts": ("worst", "best"), "target": ("target",), "reference": ("area_code",)}
        absent = [option for option in needed.get(spec.method, ()) if option not in spec.options]
        if absent:
            self._fault(name, "rescale", f"rescale {spec.method} needs {' and '.join(absent)}: state them as options")
        children = self.structure.children[name]
        own = self._spec(children[0], "normalise").method if children[0] not in self.structure.children else ""
        # The only child's places are its parent's: ranked again they would lose how a publisher placed ties.
        again = len(children) == 1 and spec.method == "exponential" and own.startswith("exponential")
        return None if again else spec

    def _spec(self, name: str, key: str) -> Spec:
        return _spec(self._stated(name, key)[1])

    def _stated(self, name: str, key: str) -> tuple[Place, Any]:
        """What holds for an element and where it is stated; no place where it is the profile's."""
        element = self.structure.elements[name]
        if element.stated.get(key) is not None:
            return ("framework", "elements", element.position, key), element.stated[key]
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
        stated = self.framework.get(key)
        if not by_level(stated, key):
            return
        used = set(self.structure.level_of.values())
        levels = [level for level in self.structure.levels[0 if key == "decimals" else 1 :] if level in used]
        # A level of that name that no element is of is not its alias for another.
        roles = {self.structure.role(name) for name in self.structure.parents} - set(self.structure.levels)
        for label in stated:
            if label not in levels and label not in roles:
                known = [*levels, *(role for role in ROLES if role in roles)]
                self.faults.add(("framework", key, label), f"{key} is stated for {quoted(label)}, which is none of the "
                                f"levels {', '.join(known)}: correct it")  # fmt: skip

    def _fault(self, name: str, key: str, message: str) -> None:
        """A fault where a key is stated, else at the element."""
        place = self._stated(name, key)[0] if key else ()
        self.faults.add(place or ("framework", "elements", self.structure.elements[name].position), message)


def _spec(stated: Any) -> Spec:
    options = dict(stated) if isinstance(stated, Mapping) else {"method": stated}
    return Spec(str(options.pop("method")), options)


def _limits(stated: Any) -> Limits | None:
    if isinstance(stated, bool):
        return Limits() if stated else None
    return Limits(**stated)
