"""What may be doubted in an index, and how far: as a framework states it.

The list of sources and their ranges belong here; whether the data allow them, drawing from them, and what the
draws say about scores and ranks, are in ``uncertainty``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Faults, Place

# Errors of the figures: what the measured intervals hold.
MEASURED = ("measurement", "allocation", "imputation")
# With them, what the definition of the index leaves open.
SOURCES = (*MEASURED, "goalposts", "transform", "normalisation", "weights", "aggregation", "choice")
KEYS = ("sources", "goalposts", "weights", "refit", "lowest")


@dataclass(frozen=True)
class Doubt:
    """What is varied and how far.

    Attributes:
        sources: those switched on, of ``SOURCES``.
        goalposts: largest shift of each goalpost, as a share of the distance between the two.
        weights: largest relative change of each weight.
        refit: whether principal component weights are fitted anew in every draw.
        lowest: k of the probability of being among the lowest k.
    """

    sources: tuple[str, ...] = SOURCES
    goalposts: float = 0.1
    weights: float = 0.25
    refit: bool = True
    lowest: int = 5

    def __post_init__(self) -> None:
        unknown = [name for name in self.sources if name not in SOURCES]
        if unknown:
            raise EngineError(f"{', '.join(unknown)} is not a source of doubt: use {', '.join(SOURCES)}")
        if not (0 <= self.goalposts < 0.5 and 0 <= self.weights <= 1):
            raise EngineError("goalposts are shifted by less than 0.5 of their distance, weights changed by at most 1")
        if self.lowest < 1:
            raise EngineError(f"the probability of being among the lowest {self.lowest} says nothing: give 1 or more")


def read_doubt(framework: Mapping[str, Any], faults: Faults) -> Doubt:
    """The doubt a framework states under ``doubt``; every fault found is appended."""
    stated = framework.get("doubt")
    place: Place = ("framework", "doubt")
    if stated is None:
        return Doubt()
    if not isinstance(stated, Mapping):
        faults.add(place, f"doubt is '{stated}': state any of {', '.join(KEYS)} below it")
        return Doubt()
    before = len(faults)
    for key in stated:
        if key not in KEYS:
            faults.add((*place, key), f"'{key}' is not a key of doubt: use {', '.join(KEYS)}")
    found: dict[str, Any] = {
        key: faults.number(stated[key], (*place, key), f"{key} of doubt")
        for key in ("goalposts", "weights", "lowest")
        if key in stated
    }
    if not isinstance(stated.get("refit", True), bool):
        faults.add((*place, "refit"), f"refit is '{stated['refit']}': write true or false")
    if not isinstance(stated.get("sources", []), list):
        faults.add((*place, "sources"), f"sources are a list of {', '.join(SOURCES)}")
    if len(faults) > before:
        return Doubt()
    if "lowest" in found:
        found["lowest"] = int(found["lowest"])
    found["sources"] = tuple(map(str, stated.get("sources", SOURCES)))
    try:
        return Doubt(**found, refit=stated.get("refit", True))
    except EngineError as error:
        faults.add(place, str(error))
        return Doubt()
