"""The sources of uncertainty of an index and their ranges, as a framework declares them.

``uncertainty`` checks whether the data allow each source, draws from it and summarises the draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Faults, Place, quoted, suggestion

# Errors of the figures, which the measured intervals cover.
MEASURED = ("measurement", "allocation", "imputation")
# All sources: errors of the figures, then choices in the definition of the index.
SOURCES = (*MEASURED, "goalposts", "transform", "normalisation", "weights", "aggregation", "choice")
KEYS = ("sources", "goalposts", "weights", "refit", "lowest")


@dataclass(frozen=True)
class UncertaintySettings:
    """The sources of uncertainty that are varied, and how far.

    Attributes:
        sources: the sources switched on, of ``SOURCES``.
        goalposts: largest shift of each goalpost, as a share of the distance between the two.
        weights: largest relative change of each weight.
        refit: whether principal component weights are refitted in every draw.
        lowest: k in the probability of being among the lowest k.
    """

    sources: tuple[str, ...] = SOURCES
    goalposts: float = 0.1
    weights: float = 0.25
    refit: bool = True
    lowest: int = 5

    def __post_init__(self) -> None:
        unknown = [name for name in self.sources if name not in SOURCES]
        if unknown:
            raise EngineError(f"{', '.join(unknown)} is not a source of uncertainty: use {', '.join(SOURCES)}")
        if not (0 <= self.goalposts < 0.5 and 0 <= self.weights <= 1):
            raise EngineError("goalposts of doubt must be from 0 to below 0.5, weights from 0 to 1: correct them")
        if self.lowest < 1:
            raise EngineError(f"lowest of doubt is {self.lowest}: give 1 or more")


def read_uncertainty(framework: Mapping[str, Any], faults: Faults) -> UncertaintySettings:
    """Read the sources of uncertainty that a framework declares under ``doubt``; faults are appended."""
    declared = framework.get("doubt")
    place: Place = ("framework", "doubt")
    if declared is None:
        return UncertaintySettings()
    if not isinstance(declared, Mapping):
        faults.add(place, f"doubt is {quoted(declared)}: give any of {', '.join(KEYS)} under it")
        return UncertaintySettings()
    before = len(faults)
    for key in declared:
        if key not in KEYS:
            faults.add((*place, key), f"{quoted(key)} is not a key of doubt: {suggestion(key, KEYS)}")
    options: dict[str, Any] = {
        key: faults.number(declared[key], (*place, key), f"{key} of doubt")
        for key in ("goalposts", "weights", "lowest")
        if key in declared
    }
    if not isinstance(declared.get("refit", True), bool):
        faults.add((*place, "refit"), f"refit is {quoted(declared['refit'])}: write true or false")
    if not isinstance(declared.get("sources", []), list):
        faults.add((*place, "sources"), f"sources of doubt must be a list: give any of {', '.join(SOURCES)}")
    if len(faults) > before:
        return UncertaintySettings()
    if "lowest" in options:
        options["lowest"] = int(options["lowest"])
    options["sources"] = tuple(map(str, declared.get("sources", SOURCES)))
    try:
        return UncertaintySettings(**options, refit=declared.get("refit", True))
    except EngineError as error:
        faults.add(place, str(error))
        return UncertaintySettings()
