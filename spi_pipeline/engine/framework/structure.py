"""The tree of an index: its elements, their parents and levels, and all checks of the tree.

The methods of the elements are in ``recipe``, their data in ``values``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spi_pipeline.engine.framework.bounds import Bound, Percentile, read_bound, shown
from spi_pipeline.engine.framework.faults import Faults, Place, quoted, suggestion
from spi_pipeline.engine.framework.levels import ROLES, assign_levels

# Keys for readers, which the calculation does not use.
FOR_READERS = ("title", "description", "unit", "source")
COMMON_KEYS = ("id", "parent", "level", *FOR_READERS, "weight", "decimals")
INDICATOR_KEYS = (
    "direction", "worst", "best", "target", "at_least", "at_most", "divide_by", "transform", "normalise", "impute",
    "treat", "counts", "shrink", "minimum_count",
)  # fmt: skip
PARENT_KEYS = ("aggregate", "weights", "available", "available_count", "missing", "floor", "rescale")
ELEMENT_KEYS = (*COMMON_KEYS, *INDICATOR_KEYS, *PARENT_KEYS)
# Greatest depth of the tree: no index is deeper, and functions that walk the tree recurse once per level.
MAX_DEPTH = 50
DIRECTIONS = {"higher_is_better": 1, "lower_is_better": -1}


@dataclass(frozen=True)
class Element:
    """One element of the tree.

    Attributes:
        id: its id.
        parent: id of its parent; None for the root.
        title: title for readers.
        direction: +1 or -1; 0 where the element is not an indicator.
        worst: raw value that scores 0, or a percentile until the values are known; None without goalposts.
        best: raw value that gets the top score, or a percentile until the values are known; None without goalposts.
        target: raw value to be reached.
        weight: weight within its parent, where weights are given; None where none is declared.
        declared: every key as written.
        position: its position in the list of elements, from 0.
    """

    id: str
    parent: str | None
    title: str
    direction: int
    worst: Bound | None
    best: Bound | None
    target: float | None
    weight: float | None
    declared: Mapping[str, Any]
    position: int


@dataclass(frozen=True)
class Structure:
    """The whole tree, free of faults.

    Attributes:
        elements: elements by id, in the framework's order.
        levels: names of the levels from leaf to root.
        level_of: level of each element.
        children: ids of each parent's children, in the framework's order; leaves are not keys.
        levels_declared: whether the framework declares its levels itself.
    """

    elements: dict[str, Element]
    levels: list[str]
    level_of: dict[str, str]
    children: dict[str, list[str]]
    levels_declared: bool = False

    @cached_property
    def leaves(self) -> list[str]:
        """Ids of the indicators, in the framework's order."""
        return [name for name in self.elements if name not in self.children]

    @cached_property
    def parents(self) -> list[str]:
        """Ids of the aggregated elements, every child before its parent, the root last."""
        ordered: list[str] = []

        def visit(name: str) -> None:
            for child in self.children.get(name, []):
                visit(child)
            if name in self.children:
                ordered.append(name)

        visit(self.root)
        return ordered

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
        """The role of an aggregated element in a profile: component, dimension or index.

        A declared level with one of these names has that role. Otherwise the lowest aggregated level is the component,
        the root is the index, and all levels between are dimensions. A framework that aggregates once has only
        components, unless it declares a level with the name of a role.
        """
        level = self.level_of[name]
        if self.levels_declared and level in ROLES:
            return level
        used = [stage for stage in self.levels[1:] if stage in {self.level_of[parent] for parent in self.children}]
        if level == used[0]:
            return "component"
        return "index" if name == self.root else "dimension"


