"""Every framework in the recipes gives the scores in the document, and plain arithmetic gives the same."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.cli.score.command import explain_files, score_files
from spi_pipeline_tests.docs.documents import REPOSITORY, blocks, text

RECIPES = REPOSITORY / "docs" / "score-recipes.md"
NAMES = [line.removeprefix("## ") for line in text(RECIPES).splitlines() if line.startswith("## ")]
# Values by edition, area and indicator.
Values = dict[tuple[str, str, str], float]
# Scores by edition, area and element.
Scores = dict[tuple[str, str, str], float]


def mean(*values: float) -> float:
    return sum(values) / len(values)


def columns(values: Values) -> dict[str, dict[str, float]]:
    """The values by indicator and area, for an index without editions."""
    by_indicator: dict[str, dict[str, float]] = {}
    for (_, area, name), value in values.items():
        by_indicator.setdefault(name, {})[area] = value
    return by_indicator


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def percentile_ranks(column: dict[str, float]) -> dict[str, float]:
    return {area: sum(other < value for other in column.values()) / (len(column) - 1) for area, value in column.items()}


def human_development(values: Values) -> Scores:
    scores: Scores = {}
    for area in "AB":
        x = {name: column[area] for name, column in columns(values).items()}
        health = (x["life_expectancy"] - 20) / 65
        education = mean(min(x["expected_years"] / 18, 1), x["mean_years"] / 15)
        income = min(math.log(x["income"] / 100) / math.log(750), 1)
        scores["", area, "education"], scores["", area, "income"] = education, income
        scores["", area, "hdi"] = round((health * education * income) ** (1 / 3), 3)
    return scores


def environmental_performance(values: Values) -> Scores:
    scores: Scores = {}
    x = columns(values)
    worst = percentile(list(x["pm25"].values()), 0.95)
    high, low = (percentile(list(x["smoke"].values()), share) for share in (0.95, 0.05))
    for area in "ABC":
        pm25 = 100 * min(max(math.log(x["pm25"][area] / worst) / math.log(5 / worst), 0), 1)
        air = pm25
        if area in x["smoke"]:
            smoke = 100 * min(max((x["smoke"][area] - high) / (low - high), 0), 1)
            scores["", area, "smoke"] = smoke
            air = 0.7 * pm25 + 0.3 * smoke
        scores["", area, "pm25"], scores["", area, "air"] = pm25, air
        scores["", area, "epi"] = 0.4 * air + 0.6 * 100 * min(x["protected"][area] / 30, 1)
    return scores


def risk(values: Values) -> Scores:
    scores: Scores = {}
    for area in "AB":
        x = {name: column[area] for name, column in columns(values).items()}
        flood, drought = round(x["flood"] / 20, 1), round(x["drought"] / 0.5, 1)
        lacking = (10 - (1 + 0.9 * (10 - flood)) ** 0.5 * (1 + 0.9 * (10 - drought)) ** 0.5) / 9 * 10
        poverty, doctors = (x["poverty"] - 0.05) / 0.55 * 10, max(10 - x["doctors"] / 4 * 10, 0)
        hazard, poverty, doctors = (math.floor(one * 10 + 0.5 + 1e-9) / 10 for one in (lacking, poverty, doctors))
        scores["", area, "flood"], scores["", area, "hazard"] = flood, hazard
        scores["", area, "risk"] = round((hazard * poverty * doctors) ** (1 / 3), 1)
    return scores


def perceptions(values: Values) -> Scores:
    scores: Scores = {}
    signs = {"bank": 1, "forum": 1, "survey": -1, "experts": 1}
    base = {name: [value for (year, _, other), value in values.items() if other == name and year == "2012"]
            for name in signs}  # fmt: skip
    for year, area in {(year, area) for year, area, _ in values}:
        own = [45 + 20 * sign * (values[year, area, name] - mean(*base[name])) / statistics.stdev(base[name])
               for name, sign in signs.items() if (year, area, name) in values]  # fmt: skip
        if len(own) >= 3:
            scores[year, area, "perceptions"] = math.floor(min(max(mean(*own), 0), 100) + 0.5)
    return scores


def vulnerability_by_percentile_ranks(values: Values) -> Scores:
    x = columns(values)
    poor, jobless = percentile_ranks(x["poor"]), percentile_ranks(x["jobless"])
    graduates = percentile_ranks({area: -value for area, value in x["graduates"].items()})
    money = {area: poor[area] + jobless[area] for area in "ABCD"}
    ranked, alone = percentile_ranks(money), percentile_ranks(graduates)
    total = {area: ranked[area] + alone[area] for area in "ABCD"}
    scores = {"money": money, "total": total, "svi": percentile_ranks(total)}
    return {("", area, name): value for name, column in scores.items() for area, value in column.items()}


def two_halves_multiplied(values: Values) -> Scores:
    x = {name: percentile_ranks(column) for name, column in columns(values).items()}
    pollution = {
        area: 10 * (mean(x["ozone"][area], x["traffic"][area]) + 0.5 * x["waste"][area]) / 1.5 for area in "ABC"
    }
    highest = max(pollution.values())
    burden = {area: 10 * pollution[area] / highest * 10 * x["asthma"][area] for area in "ABC"}
    scores = {"pollution": pollution, "burden": burden}
    return {("", area, name): value for name, column in scores.items() for area, value in column.items()}


def health_base_year_100(values: Values) -> Scores:
    people = {"A": 1000, "B": 3000}
    total = sum(people.values())

    def z(name: str, year: str, area: str) -> float:
        centre = sum(people[one] * values["2015", one, name] for one in "AB") / total
        squares = sum(people[one] * (values["2015", one, name] - centre) ** 2 for one in "AB")
        sd = (squares / (total - sum(weight**2 for weight in people.values()) / total)) ** 0.5
        return 10 * (values[year, area, name] - centre) / sd

    return {
        (year, area, "health"): 0.6 * (100 - z("mortality", year, area))
        + 0.4 * (100 + (z("green", year, area) - z("air", year, area)) / 2)
        for year in ("2015", "2016")
        for area in "AB"
    }


def deprivation_from_indicators(values: Values) -> Scores:
    def normal(column: dict[str, float]) -> dict[str, float]:
        ranked = {area: 1 + sum(other < value for other in column.values()) for area, value in column.items()}
        return {area: statistics.NormalDist().inv_cdf(rank / 5) for area, rank in ranked.items()}

    def exponential(column: dict[str, float]) -> dict[str, float]:
        transformed = {}
        for area, value in column.items():
            below = sum(other < value - 1e-9 for other in column.values())
            same = sum(abs(other - value) < 1e-9 for other in column.values())
            transformed[area] = -23 * math.log(1 - (below + (same + 1) / 2) / 4 * (1 - math.exp(-100 / 23)))
        return transformed

    x = {name: normal(column) for name, column in columns(values).items()}
    health = {area: mean(x["illness"][area], x["years_lost"][area]) for area in "ABCD"}
    income = exponential(x["claimants"])
    imd = {area: 0.7 * income[area] + 0.3 * exponential(health)[area] for area in "ABCD"}
    scores = {"health": health, "imd": imd}
    return {("", area, name): value for name, column in scores.items() for area, value in column.items()}


def pillars_with_outliers_and_denominators(values: Values) -> Scores:
    x = columns(values)
    flights = {area: x["flights"][area] / x["people"][area] for area in "ABCDEF"}
    tariffs = {**x["tariffs"], "B": x["tariffs"]["A"]}  # the only other area of the north
    broadband = {**x["broadband"], "F": x["broadband"]["E"]}  # the only outlier, moved to the next value
    assert pd.Series(x["broadband"]).skew() > 2
    assert pd.Series(x["broadband"]).kurt() > 3.5

    def minmax(column: dict[str, float]) -> dict[str, float]:
        low, high = min(column.values()), max(column.values())
        return {area: 100 * (value - low) / (high - low) for area, value in column.items()}

    scores = {"flights": minmax(flights), "broadband": minmax(broadband)}
    scores["tariffs"] = {area: 100 - value for area, value in minmax(tariffs).items()}
    scores["physical"] = {area: (scores["flights"][area] + 0.5 * scores["tariffs"][area]) / 1.5 for area in "ABCDEF"}
    scores["index"] = {area: mean(scores["physical"][area], scores["broadband"][area]) for area in "ABCDEF"}
    return {("", area, name): value for name, column in scores.items() for area, value in column.items()}


BY_HAND: dict[str, Callable[[Values], Scores]] = {
    "Human development": human_development,
    "Environmental performance": environmental_performance,
    "Risk": risk,
    "Perceptions": perceptions,
    "Vulnerability by percentile ranks": vulnerability_by_percentile_ranks,
    "Two halves multiplied": two_halves_multiplied,
    "Health, base year 100": health_base_year_100,
    "Deprivation from indicators": deprivation_from_indicators,
    "Pillars with outliers and denominators": pillars_with_outliers_and_denominators,
}


@cache
def parts() -> dict[str, tuple[str, str, str]]:
    """The framework, values and scores of every recipe."""
    by_recipe = zip(*(blocks(RECIPES, language) for language in ("yaml", "csv", "scores")), strict=True)
    return dict(zip(NAMES, by_recipe, strict=True))


@pytest.fixture
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    framework, values, _ = parts()[request.param]
    (tmp_path / "framework.yaml").write_text(framework, encoding="utf-8")
    (tmp_path / "values.csv").write_text(values, encoding="utf-8")
    return tmp_path / "framework.yaml", tmp_path / "values.csv"


def test_every_recipe_has_a_computation_by_hand() -> None:
    assert list(BY_HAND) == NAMES


@pytest.mark.parametrize(("files", "name"), [(name, name) for name in NAMES], indirect=["files"])
def test_recipe(files: tuple[Path, Path], name: str) -> None:
    table = score_files(*files).table.astype({"area_code": str, "edition": str, "id": str})
    computed = table.set_index(["edition", "area_code", "id"])["score"]
    given = pd.read_csv(files[1], dtype={"area_code": str, "edition": str})
    given = given.assign(edition=given.get("edition", "")).dropna(subset="value")
    keys = given[["edition", "area_code", "indicator_id"]].itertuples(index=False, name=None)
    by_hand = BY_HAND[name](dict(zip(keys, given["value"], strict=True)))
    for key, value in by_hand.items():
        assert computed.loc[key] == pytest.approx(value, abs=1e-9), key
    for line in parts()[name][2].split():
        *place, score = line.split(",")
        key = (place[1], place[0], place[2]) if len(place) == 3 else ("", *place)
        if score:
            assert computed.loc[key] == pytest.approx(float(score), abs=6e-7), line
            assert by_hand[key] == pytest.approx(float(score), abs=6e-7), line
        else:
            assert np.isnan(computed.loc[key]), line
            assert key not in by_hand, line


@pytest.mark.parametrize("files", NAMES, indirect=True)
def test_recipe_in_words(files: tuple[Path, Path]) -> None:
    (message,) = explain_files(files[0], None)
    assert len(message.splitlines()) > 5
    assert "{" not in message
