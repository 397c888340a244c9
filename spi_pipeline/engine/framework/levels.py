"""The level of every element of an index: as declared, or by its distance from the root.

This module reads the names of levels and checks their order; the tree itself is in ``structure``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spi_pipeline.engine.framework.faults import Faults, quoted

# Roles that an aggregated level can have in a profile.
ROLES = ("component", "dimension", "index")
# Level names of a framework that declares none, by the number of aggregations between indicator and index.
LEVEL_NAMES = {1: ["index"], 2: ["component", "index"], 3: ["component", "dimension", "index"]}


def assign_levels(
    framework: Mapping[str, Any],
    elements: Mapping[str, Any],
    children: Mapping[str, list[str]],
    faults: Faults,
) -> tuple[list[str], dict[str, str]]:
    """The names of the levels from leaf to root, and the level of each element."""
    distance: dict[str, int] = {}
    for element in elements.values():
        steps, step = 0, element
        while step.parent is not None:
            steps, step = steps + 1, elements[step.parent]
        distance[element.id] = steps
    height = 1 + max((distance[name] for name in children), default=0)
    named = framework.get("levels") or []
    if not isinstance(named, list):
        faults.add(("framework", "levels"), f"levels is {quoted(named)}: list their names from leaf to root, as in "
                   "[indicator, component, index]")  # fmt: skip
        return [], {}
    levels = [str(name) for name in named]
    if not levels:
        above = LEVEL_NAMES.get(height) or ["component", *[f"dimension_{n}" for n in range(1, height - 1)], "index"]
        levels = ["indicator", *above]
    if len(set(levels)) < len(levels) or len(levels) < 2:
        faults.add(("framework", "levels"), "levels must be two or more different names, from leaf to root")
        return levels, {}
    level_of: dict[str, str] = {}
    for element in elements.values():
        place = ("framework", "elements", element.position)
        leaf = element.id not in children
        by_distance = levels[0] if leaf else levels[max(len(levels) - 1 - distance[element.id], 0)]
        level = str(element.declared.get("level") or by_distance)
        level_of[element.id] = level
        if level not in levels:
            faults.add((*place, "level"), f"the level of {element.id}, '{level}', is none of {', '.join(levels)}")
        elif leaf != (level == levels[0]):
            kind = "has no children, so it is an indicator" if leaf else "has children, so it is not an indicator"
            faults.add(
                place, f"{element.id} {kind} and cannot be of level {level}: correct its level, children or 'levels'"
            )
    for element in elements.values():
        if element.parent is None or not {level_of[element.id], level_of[element.parent]} <= set(levels):
            continue
        if levels.index(level_of[element.id]) >= levels.index(level_of[element.parent]):
            place = ("framework", "elements", element.position)
            faults.add(
                place,
                f"{element.id} ({level_of[element.id]}) does not lie below its parent {element.parent} "
                f"({level_of[element.parent]}): correct a level, or add one to 'levels'",
            )
    return levels, level_of
