"""An invented town as published tables, small and awkward.

It has names with markup, quotes and Welsh letters, a ward without scores, and missing months. Its elements and measures
are those of the contracts; every number is made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import shapely

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.site.results import Results
from spi_pipeline.settings import Settings

TOWN = "E06999999"
NAMES = {
    "E05999901": "Tŷ Gŵyr",
    "E05999902": 'Marks & "Spencer" <b>bold</b>',
    "E05999903": "O’Neill's End",
    "E05999904": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch and Saint Thomas the Apostle Without",
    "E05999905": "Plain",
    "E05999906": "Silent",
}
WARDS = tuple(NAMES)
PLAIN, SILENT = "E05999905", "E05999906"
EDITIONS = (2024, 2025)
PROFILE = "spi"


@cache
def contracts() -> Contracts:
    """The contracts of the repository."""
    return load_contracts(Settings().contracts)


def town(**replaced: pd.DataFrame) -> Results:
    """The published tables of the town.

    Args:
        replaced: tables to use in place of the town's own.
    """
    postcodes = pd.DataFrame({"postcode": ["AB1 2CD"], "ward_code": [PLAIN]})
    return Results({**_tables(), **replaced}, boundaries(), contracts(), postcodes)


def boundaries() -> pd.DataFrame:
    """Squares in a row, each touching the next; the last stands alone."""
    places = [0, 1, 2, 3, 4, 9]
    squares = [shapely.box(-0.4 + 0.02 * place, 51.8, -0.38 + 0.02 * place, 51.82) for place in places]
    return pd.DataFrame({"area_code": WARDS, "geometry": [shapely.to_wkb(square) for square in squares]})


def _tables() -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(20261123)
    frames = {
        "area": [
            *({"area_code": code, "area_name": name, "level": "ward"} for code, name in NAMES.items()),
            {"area_code": TOWN, "area_name": "Treflan <Fach>", "level": "authority"},
        ],
        "edition": [
            {"edition": edition, "profile": PROFILE, "as_of": pd.Timestamp("2026-11-23"), "slots": 33}
            for edition in EDITIONS
        ],
        "indicator": list(_indicators()),
        "score": list(_scores(random)),
        "observation": list(_observations(random)),
        "change": list(_changes(random)),
        "context": list(_context(random)),
        "recent": list(_recent(random)),
        "ward_standing": list(_standing()),
        "similar_ward": list(_similar()),
    }  # fmt: skip
    tables = {name: pd.DataFrame(rows) for name, rows in frames.items()}
    tables["scorecard"] = pd.DataFrame(list(_cards(tables["score"])))
    tables["decade"] = pd.DataFrame(list(_decade()))
    tables["residual"] = pd.DataFrame(list(_residual()))
    tables["what_would_it_take"] = pd.DataFrame(list(_takes()))
    for name in ("own_area", "own_area_overlap", "own_area_score", "own_area_value"):
        tables[name] = pd.DataFrame(columns=[column.name for column in contracts().products[name].columns])
    tables["source_release"] = pd.DataFrame(columns=["source_id", "published_at", "fetched_at"])
    return tables


def _elements() -> Iterator[tuple[str, str]]:
    """Every element with its level."""
    framework = contracts().framework
    yield framework.id, "index"
    for dimension in framework.dimensions:
        yield dimension.id, "dimension"
        for component in dimension.components:
            yield component.id, "component"
            yield from ((item.id, "indicator") for item in contracts().indicators_of(component.id))


def _indicators() -> Iterator[dict[str, Any]]:
    units = contracts().vocabulary.units
    for item in contracts().active:
        yield {
            "indicator_id": item.id, "in_basis": True, "title": item.title, "unit": units[item.unit].title,
            "direction": item.direction, "source_id": item.source, "component_id": contracts().component_of[item.id],
        }  # fmt: skip


def _scores(random: np.random.Generator) -> Iterator[dict[str, Any]]:
    for name, level in _elements():
        for edition in EDITIONS:
            random_scores = dict(zip(WARDS[:-1], random.uniform(20, 80, len(WARDS) - 1), strict=True))
            places = {
                code: place
                for place, code in enumerate(sorted(random_scores, key=lambda code: -random_scores[code]), 1)
            }
            for code in (*WARDS, TOWN):
                score = random_scores.get(code, 50.0 if code == TOWN else None)
                rank = places.get(code)
                yield {
                    "edition": edition, "profile": PROFILE, "level": level, "id": name, "area_code": code,
                    "score": score, "measured_low": score and score - 3, "measured_high": score and score + 3,
                    "score_low": score and score - 9, "score_high": score and score + 9, "rank": rank,
                    "rank_low": rank and max(rank - 1, 1), "rank_high": rank and min(rank + 1, 5),
                    "newest_period": pd.Timestamp("2021-03-21") if score else None, "age_years": 3.5 if score else None,
                    "recent_weight": 0.5 if score else None,
                    "england_percentile": score if level == "indicator" else None,
                }  # fmt: skip


def _cards(scores: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Every ward has all others as peers; a score more than 2 points off their median is a strength or a weakness."""
    for _, group in scores[scores["area_code"].isin(WARDS[:-1])].groupby(["edition", "id"]):
        for row in group.to_dict("records"):
            others = group[group["area_code"] != row["area_code"]]
            median = others["score"].median()
            difference = row["score"] - median
            yield {
                **{name: row[name] for name in ("edition", "profile", "area_code", "level", "id")},
                "peer_median": median, "difference": difference, "peers": ",".join(others["area_code"]),
                "verdict": "neutral" if abs(difference) <= 2 else "strength" if difference > 0 else "weakness",
            }  # fmt: skip


