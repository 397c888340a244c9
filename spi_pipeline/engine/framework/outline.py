"""The outline of a framework: facts about its elements that hold even where it has faults.

With it, values can be checked against a framework that has faults of its own. The tree is in ``structure``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spi_pipeline.engine.framework.structure import INDICATOR_KEYS


@dataclass(frozen=True)
class Outline:
    """Facts about a framework's elements that hold even where it has faults.

    Attributes:
        leaves: ids of the indicators, with their position in the list of elements.
        aggregated: ids of the other elements.
        divisors: by indicator, the id of the values it is divided by.
        ambiguous: ids of elements without any key of an indicator. A leaf among them may be a parent whose children
            name another parent by mistake.
    """

    leaves: dict[str, int]
    aggregated: set[str]
    divisors: dict[str, str]
    ambiguous: set[str]


def outline(framework: Mapping[str, Any]) -> Outline:
    """The outline of a framework, given the mapping as read from YAML."""
    listed = framework.get("elements")
    places = [(place, one) for place, one in enumerate(listed if isinstance(listed, list) else [])
              if isinstance(one, Mapping) and one.get("id") is not None]  # fmt: skip
    parents = {str(one["parent"]) for _, one in places if one.get("parent") is not None}
    leaves: dict[str, int] = {}
    divisors: dict[str, str] = {}
    for place, one in places:
        name = str(one["id"])
        if name not in parents and name not in leaves:
            leaves[name] = place
            if one.get("divide_by") is not None:
                divisors[name] = str(one["divide_by"])
    ambiguous = {str(one["id"]) for _, one in places if not set(one) & set(INDICATOR_KEYS)}
    return Outline(leaves, parents & {str(one["id"]) for _, one in places}, divisors, ambiguous)
