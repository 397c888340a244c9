"""An invented town of three wards in two editions, whose scores follow from its figures by the plain formulae."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.site.results import Results

TOWN = "E06000001"
# Names that look like markup but are not.
NAMES = {"E05000001": 'Fern & "Hill"', "E05000002": "<b>Môr</b>", "E05000003": "Zion", TOWN: "Invented"}
EDITIONS = (2023, 2024)
GOALPOSTS = {"overcrowded_homes": (30.0, 2.0), "indoor_environment": (2.0, -1.0), "violent_crime": (60.0, 5.0)}
COMPONENTS = {"housing": ("overcrowded_homes", "indoor_environment"), "safety": ("violent_crime",)}
# In the older edition: crowded homes and all homes, the standard score of homes, violent crimes and their rate.
FIGURES = {
    "E05000001": ((120, 2400), -0.4, (210, 12.5)),
    "E05000002": ((700, 2000), 0.9, (640, 41.0)),
    "E05000003": ((330, 2100), 0.2, (330, 22.5)),
    TOWN: ((1150, 6500), 0.233, (1180, 25.333)),
}


@cache
def contracts() -> Contracts:
    """The package's contracts, cut down to two components of one dimension."""
    whole = load_contracts(Path(__file__).parents[3] / "data_contracts")
    kept = {*GOALPOSTS, "homes_in_poor_condition"}
    dimension = whole.framework.dimensions[0]
    parts = [component for component in dimension.components if component.id in COMPONENTS]
    framework = whole.framework.model_copy(update={"dimensions": [dimension.model_copy(update={"components": parts})]})
    indicators = {name: item for name, item in whole.indicators.items() if name in kept}
    return replace(whole, framework=framework, indicators=indicators)


def results(**changed: pd.DataFrame) -> Results:
    """The town's published results; ``changed`` replaces tables by name."""
    places = zip(NAMES, (shapely.box(-0.45 + x, 51.87, -0.44 + x, 51.88) for x in (0, 0.01, 0.02)), strict=False)
    boundaries = pd.DataFrame([{"area_code": code, "geometry": shapely.to_wkb(shape)} for code, shape in places])
    postcodes = pd.DataFrame({"postcode": ["AB1 2CD"], "ward_code": ["E05000001"]})
    return Results(tables() | changed, boundaries, contracts(), postcodes)


@cache
def _tables() -> Mapping[str, pd.DataFrame]:
    scores = {(name, code, year): score for name, code, year, score in _scores()}
    rows: dict[str, list[dict[str, Any]]] = {
        "area": [
            {"area_code": code, "area_name": name, "level": "authority" if code == TOWN else "ward"}
            for code, name in NAMES.items()
        ],
        "edition": [{"edition": year, "profile": "spi", "as_of": pd.Timestamp("2024-11-23")} for year in EDITIONS],
        "indicator": [_indicator(name) for name in contracts().indicators],
        "observation": [row for year in EDITIONS for code in NAMES for row in _observations(code, year)],
        "score": [_score(scores, *key) for key in scores],
        "change": [_change(scores, name, code) for name, code, year in scores if year == EDITIONS[0]],
        "weight": [row for year in EDITIONS for row in _weights(year)],
        "contribution": [
            {"edition": year, "profile": "spi", "area_code": code, "parent_id": row["parent_id"], "id": row["id"],
             "contribution": row["weight"] * scores[row["id"], code, year]}
            for year in EDITIONS for code in NAMES for row in _weights(year)
        ],
    }  # fmt: skip
    return {name: pd.DataFrame(table_rows) for name, table_rows in rows.items()}


def tables() -> dict[str, pd.DataFrame]:
    """The tables by name, as copies that a test may change."""
    return {name: table.copy() for name, table in _tables().items()}


def value(name: str, code: str, year: int) -> float:
    """The value of an indicator; crime falls by a tenth in the newer edition, all else stays the same."""
    (crowded, homes), standing, (_, rate) = FIGURES[code]
    later = 0.9 if year == EDITIONS[1] else 1.0
    return {"overcrowded_homes": 100 * crowded / homes, "indoor_environment": standing, "violent_crime": rate * later}[
        name
    ]


