"""The tables that readers see, joined from data frames made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.snapshot.reference import QUANTILES
from spi_pipeline.steps.inputs import AS_OF
from spi_pipeline.steps.joined import joined_steps
from spi_pipeline.steps.step import compute
from spi_pipeline_tests.steps.examples import given

WARD, OTHER, TOWN = "E05014735", "E05014736", "E06000032"


def joined(contracts: Contracts, name: str, tables: Mapping[str, Any]) -> pd.DataFrame:
    """The table that the step computes from these tables."""
    step = next(step for step in joined_steps(contracts) if step.name == name)
    assert tables.keys() <= set(step.inputs)
    outputs = compute(replace(step, inputs=tuple(tables)), contracts, given(tables))
    table: pd.DataFrame = outputs[name].to_pandas()
    return table


def scores(level: str, name: str, **of_area: float) -> pd.DataFrame:
    rows = [
        {"edition": 2024, "profile": "spi", "level": level, "id": name, "area_code": code, "score": score,
         "relative_score": None, "rank": None if code == TOWN else place, "coverage": 1.0}
        for place, (code, score) in enumerate(of_area.items(), start=1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def intervals_of(name: str, code: str, low: int | None, high: int | None, profile: str = "spi") -> dict[str, Any]:
    points = {"score_low": 30.0, "score_high": 80.0, "measured_low": 40.0, "measured_high": 70.0}
    return {"edition": 2024, "profile": profile, "id": name, "area_code": code, **points,
            "rank_low": low, "rank_high": high}  # fmt: skip


def scored(
    contracts: Contracts, interval: list[dict[str, Any]], more: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """Scores of a town whose index is one indicator, warm homes, measured in 2021; one ward's value is missing."""
    index = "social_progress_index"
    weight = pd.DataFrame(
        [
            {"edition": 2024, "profile": "spi", "authority_code": TOWN, "parent_id": parent, "id": child, "weight": 1.0}
            for parent, child in [("water_and_sanitation", "no_central_heating"), (index, "water_and_sanitation")]
        ]
    )
    values = [
        value(WARD, 2021, "carried", 20.0),
        value(OTHER, 2021, "missing", None),
        value(TOWN, 2021, "carried", 9.0),
    ]
    tables = {
        "element_score.water_and_sanitation": pd.concat(
            [
                scores("component", "water_and_sanitation", **{WARD: 60.0, OTHER: 50.0, TOWN: 55.0}),
                scores("indicator", "no_central_heating", **{WARD: 60.0, OTHER: 50.0, TOWN: 55.0}),
            ]
        ),
        f"element_score.{index}": scores("index", index, **{WARD: 40.0, TOWN: 45.0}),
        "weight.water_and_sanitation": weight[:1],
        f"weight.{index}": weight[1:],
        "indicator_value.no_central_heating": pd.DataFrame(values).assign(edition=2024),
        "indicator": pd.DataFrame(
            {"indicator_id": ["no_central_heating"], "in_basis": [True], "direction": ["lower_is_better"]}
        ),
        "reference": pd.DataFrame(
            {
                "indicator_id": "no_central_heating",
                "statistic": list(QUANTILES),
                "value": [100 * s for s in QUANTILES.values()],
            }
        ),
        "edition": pd.DataFrame({"edition": [2024]}),
        "rank_interval": pd.DataFrame(interval).astype({"rank_low": "Int64", "rank_high": "Int64"}),
        "ward_standing": pd.DataFrame(
            {
                "id": [index, "water_and_sanitation", "safety"],
                "area_code": WARD,
                "england_percentile": [30.5, 70.25, 12.0],
            }
        ),
        AS_OF: date(2025, 6, 30),
        **(more or {}),
    }
    return joined(contracts, "score", tables)