def _observations(random: np.random.Generator) -> Iterator[dict[str, Any]]:
    for item in contracts().active:
        for code in (*WARDS, TOWN):
            value = None if code == SILENT else float(random.uniform(0.1, 0.9))
            yield {
                "indicator_id": item.id, "area_code": code, "edition": EDITIONS[-1],
                "period_start": pd.Timestamp("2021-03-21") if value else None,
                "period_end": pd.Timestamp("2021-03-21") if value else None,
                "value": value, "lower": value and value - 0.05, "upper": value and value + 0.05,
                "numerator": value and 1000 * value, "denominator": 1000.0 if value else None,
                "status": "carried" if value else "missing",
            }  # fmt: skip


def _changes(random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Only three indicators were measured again: one rose, one fell, and one shows no clear change."""
    verdict_of = dict(
        zip([item.id for item in contracts().active[:3]], ("rose", "fell", "not_distinguishable"), strict=True)
    )
    for name, level in _elements():
        for code in (*WARDS[:-1], TOWN):
            verdict = verdict_of.get(name, "cannot_tell")
            change = {"rose": 6.25, "fell": -6.25, "not_distinguishable": 0.5}.get(verdict, 0.0)
            yield {
                "edition_from": EDITIONS[0], "edition_to": EDITIONS[-1], "profile": PROFILE, "area_code": code,
                "level": level, "id": name, "change": change, "change_low": change - 2, "change_high": change + 2,
                "movable": 1.0 if name in verdict_of else 0.25 if level == "index" else 0.0, "verdict": verdict,
            }  # fmt: skip


def _context(random: np.random.Generator) -> Iterator[dict[str, Any]]:
    units = contracts().vocabulary.units
    for item in contracts().context.values():
        for code in (*WARDS, TOWN):
            for year in (2020, 2021):
                value = None if (code, item.id) == (PLAIN, "house_price") else float(random.uniform(0.1, 0.9))
                yield {
                    "measure_id": item.id, "area_code": code, "period_start": pd.Timestamp(year, 1, 1),
                    "period_end": pd.Timestamp(year, 12, 31), "title": item.title, "value": value,
                    "lower": value and value - 0.05, "upper": value and value + 0.05, "unit": units[item.unit].title,
                    "source_id": item.source,
                }  # fmt: skip


def _decade() -> Iterator[dict[str, Any]]:
    for item in contracts().decade:
        for code, change, verdict in (
            (WARDS[0], 4.0, "rose"),
            (PLAIN, -4.0, "fell"),
            (WARDS[1], 1.0, "cannot be told"),
        ):
            yield {
                "measure_id": item.measure, "area_code": code, "title": item.measure, "in_index": False, "unit": "%",
                "earlier_end": pd.Timestamp("2011-03-27"), "later_end": pd.Timestamp("2021-03-21"), "earlier": 20.0,
                "later": 20.0 + change, "change": change, "lower": change - 2, "upper": change + 2, "verdict": verdict,
                "limits": item.limits,
            }  # fmt: skip


def _residual() -> Iterator[dict[str, Any]]:
    verdicts = ("more than suggested", "less than suggested", "as suggested", "as suggested", "as suggested")
    for code, verdict in zip(WARDS[:-1], verdicts, strict=True):
        yield {
            "edition": EDITIONS[-1], "profile": PROFILE, "id": contracts().framework.id, "area_code": code,
            "measure_id": contracts().composition.given, "expected": 50.0, "residual": 3.0, "lower": -1.0, "upper": 7.0,
            "verdict": verdict,
        }  # fmt: skip


def _recent(random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Three years of all crime, which falls in one ward; another ward lacks a month."""
    months = [f"{month:%Y-%m}" for month in pd.period_range("2022-01", "2024-12", freq="M").to_timestamp()]
    for code in WARDS[:-1]:
        for place, month in enumerate(months):
            if (code, month) == (WARDS[1], "2024-03"):
                continue
            rate = (100.0 - 2 * place if code == PLAIN else 100.0) if place >= 11 else None
            yield {
                "measure_id": "all_crime", "area_code": code, "month": month, "count": 10 + place % 7,
                "rate_12_months": rate, "lower": rate and rate - 10, "upper": rate and rate + 10,
                "signal": "fall" if code == PLAIN else "none", "signal_since": "2024-10" if code == PLAIN else None,
            }  # fmt: skip


def _standing() -> Iterator[dict[str, Any]]:
    """Ranks in England for everything above indicators, except one component for which too few wards have figures."""
    for place, code in enumerate(WARDS[:-1], 1):
        for name, level in _elements():
            if level != "indicator" and name != "rights_and_voice":
                yield {
                    "level": level, "id": name, "area_code": code, "score": 50.0, "rank": 1000 * place + 3,
                    "rank_low": 900 * place, "rank_high": 1200 * place, "decile": 2 * place,
                    "england_percentile": 100 - 15.0 * place, "wards": 6784, "slots": 26 if level == "index" else 2,
                }  # fmt: skip


def _similar() -> Iterator[dict[str, Any]]:
    """Wards similar to Plain; the second is in the town itself."""
    others = [("E05000001", "Away <1>"), (WARDS[1], NAMES[WARDS[1]]), *((f"E0500000{at}", "Far") for at in range(3, 6))]
    for place, (code, name) in enumerate(others, 1):
        yield {
            "area_code": PLAIN, "place": place, "other_code": code, "other_name": name, "other_authority": "Elsewhere",
            "other_region": "North East", "distance": 0.25 * place,
        }  # fmt: skip


def _takes() -> Iterator[dict[str, Any]]:
    """The ward Plain is behind in seven indicators and ahead in one; in another it cannot be told."""
    counted = [item.id for item in contracts().active[:9]]
    for place, name in enumerate(counted):
        needed = -40.2 if place == 7 else 3.0 if place == 8 else 10.5 + place
        for target in ("authority_median", "england_median"):
            yield {
                "edition": EDITIONS[-1], "profile": PROFILE, "indicator_id": name, "area_code": PLAIN, "target": target,
                "period_start": pd.Timestamp("2021-03-21"), "period_end": pd.Timestamp("2021-03-21"),
                "unit": "households", "way": "fewer", "counted": 100.0, "value": 0.3, "target_value": 0.2,
                "cut": place == 0, "needed": needed, "needed_low": needed - 5, "needed_high": needed + 5, "score": 50.0,
                "score_then": 60.0, "index_score": 50.0, "index_score_then": 50.0 + place / 10, "rank_then": 3,
                "rank_then_low": 2, "rank_then_high": 4,
            }  # fmt: skip