def _observations(code: str, year: int) -> Iterator[dict[str, Any]]:
    (crowded, homes), _, (crimes, _) = FIGURES[code]
    counts = {
        "overcrowded_homes": (crowded, homes),
        "indoor_environment": (None, homes),
        "violent_crime": (crimes, homes),
    }
    for name in GOALPOSTS:
        figure, monthly = value(name, code, year), name == "violent_crime"
        end = year if monthly else 2021
        yield {
            "indicator_id": name, "area_code": code, "edition": year, "value": figure, "lower": figure - 0.5,
            "upper": figure + 0.5, "numerator": counts[name][0], "denominator": counts[name][1],
            "status": "observed" if monthly else "carried",
            "period_start": pd.Timestamp(end, 1, 1), "period_end": pd.Timestamp(end, 12, 31),
            "source_id": contracts().indicators[name].source,
        }  # fmt: skip
    yield {"indicator_id": "homes_in_poor_condition", "area_code": code, "edition": year, "value": None, "lower": None,
           "upper": None, "numerator": None, "denominator": None, "status": "missing", "period_start": None,
           "period_end": None, "source_id": None}  # fmt: skip


def _scores() -> Iterator[tuple[str, str, int, float]]:
    for year in EDITIONS:
        for code in NAMES:
            score_of: dict[str, float] = {}
            for name, (worst, best) in GOALPOSTS.items():
                score_of[name] = min(max(100 * (value(name, code, year) - worst) / (best - worst), 0.0), 100.0)
            for parent, children in COMPONENTS.items():
                score_of[parent] = sum(score_of[child] for child in children) / len(children)
            score_of["basic_human_needs"] = sum(score_of[name] for name in COMPONENTS) / len(COMPONENTS)
            score_of["social_progress_index"] = score_of["basic_human_needs"]
            yield from ((name, code, year, score) for name, score in score_of.items())


def _score(scores: Mapping[tuple[str, str, int], float], name: str, code: str, year: int) -> dict[str, Any]:
    own = scores[name, code, year]
    rank = None if code == TOWN else 1 + sum(scores[name, other, year] > own for other in NAMES if other != TOWN)
    return {
        "edition": year, "profile": "spi", "level": "any", "id": name, "area_code": code, "score": own, "rank": rank,
        "rank_low": rank and max(rank - 1, 1), "rank_high": rank and min(rank + 1, 3),
        "score_low": max(own - 4, 0), "score_high": min(own + 4, 100),
        "england_percentile": own if name == "overcrowded_homes" else None,
    }  # fmt: skip


def _change(scores: Mapping[tuple[str, str, int], float], name: str, code: str) -> dict[str, Any]:
    gain = scores[name, code, EDITIONS[1]] - scores[name, code, EDITIONS[0]]
    verdict = (
        "rose" if name in ("violent_crime", "safety") and gain > 3 else "not_distinguishable" if gain else "cannot_tell"
    )
    return {"edition_from": EDITIONS[0], "edition_to": EDITIONS[1], "profile": "spi", "area_code": code, "id": name,
            "change": gain, "change_low": gain - 1, "change_high": gain + 1, "verdict": verdict}  # fmt: skip


def _weights(year: int) -> Iterator[dict[str, Any]]:
    tree = COMPONENTS | {"basic_human_needs": tuple(COMPONENTS), "social_progress_index": ("basic_human_needs",)}
    for parent, children in tree.items():
        for child in children:
            yield {"edition": year, "profile": "spi", "authority_code": TOWN, "parent_id": parent, "id": child,
                   "weight": 1 / len(children), "effective_weight": 1 / len(children)}  # fmt: skip


def _indicator(name: str) -> dict[str, Any]:
    contract = contracts().indicators[name]
    worst, best = GOALPOSTS.get(name, (0.6, 0.1))
    counted = name in GOALPOSTS
    return {
        "indicator_id": name, "slot_id": name if counted else "indoor_environment", "in_basis": counted,
        "not_in_basis_because": None if counted else "indoor_environment fills the slot in every edition.",
        "title": contract.title, "description": contract.description, "direction": contract.direction,
        "unit": contracts().vocabulary.units[contract.unit].title, "component_id": contracts().component_of[name],
        "dimension_id": "basic_human_needs", "source_id": contract.source, "licence": "OGL-UK-3.0", "worst": worst,
        "best": best, "goalpost_source": "reference", "methods": None, "relative": False, "useful_years": 8,
        "england_period": "2021-03-21/2021-03-21" if counted else None,
        "allocation": "lsoa", "predecessor": contract.predecessor, "limits": contract.limits,
    }  # fmt: skip