def test_scores_of_all_elements_with_their_intervals(contracts: Contracts) -> None:
    interval = [
        intervals_of("water_and_sanitation", WARD, 1, 2),
        intervals_of("water_and_sanitation", OTHER, 2, 5),
        intervals_of("water_and_sanitation", TOWN, None, None),
        intervals_of("water_and_sanitation", WARD, 7, 9, profile="equal"),
        intervals_of("social_progress_index", WARD, 3, 4),
    ]
    table = scored(contracts, interval).set_index(["level", "area_code"])
    table = table.drop("indicator")
    assert len(table) == 5
    assert table["score"].to_dict() == {
        ("component", WARD): 60.0,
        ("component", OTHER): 50.0,
        ("component", TOWN): 55.0,
        ("index", WARD): 40.0,
        ("index", TOWN): 45.0,
    }
    wards = table.dropna(subset="rank_low")
    assert wards[["rank_low", "rank_high"]].astype(int).apply(tuple, axis=1).to_dict() == {
        ("component", WARD): (1, 2),
        ("component", OTHER): (2, 5),
        ("index", WARD): (3, 4),
    }
    assert table.loc[[("component", TOWN), ("index", TOWN)], "rank_high"].isna().all(), "an authority has no rank"
    town_intervals = table.loc[("component", TOWN), ["score_low", "measured_low", "measured_high", "score_high"]]
    assert town_intervals.tolist() == [30, 40, 70, 80], "but its score has intervals"


def test_a_score_states_the_age_of_its_figures(contracts: Contracts) -> None:
    table = scored(contracts, [intervals_of("water_and_sanitation", WARD, 1, 2)]).set_index(["level", "area_code"])
    dated = table.loc[("component", WARD)]
    assert (dated["newest_period"], dated["slots"], dated["slots_filled"]) == (date(2021, 3, 21), 1, 1)
    # The edition ends on the last day of 2024.
    assert dated["age_years"] == pytest.approx((date(2024, 12, 31) - date(2021, 3, 21)).days / 365.25)
    assert dated["recent_weight"] == 0
    estimated = table.loc[("component", OTHER)]
    assert (estimated["slots"], estimated["slots_filled"]) == (1, 0)
    assert pd.isna(estimated["newest_period"])
    assert pd.isna(estimated["age_years"])


def test_an_indicator_states_the_share_of_wards_in_england_that_do_worse(contracts: Contracts) -> None:
    table = scored(contracts, [intervals_of("water_and_sanitation", WARD, 1, 2)]).set_index(["level", "area_code"])
    # England's wards are spread evenly from 0 to 100 %, so four in five have more than 20 % of homes without heating.
    of_ward = table.loc[("indicator", WARD), "england_percentile"]
    assert of_ward == pytest.approx(80)
    assert table.loc[("indicator", TOWN), "england_percentile"] == pytest.approx(91)
    assert pd.isna(table.loc[("indicator", OTHER), "england_percentile"]), "an estimate has no percentile"


def test_components_and_the_index_take_the_standing_computed_for_england(contracts: Contracts) -> None:
    table = scored(contracts, [intervals_of("water_and_sanitation", WARD, 1, 2)]).set_index(["level", "area_code"])
    percentiles = table["england_percentile"].drop("indicator")
    assert percentiles.dropna().to_dict() == {("index", WARD): 30.5, ("component", WARD): 70.25}
    assert pd.isna(percentiles["index", TOWN]), "an authority has no standing among wards"


def test_other_editions_and_profiles_have_no_standing(contracts: Contracts) -> None:
    all_scores = [scores("component", "safety", **{WARD: 60.0}).assign(edition=year, profile=profile)
            for year in (2023, 2024) for profile in ("spi", "equal")]  # fmt: skip
    table = scored(contracts, [intervals_of("safety", WARD, 1, 2)], {"element_score.safety": pd.concat(all_scores)})
    percentiles = table[table["id"] == "safety"].set_index(["edition", "profile"])["england_percentile"]
    assert percentiles.dropna().to_dict() == {(2024, "spi"): 12.0}


