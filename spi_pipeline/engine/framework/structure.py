"""The tree of an index: its elements, their parents and levels, and everything that can be wrong with it.

What elements are and how they hang together belongs here; by which methods they are computed is in ``recipe``, their
data are in ``values``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spi_pipeline.engine.framework.bounds import Bound, Percentile, read_bound, shown
from spi_pipeline.engine.framework.faults import Faults, Place, quoted, use
from spi_pipeline.engine.framework.levels import ROLES, assign_levels

# Said for people; not used.
FOR_PEOPLE = ("title", "description", "unit", "source")
OF_ANY = ("id", "parent", "level", *FOR_PEOPLE, "weight", "decimals")
OF_INDICATORS = (
    "direction", "worst", "best", "target", "at_least", "at_most", "divide_by", "transform", "normalise", "impute",
    "treat", "counts", "shrink", "minimum_count",
)  # fmt: skip
OF_PARENTS = ("aggregate", "weights", "available", "available_count", "missing", "floor", "rescale")
ELEMENT_KEYS = (*OF_ANY, *OF_INDICATORS, *OF_PARENTS)
# What lies above each other: no index has more, and what walks a tree calls itself once for each.
DEEPEST = 50
DIRECTIONS = {"higher_is_better": 1, "lower_is_better": -1}


@dataclass(frozen=True)
class Element:
    """One element of the tree.

    Attributes:
        id: its id.
        parent: id of its parent; None for the root.
        title: for people.
        direction: +1 or -1; 0 where the element is not an indicator.
        worst: raw value that scores 0, or a percentile until the values are known; None where it has no goalposts.
        best: raw value that scores the top, likewise.
        target: raw value aimed at.
        weight: weight within its parent, where weights are given; None where none is stated.
        stated: every key as written.
        position: its place in the list of elements, from 0.
    """

    id: str
    parent: str | None
    title: str
    direction: int
    worst: Bound | None
    best: Bound | None
    target: float | None
    weight: float | None
    stated: Mapping[str, Any]
    position: int


@dataclass(frozen=True)
class Structure:
    """The whole tree, free of faults.

    Attributes:
        elements: by id, in the order stated.
        levels: names from leaf to root.
        level_of: level of each element.
        children: ids of each parent's children, in the order stated; leaves are not in it.
        named: whether the framework states its levels itself.
    """

    elements: dict[str, Element]
    levels: list[str]
    level_of: dict[str, str]
    children: dict[str, list[str]]
    named: bool = False

    @cached_property
    def leaves(self) -> list[str]:
        """Ids of the indicators, in the order stated."""
        return [name for name in self.elements if name not in self.children]

    @cached_property
    def parents(self) -> list[str]:
        """Ids of the aggregated elements, every child before its parent, the root last."""
        found: list[str] = []

        def visit(name: str) -> None:
            for child in self.children.get(name, []):
                visit(child)
            if name in self.children:
                found.append(name)

        visit(self.root)
        return found

    @property
    def root(self) -> str:
        """Id of the index itself."""
        return next(element.id for element in self.elements.values() if element.parent is None)

    def leaves_below(self, name: str) -> list[str]:
        """Ids of the indicators below an element, or of the element itself where it is one."""
        if name not in self.children:
            return [name]
        return [leaf for child in self.children[name] for leaf in self.leaves_below(child)]

    def role(self, name: str) -> str:
        """What an aggregated element counts as in a profile: component, dimension or index.

        A level that bears one of these names is what its name says. Otherwise the lowest aggregated level is the
        component, the root the index, and all between are dimensions; a framework that states no levels and aggregates
        once has components only.
        """
        level = self.level_of[name]
        if self.named and level in ROLES:
            return level
        used = [stage for stage in self.levels[1:] if stage in {self.level_of[parent] for parent in self.children}]
        if level == used[0]:
            return "component"
        return "index" if name == self.root else "dimension"


def read_structure(framework: Mapping[str, Any], faults: Faults) -> Structure | None:
    """The tree of a framework, or None where faults leave no tree; every fault found is appended.

    Args:
        framework: the mapping as read from YAML; see ``docs`` for its keys.
        faults: faults found so far.
    """
    listed = framework.get("elements")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        faults.add(("framework",), "there is no list 'elements': state the elements of the index")
        return None
    elements = [
        element for position, stated in enumerate(listed) if (element := _element(stated, position, faults)) is not None
    ]
    before = len(faults)
    _check_ids(elements, faults)
    by_id = {element.id: element for element in reversed(elements)}
    by_id = {element.id: by_id[element.id] for element in elements}
    _check_tree(by_id, faults)
    broken = len(faults) > before
    parents = {element.parent for element in elements}
    for element in by_id.values():
        _check_keys(element, element.id not in parents, faults)
        if element.id not in parents:
            _check_indicator(element, faults)
    if broken:
        return None
    children: dict[str, list[str]] = {}
    for element in by_id.values():
        if element.parent is not None:
            children.setdefault(element.parent, []).append(element.id)
    before = len(faults)
    levels, level_of = assign_levels(framework, by_id, children, faults)
    return None if len(faults) > before else Structure(by_id, levels, level_of, children, bool(framework.get("levels")))


def _element(stated: Any, position: int, faults: Faults) -> Element | None:
    place: Place = ("framework", "elements", position)
    named = stated.get("id") if isinstance(stated, Mapping) else None
    if not isinstance(named, str | int) or isinstance(named, bool) or named == "":
        faults.add(place, f"element number {position + 1} has no id: give it one, a word in quotation marks if need be")
        return None
    name = str(stated["id"])
    for key in stated:
        if key not in ELEMENT_KEYS:
            faults.add((*place, key), f"element {name} has an unknown key {quoted(key)}: {use(key, ELEMENT_KEYS)}")
    check_words(stated, place, faults)
    numbers = {
        key: faults.number(stated[key], (*place, key), f"{key} of element {name}")
        for key in ("target", "weight")
        if stated.get(key) is not None
    }
    ends = {
        key: read_bound(stated[key], (*place, key), f"{key} of element {name}", faults)
        for key in ("worst", "best")
        if stated.get(key) is not None
    }
    if (numbers.get("weight") or 0.0) < 0:
        faults.add((*place, "weight"), f"the weight of {name} is negative: give 0 or more, or turn its direction")
    direction = stated.get("direction")
    if direction is not None and direction not in list(DIRECTIONS):
        allowed = " or ".join(DIRECTIONS)
        faults.add((*place, "direction"), f"the direction of {name} is {quoted(direction)}: write {allowed}")
    return Element(
        id=name,
        parent=None if stated.get("parent") is None else str(stated["parent"]),
        title=str(stated.get("title") or name),
        direction=DIRECTIONS.get(str(direction), 0),
        worst=ends.get("worst"),
        best=ends.get("best"),
        target=numbers.get("target"),
        weight=numbers.get("weight"),
        stated=stated,
        position=position,
    )


def check_words(stated: Mapping[str, Any], place: Place, faults: Faults) -> None:
    """Refuse lists and mappings where words for people belong."""
    for key in FOR_PEOPLE:
        if isinstance(stated.get(key), list | Mapping):
            faults.add((*place, key), f"{key} is {quoted(stated[key])}: write words")


def _check_ids(elements: Sequence[Element], faults: Faults) -> None:
    counts = Counter(element.id for element in elements)
    seen: set[str] = set()
    for element in elements:
        if counts[element.id] > 1 and element.id in seen:
            place = ("framework", "elements", element.position)
            faults.add(place, f"the id {element.id} is used {counts[element.id]} times: give each its own")
        seen.add(element.id)


def _check_tree(elements: Mapping[str, Element], faults: Faults) -> None:
    for element in elements.values():
        place = ("framework", "elements", element.position)
        if element.parent is not None and element.parent not in elements:
            faults.add(
                (*place, "parent"),
                f"the parent of {element.id}, '{element.parent}', is not an element: add it, or correct the spelling",
            )
        elif (path := _path(element, elements)) and len(path) > DEEPEST:
            faults.add((*place, "parent"), f"more than {DEEPEST} elements lie above {element.id}: leave some out")
            break
        elif path[-1].parent == element.id and element.id == min(one.id for one in path):
            ring = " -> ".join([*(one.id for one in path), element.id])
            faults.add((*place, "parent"), f"these elements are each other's parents, cut the cycle: {ring}")
    roots = [element for element in elements.values() if element.parent is None]
    if not roots:
        faults.add(("framework", "elements"), "every element has a parent: leave out that of the index itself")
    for element in roots[1:]:
        place = ("framework", "elements", element.position)
        faults.add(
            place, f"{element.id} has no parent, and neither has {roots[0].id}: an index has one root, name the other's"
        )


def _path(element: Element, elements: Mapping[str, Element]) -> list[Element]:
    """An element and those above it, up to the root, to one that is met again or to one too many."""
    path = {element.id: element}
    above = elements.get(str(element.parent))
    while above is not None and above.id not in path and len(path) <= DEEPEST:
        path[above.id] = above
        above = elements.get(str(above.parent))
    return list(path.values())


def _check_keys(element: Element, leaf: bool, faults: Faults) -> None:
    """Refuse what would have no effect."""
    stated = [key for key in element.stated if key in (OF_PARENTS if leaf else OF_INDICATORS)]
    if stated and (not leaf or element.direction):
        place = ("framework", "elements", element.position)
        kind, other = ("an indicator", "parents") if leaf else ("a parent", "indicators")
        faults.add((*place, stated[0]), f"{element.id} is {kind}, of which {', '.join(stated)} cannot be stated: "
                   f"remove what belongs to {other}")  # fmt: skip


def _check_indicator(element: Element, faults: Faults) -> None:
    place = ("framework", "elements", element.position)
    if not set(element.stated) & set(OF_INDICATORS):
        faults.add(place, f"{element.id} has neither children nor a direction: correct the parent its children name, "
                   "or state the direction of the indicator")  # fmt: skip
    elif element.direction == 0 and "direction" not in element.stated:
        faults.add(place, f"indicator {element.id} has no direction: write higher_is_better or lower_is_better")
    if (element.worst is None) != (element.best is None):
        absent = "worst" if element.worst is None else "best"
        if element.stated.get(absent) is None:
            faults.add(place, f"indicator {element.id} has one goalpost only: state '{absent}' too")
    elif element.worst is not None and element.best is not None:
        _check_goalposts(element, place, faults)


def _check_goalposts(element: Element, place: Place, faults: Faults) -> None:
    """Goalposts differ and agree with the direction, as far as can be told before the values are known."""
    worst, best = element.worst, element.best
    if worst == best:
        faults.add((*place, "worst"), f"the goalposts of {element.id} are both {shown(worst)}: they must differ")
        return
    ends = [end.at if isinstance(end, Percentile) else end for end in (worst, best)]
    if type(worst) is type(best) and element.direction * ((ends[1] or 0.0) - (ends[0] or 0.0)) < 0:
        faults.add(
            (*place, "direction"),
            f"the goalposts of {element.id} (worst {shown(worst)}, best {shown(best)}) contradict its direction "
            f"{element.stated.get('direction')}: exchange them, or turn the direction",
        )