def read_structure(framework: Mapping[str, Any], faults: Faults) -> Structure | None:
    """Read the tree of a framework; return None where faults leave no tree. Faults are appended.

    Args:
        framework: the mapping as read from YAML; see ``docs`` for its keys.
        faults: faults found so far.
    """
    listed = framework.get("elements")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        faults.add(("framework",), "there is no list 'elements': list the elements of the index")
        return None
    elements = [
        element
        for position, declared in enumerate(listed)
        if (element := _element(declared, position, faults)) is not None
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


def _element(declared: Any, position: int, faults: Faults) -> Element | None:
    place: Place = ("framework", "elements", position)
    named = declared.get("id") if isinstance(declared, Mapping) else None
    if not isinstance(named, str | int) or isinstance(named, bool) or named == "":
        faults.add(place, f"element number {position + 1} has no id: give it one, a word in quotation marks if need be")
        return None
    name = str(declared["id"])
    for key in declared:
        if key not in ELEMENT_KEYS:
            faults.add(
                (*place, key), f"element {name} has an unknown key {quoted(key)}: {suggestion(key, ELEMENT_KEYS)}"
            )
    check_words(declared, place, faults)
    numbers = {
        key: faults.number(declared[key], (*place, key), f"{key} of element {name}")
        for key in ("target", "weight")
        if declared.get(key) is not None
    }
    ends = {
        key: read_bound(declared[key], (*place, key), f"{key} of element {name}", faults)
        for key in ("worst", "best")
        if declared.get(key) is not None
    }
    if (numbers.get("weight") or 0.0) < 0:
        faults.add((*place, "weight"), f"the weight of {name} is negative: give 0 or more, or reverse its direction")
    direction = declared.get("direction")
    if direction is not None and direction not in list(DIRECTIONS):
        allowed = " or ".join(DIRECTIONS)
        faults.add((*place, "direction"), f"the direction of {name} is {quoted(direction)}: write {allowed}")
    return Element(
        id=name,
        parent=None if declared.get("parent") is None else str(declared["parent"]),
        title=str(declared.get("title") or name),
        direction=DIRECTIONS.get(str(direction), 0),
        worst=ends.get("worst"),
        best=ends.get("best"),
        target=numbers.get("target"),
        weight=numbers.get("weight"),
        declared=declared,
        position=position,
    )


def check_words(declared: Mapping[str, Any], place: Place, faults: Faults) -> None:
    """Refuse lists and mappings where words for readers belong."""
    for key in FOR_READERS:
        if isinstance(declared.get(key), list | Mapping):
            faults.add((*place, key), f"{key} is {quoted(declared[key])}: write words")


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
        elif (path := _path(element, elements)) and len(path) > MAX_DEPTH:
            faults.add((*place, "parent"), f"more than {MAX_DEPTH} elements lie above {element.id}: leave some out")
            break
        elif path[-1].parent == element.id and element.id == min(one.id for one in path):
            ring = " -> ".join([*(one.id for one in path), element.id])
            faults.add((*place, "parent"), f"these elements are each other's parents, cut the cycle: {ring}")
    roots = [element for element in elements.values() if element.parent is None]
    if not roots:
        faults.add(("framework", "elements"), "every element has a parent: remove the parent of the index itself")
    for element in roots[1:]:
        place = ("framework", "elements", element.position)
        faults.add(
            place,
            f"{element.id} has no parent, and neither has {roots[0].id}: an index has one root, add the other's parent",
        )


def _path(element: Element, elements: Mapping[str, Element]) -> list[Element]:
    """An element and its ancestors, up to the root, the start of a cycle or the limit of depth."""
    path = {element.id: element}
    above = elements.get(str(element.parent))
    while above is not None and above.id not in path and len(path) <= MAX_DEPTH:
        path[above.id] = above
        above = elements.get(str(above.parent))
    return list(path.values())


def _check_keys(element: Element, leaf: bool, faults: Faults) -> None:
    """Refuse keys that would have no effect."""
    misplaced = [key for key in element.declared if key in (PARENT_KEYS if leaf else INDICATOR_KEYS)]
    if misplaced and (not leaf or element.direction):
        place = ("framework", "elements", element.position)
        kind, other = ("an indicator", "parents") if leaf else ("a parent", "indicators")
        faults.add((*place, misplaced[0]), f"{element.id} is {kind}, which cannot have {', '.join(misplaced)}: "
                   f"remove the keys that belong to {other}")  # fmt: skip


def _check_indicator(element: Element, faults: Faults) -> None:
    place = ("framework", "elements", element.position)
    if not set(element.declared) & set(INDICATOR_KEYS):
        faults.add(place, f"{element.id} has neither children nor a direction: correct the parent its children name, "
                   "or add the direction of the indicator")  # fmt: skip
    elif element.direction == 0 and "direction" not in element.declared:
        faults.add(place, f"indicator {element.id} has no direction: write higher_is_better or lower_is_better")
    if (element.worst is None) != (element.best is None):
        absent = "worst" if element.worst is None else "best"
        if element.declared.get(absent) is None:
            faults.add(place, f"indicator {element.id} has only one goalpost: add '{absent}'")
    elif element.worst is not None and element.best is not None:
        _check_goalposts(element, place, faults)


def _check_goalposts(element: Element, place: Place, faults: Faults) -> None:
    """Check that goalposts differ and agree with the direction, as far as possible before the values are known."""
    worst, best = element.worst, element.best
    if worst == best:
        faults.add((*place, "worst"), f"the goalposts of {element.id} are both {shown(worst)}: they must differ")
        return
    ends = [end.at if isinstance(end, Percentile) else end for end in (worst, best)]
    if type(worst) is type(best) and element.direction * ((ends[1] or 0.0) - (ends[0] or 0.0)) < 0:
        faults.add(
            (*place, "direction"),
            f"the goalposts of {element.id} (worst {shown(worst)}, best {shown(best)}) contradict its direction "
            f"{element.declared.get('direction')}: swap them, or reverse the direction",
        )