def test_a_rank_with_two_intervals_is_refused(contracts: Contracts) -> None:
    with pytest.raises(pd.errors.MergeError):
        scored(
            contracts,
            [intervals_of("water_and_sanitation", WARD, 1, 2), intervals_of("water_and_sanitation", WARD, 1, 3)],
        )


def value(code: str, edition: int, status: str, figure: float | None) -> dict[str, Any]:
    day = pd.Timestamp(edition, 3, 21).date() if figure is not None else None
    return {
        "indicator_id": "no_central_heating", "area_code": code, "edition": edition,
        "period_start": day, "period_end": day,
        "value": figure, "lower": None, "upper": None, "numerator": None,
        "denominator": None if figure is None else 100.0, "status": status, "source_id": "census_central_heating",
        "raw_sha256": None,
    }  # fmt: skip


def imputed(code: str, edition: int, figure: float, profile: str = "spi") -> dict[str, Any]:
    return {"edition": edition, "profile": profile, "indicator_id": "no_central_heating", "area_code": code,
            "value": figure, "method": "regression", "donors": "safety"}  # fmt: skip


def observations(contracts: Contracts, values: list[dict[str, Any]], cells: list[dict[str, Any]]) -> pd.DataFrame:
    component = contracts.component_of["no_central_heating"]
    columns = list(imputed(WARD, 2024, 0.0))
    tables = {
        "indicator_value.no_central_heating": pd.DataFrame(values),
        f"imputation.{component}": pd.DataFrame(cells, columns=columns).astype({"value": float, "edition": "int64"}),
    }
    return joined(contracts, "observation", tables).set_index(["area_code", "edition"])


def test_a_withheld_cell_stays_withheld_although_the_score_uses_an_estimate(contracts: Contracts) -> None:
    table = observations(contracts, [value(WARD, 2024, "suppressed", None)], [imputed(WARD, 2024, 30.0)])
    assert table["status"].tolist() == ["suppressed"]
    assert table["value"].isna().all()


def test_an_imputed_cell_holds_its_value_and_status(contracts: Contracts) -> None:
    table = observations(
        contracts,
        [value(WARD, 2023, "observed", 20.0), value(WARD, 2024, "missing", None),
         value(OTHER, 2023, "missing", None), value(OTHER, 2024, "missing", None)],
        [imputed(WARD, 2024, 30.0), imputed(OTHER, 2023, 40.0), imputed(OTHER, 2024, 50.0, profile="equal")],
    )  # fmt: skip
    assert table[["status", "value"]].astype(object).where(table[["status", "value"]].notna(), None).apply(
        tuple, axis=1
    ).to_dict() == {
        (WARD, 2023): ("observed", 20.0),
        (WARD, 2024): ("imputed", 30.0),
        (OTHER, 2023): ("imputed", 40.0),
        (OTHER, 2024): ("missing", None),
    }
    cell = table.loc[(WARD, 2024)]
    assert cell[["period_start", "period_end", "lower", "upper", "denominator"]].isna().all()


def test_an_imputed_value_never_replaces_an_existing_one(contracts: Contracts) -> None:
    table = observations(contracts, [value(WARD, 2024, "carried", 20.0)], [imputed(WARD, 2024, 30.0)])
    assert table.loc[(WARD, 2024), ["status", "value"]].tolist() == ["carried", 20.0]


def test_without_imputed_cells_values_are_unchanged(contracts: Contracts) -> None:
    table = observations(contracts, [value(WARD, 2024, "observed", 20.0), value(OTHER, 2024, "missing", None)], [])
    assert table["status"].tolist() == ["observed", "missing"]


def test_a_cell_imputed_twice_is_refused(contracts: Contracts) -> None:
    with pytest.raises(pd.errors.MergeError):
        observations(contracts, [value(WARD, 2024, "missing", None)], [imputed(WARD, 2024, 1.0)] * 2)
