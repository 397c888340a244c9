"""By which methods an index is computed: profile and framework read into one resolved recipe.

Which names, options and defaults there are belongs here, and every fault in stating them; the methods themselves are in
the modules they are named after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from spi_pipeline.engine.aggregate import MAX_ORDER
from spi_pipeline.engine.doubt import Doubt, read_doubt
from spi_pipeline.engine.faults import Faults, Place
from spi_pipeline.engine.levels import ROLES
from spi_pipeline.engine.methods import CHOICES, FLAGS, METHODS, NUMERIC, RANK_TIES, Spec
from spi_pipeline.engine.outliers import Limits
from spi_pipeline.engine.profiles import PLAIN, PROFILES
from spi_pipeline.engine.structure import Structure
from spi_pipeline.engine.transform import Transform

FRAMEWORK_KEYS = ("title", "description", "profile", "levels", "elements", *PLAIN)


@dataclass(frozen=True)
class LeafRecipe:
    """How an indicator is scored.

    Attributes:
        normalise: how values become scores.
        impute: how gaps are filled.
        transform: applied before.
        treat: when outliers are treated; None where they are not.
        decimals: places its score is rounded to.
        counts: what numerator over denominator is: proportion, rate, or empty to tell by the counts.
        shrink: whether values are drawn to the mean by as much as they are noise.
        minimum_count: below so many cases a value is suppressed.
    """

    normalise: Spec
    impute: Spec
    transform: Transform
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
        available: share of them that must be present.
        rescale: what its own score goes through before it enters its parent; None for nothing.
        decimals: places its score is rounded to, halves up, before it enters its parent; None for full precision.
    """

    mean: Spec
    weights: Spec
    available: float
    rescale: Spec | None
    decimals: int | None


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the figures, apart from the data.

    Attributes:
        profile: name of the profile; empty where none is named.
        leaves: by indicator id.
        parents: by id of the aggregated element.
        missing: ``renormalise``, ``group_mean`` or ``blank``.
        floor: what lower scores are lifted to under a mean that needs positive ones.
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
    missing: str
    floor: float | None
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
        structure: its tree; None where it is faulty, so that only names can be checked.
        profile: a profile to use in place of the one the framework names.
        faults: faults found so far.
    """
    before = len(faults)
    name = profile or framework.get("profile")
    if name is not None and name not in PROFILES:
        faults.add(("framework", "profile"), f"there is no profile '{name}': use {', '.join(PROFILES)}")
    for key in framework:
        if key not in FRAMEWORK_KEYS:
            faults.add(("framework", key), f"'{key}' is no key of a framework: use {', '.join(FRAMEWORK_KEYS)}")
    if structure is None:
        return None
    reader = _Reader(framework, {**PLAIN, **PROFILES.get(str(name), {})}, structure, faults)
    recipe = Recipe(
        profile=str(name or ""),
        leaves={leaf: reader.leaf(leaf) for leaf in structure.leaves},
        parents={parent: reader.parent(parent) for parent in structure.parents},
        missing=reader.choice("missing"),
        floor=reader.positive("floor"),
        scale=reader.positive("scale") or 100.0,
        need=reader.choice("scores") == "need",
        rank_first=reader.choice("rank_first"),
        ties=reader.choice("ties"),
        outside=reader.outside(),
        wholes=reader.choice("wholes") if framework.get("wholes") is not None else "",
        doubt=read_doubt(framework, faults),
    )
    return recipe if len(faults) == before else None


class _Reader:
    """Looks a setting up: at the element, else in the framework, else in the profile."""

    def __init__(
        self, framework: Mapping[str, Any], defaults: Mapping[str, Any], structure: Structure, faults: Faults
    ) -> None:
        self.framework, self.defaults, self.structure, self.faults = framework, defaults, structure, faults
        for key in ("weights", "aggregate", "available", "rescale", "decimals"):
            self._check_levels(key)

    def leaf(self, name: str) -> LeafRecipe:
        element = self.structure.elements[name]
        place: Place = ("framework", "elements", element.position)
        spec = self._spec("transform", element.stated.get("transform", "none"), (*place, "transform"))
        normalise = self._at(name, "normalise")
        self._check_needed(name, normalise)
        return LeafRecipe(
            normalise=normalise,
            impute=self._at(name, "impute"),
            transform=self._transform(spec, (*place, "transform")),
            treat=self._treat(name),
            decimals=self._decimals(name),
            counts=self._counts(name),
            shrink=self._flag(name, "shrink"),
            minimum_count=self._number(name, "minimum_count"),
        )

    def parent(self, name: str) -> ParentRecipe:
        mean = self._at(name, "aggregate")
        order = mean.options.get("order")
        if mean.method == "generalised" and not (isinstance(order, int | float) and abs(order) <= MAX_ORDER):
            place, _ = self._stated(name, "aggregate")
            self._fault(place, f"the generalised mean of {name} needs an order from -{MAX_ORDER:g} to {MAX_ORDER:g}: "
                        "write {method: generalised, order: 0.5}")  # fmt: skip
        return ParentRecipe(mean, self._weights(name), self._available(name), self._rescale(name), self._decimals(name))

    def outside(self) -> tuple[str, ...]:
        stated = self.framework.get("outside", self.defaults["outside"])
        if not isinstance(stated, list):
            self._fault(("framework", "outside"), f"outside is '{stated}': list the codes of areas, as in [WLD]")
            return ()
        return tuple(map(str, stated))

    def choice(self, key: str) -> str:
        stated = self.framework.get(key, self.defaults[key])
        if stated not in CHOICES[key]:
            self._fault(("framework", key), f"{key} is '{stated}': use {' or '.join(CHOICES[key])}")
        return str(stated)

    def positive(self, key: str) -> float | None:
        stated = self.framework.get(key, self.defaults[key])
        if stated is None:
            return None
        value = self.faults.number(stated, ("framework", key), key)
        if value is not None and value <= 0:
            self._fault(("framework", key), f"{key} is {value:g}: give a number above 0")
        return value

    def _flag(self, name: str, key: str) -> bool:
        place, stated = self._stated(name, key)
        if not isinstance(stated, bool):
            self._fault(place, f"{key} of {name} is '{stated}': write true or false")
        return stated is True

    def _number(self, name: str, key: str) -> float | None:
        place, stated = self._stated(name, key)
        return None if stated is None else self.faults.number(stated, place or ("framework",), f"{key} of {name}")

    def _counts(self, name: str) -> str:
        place, stated = self._stated(name, "counts")
        if stated and stated not in CHOICES["counts"]:
            self._fault(place, f"the counts of {name} are a '{stated}': use {' or '.join(CHOICES['counts'])}")
        return str(stated)

    def _treat(self, name: str) -> Limits | None:
        place, stated = self._stated(name, "treat")
        if isinstance(stated, bool):
            return Limits() if stated else None
        options = dict(stated) if isinstance(stated, Mapping) else {"": stated}
        known = {one.name for one in fields(Limits)}
        wrong = [key for key in options if key not in known or (key == "log") != isinstance(options[key], bool)]
        for key in wrong:
            self._fault(place, f"treat of {name} has '{key or options[key]}': write true, false, or any of skew, "
                        "kurtosis and points as numbers and log as true or false")  # fmt: skip
        numbers = {key: self.faults.number(options[key], place, f"treat {key} of {name}")
                   for key in options if key != "log" and key not in wrong}  # fmt: skip
        return None if wrong or None in numbers.values() else Limits(**{**options, **numbers})

    def _weights(self, name: str) -> Spec:
        """A weight stated at a child overrides the profile's way, but not a way stated in so many words."""
        stated = any(
            self.structure.elements[child].weight not in (None, 1.0) for child in self.structure.children[name]
        )
        place, _ = self._stated(name, "weights")
        spec = self._at(name, "weights")
        own = [self.structure.elements[child].weight for child in self.structure.children[name]]
        if spec.method in ("given", "shares") and all(weight == 0 for weight in own):
            self._fault(place, f"all children of {name} have weight 0: give one of them more")
        if "correlation" in spec.options:
            self._check_reference(name, spec, place)
        return Spec("given") if stated and not place and spec.method not in ("given", "shares") else spec

    def _check_reference(self, name: str, spec: Spec, place: Place) -> None:
        """A correlation matrix and standard deviations stated for the children of one element, in their order."""
        size = len(self.structure.children[name])
        try:
            matrix = np.array(spec.options["correlation"], dtype=float)
            sd = np.array(spec.options.get("sd", [1] * size), dtype=float)
        except (TypeError, ValueError):
            matrix = sd = np.array([])
        if matrix.shape != (size, size) or sd.shape != (size,):
            self._fault(place, f"the reference of {name} must be {size} rows of {size} numbers, and sd {size} numbers, "
                        "in the order of its children")  # fmt: skip
        elif not (np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1) and (np.abs(matrix) <= 1).all()):
            self._fault(place, f"the reference correlation of {name} is none: it is symmetric, 1 on the diagonal, and "
                        "nowhere beyond -1 and 1")  # fmt: skip
        elif not (sd > 0).all():
            self._fault(place, f"the reference sd of {name} must be above 0 throughout")

    def _available(self, name: str) -> float:
        place, stated = self._stated(name, "available")
        value = self.faults.number(stated, place or ("framework",), f"available of {name}")
        if value is not None and not 0 <= value <= 1:
            self._fault(place, f"available of {name} is {value:g}: it is a share from 0 to 1")
        return value or 0.0

    def _decimals(self, name: str) -> int | None:
        place, stated = self._stated(name, "decimals")
        if stated is not None and not (isinstance(stated, int) and 0 <= stated <= 15):
            self._fault(place, f"decimals of {name} are '{stated}': give a whole number from 0 to 15")
            return None
        return stated

    def _check_needed(self, name: str, spec: Spec) -> None:
        """What a way to normalise needs to know of the indicator."""
        element = self.structure.elements[name]
        place: Place = ("framework", "elements", element.position)
        stated = {"worst", "best"} & set(element.stated)
        if spec.method == "goalposts" and not stated and spec.options.get("without", "refuse") == "refuse":
            self._fault(place, f"indicator {name} has no goalposts: state worst and best, or another way to normalise")
        if spec.method == "target" and element.target is None:
            self._fault(place, f"indicator {name} is scored by its distance to a target: state 'target'")
        if spec.method == "reference" and "area_code" not in spec.options:
            self._fault(place, f"indicator {name} is scored by its distance to an area: state the option area_code")

    def _rescale(self, name: str) -> Spec | None:
        if name == self.structure.root:
            return None
        place, stated = self._stated(name, "rescale")
        if stated is None:
            return None
        spec = self._spec("rescale", stated, place or ("framework",))
        children = self.structure.children[name]
        own = self._at(children[0], "normalise").method if children[0] not in self.structure.children else ""
        # The only child's places are its parent's: ranked again they would lose how a publisher placed ties.
        again = len(children) == 1 and spec.method == "exponential" and own.startswith("exponential")
        return None if again else spec

    def _at(self, name: str, key: str) -> Spec:
        place, stated = self._stated(name, key)
        return self._spec(key, stated, place or ("framework",))

    def _stated(self, name: str, key: str) -> tuple[Place, Any]:
        """What holds for an element and where it is stated; no place where it is the profile's."""
        element = self.structure.elements[name]
        if key in element.stated:
            return ("framework", "elements", element.position, key), element.stated[key]
        level = self.structure.level_of[name]
        role = self.structure.role(name) if name in self.structure.children else ""
        own = self.framework.get(key)
        if own is not None:
            by_level = isinstance(own, Mapping) and "method" not in own and key != "treat"
            if not by_level:
                return ("framework", key), own
            for label in (level, role):
                if label in own:
                    return ("framework", key, label), own[label]
        default = self.defaults[key]
        if isinstance(default, Mapping) and "method" not in default and key != "treat":
            default = default.get(role, None if isinstance(PLAIN[key], Mapping) else PLAIN[key])
        return (), default

    def _spec(self, key: str, stated: Any, place: Place) -> Spec:
        options = dict(stated) if isinstance(stated, Mapping) else {"method": stated}
        method = str(options.pop("method", None))
        allowed = METHODS[key]
        if method not in allowed:
            self._fault(place, f"'{method}' is no method of '{key}': use {', '.join(allowed)}")
            return Spec(method)
        for option in options:
            if option not in allowed[method]:
                known = f"it takes {', '.join(sorted(allowed[method]))}" if allowed[method] else "it takes none"
                self._fault(place, f"'{option}' is no option of {key} {method}: {known}")
            elif option in NUMERIC and key != "weights":
                self.faults.number(options[option], place, f"{option} of {key} {method}")
            elif option in FLAGS and not isinstance(options[option], bool):
                self._fault(place, f"{option} of {method} is '{options[option]}': write true or false")
        if options.get("ties", "min") not in RANK_TIES:
            self._fault(place, f"ties of {method} are '{options['ties']}': use {', '.join(RANK_TIES)}")
        if options.get("without", "refuse") not in CHOICES["without"]:
            self._fault(place, f"goalposts without {options['without']}: use {' or '.join(CHOICES['without'])}")
        return Spec(method, options)

    def _transform(self, spec: Spec, place: Place) -> Transform:
        numbers = {
            key: self.faults.number(value, place, f"{key} of the transform") for key, value in spec.options.items()
        }
        upper = numbers.get("upper")
        return Transform(spec.method, numbers.get("lambda"), 1.0 if upper is None else upper)  # type: ignore[arg-type]

    def _check_levels(self, key: str) -> None:
        stated = self.framework.get(key)
        if not isinstance(stated, Mapping) or "method" in stated:
            return
        first = 0 if key == "decimals" else 1
        allowed = [*self.structure.levels[first:], *[role for role in ROLES if role not in self.structure.levels]]
        for label in stated:
            if label not in allowed:
                self._fault(("framework", key, label), f"{key} is stated for '{label}', which is none of the levels "
                            f"{', '.join(self.structure.levels[1:])}: correct it")  # fmt: skip

    def _fault(self, place: Place, message: str) -> None:
        self.faults.add(place or ("framework",), message)
