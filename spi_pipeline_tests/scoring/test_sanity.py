from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.contracts.models.sanity import Sanity
from spi_pipeline.scoring.analysis import sanity
from spi_pipeline.scoring.analysis.sanity import SANITY_COLUMNS, Check, run_check

WARDS = [f"E0500000{number}" for number in range(6)]
HERE, THERE = "E06000001", "E06000002"
AUTHORITY = pd.Series(HERE, WARDS)
COMPONENT_OF = {"rent": "housing", "damp": "housing", "noise": "housing", "flat": "health"}
LEVEL_OF = {"index": "index", "housing": "component"}
UP, DOWN = [10, 20, 30, 40, 50, 60], [60, 50, 40, 30, 20, 11]


def asked(**explained: Any) -> Sanity:
    return Sanity(
        profile="spi",
        compare=[
            {"measure": "income", "sign": "positive", "least": {"index": 0.5, "below": 0}},
            {"measure": "poverty", "sign": "negative", "least": {"index": 0.5, "below": 0}},
            {"measure": "not_at_hand", "sign": "positive", "least": {"index": 0.5, "below": 0}},
        ],
        opposed=0,
        constant=2,
        redundant=0.95,
        neighbours={"index": 1.5, "below": 3},
        explained=[explained] if explained else [],
    )


def scores(edition: int = 2024, profile: str = "spi", **figures: list[float]) -> pd.DataFrame:
    rows = [
        (edition, profile, name, ward, value)
        for name, values in figures.items()
        for ward, value in zip(WARDS, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["edition", "profile", "id", "area_code", "score"])


def told(kind: Any, found: Check, rows: pd.DataFrame, wanted: Sanity | None = None) -> list[str]:
    table = run_check(kind, found, rows, wanted or asked(), AUTHORITY)
    assert list(table.columns) == SANITY_COLUMNS
    assert (table["unexplained"].notna() == (table["finding"] & table["reason"].isna())).all()
    return table["unexplained"].dropna().tolist()


def test_the_index_is_compared_in_sign_and_size_and_what_is_below_it_in_sign() -> None:
    values = pd.DataFrame({"income": UP, "poverty": [3, 1, 2, 3, 1, 2]}, WARDS)
    found = sanity.comparison(asked(), values, LEVEL_OF)
    table = run_check("comparison", found, scores(index=UP, housing=DOWN), asked(), AUTHORITY).set_index(
        ["id", "other_id"]
    )
    assert table["value"].to_dict() == pytest.approx(
        {
            ("index", "income"): 1,
            ("housing", "income"): np.corrcoef(DOWN, UP)[0, 1],
            ("index", "poverty"): np.corrcoef(UP, values["poverty"])[0, 1],
            ("housing", "poverty"): np.corrcoef(DOWN, values["poverty"])[0, 1],
        }
    )
    assert table["threshold"].to_dict()[("index", "poverty")] == -0.5
    assert table["unexplained"].dropna().to_dict() == {
        ("housing", "income"): "housing correlates with income at -1.00 (2024)",
        ("index", "poverty"): "index correlates with poverty at -0.24 (2024)",
        ("housing", "poverty"): "housing correlates with poverty at 0.24 (2024)",
    }


def test_indicators_against_their_component_alike_and_without_variation() -> None:
    rows = scores(rent=UP, damp=[11, 19, 31, 39, 52, 60], noise=DOWN, flat=[50, 50, 51, 50, 50, 50])
    assert told("opposed", sanity.opposed(asked(), COMPONENT_OF), rows) == [
        "noise moves against housing, with a correlation of -1.00 (2024)"
    ]
    assert told("redundant", sanity.redundant(asked(), COMPONENT_OF), rows) == [
        "damp says the same as rent, with a correlation of 1.00 (2024)"
    ]
    assert told("constant", sanity.constant(asked(), COMPONENT_OF), rows) == [
        "flat hardly varies, with a standard deviation of 0.4 points (2024)"
    ]


def test_wards_far_from_their_neighbours_and_none_without_boundaries() -> None:
    names = pd.Series(list("ABCDEF"), WARDS)
    pairs = [(one, other) for one in WARDS for other in WARDS if one != other]
    rows = scores(index=[50, 51, 52, 50, 51, 10])
    assert told("neighbours", sanity.neighbours(asked(), pairs, LEVEL_OF, names), rows) == [
        "F stands -2.0 standard deviations from its neighbours in index (2024)"
    ]
    assert run_check("neighbours", sanity.neighbours(asked(), [], LEVEL_OF, names), rows, asked(), AUTHORITY).empty


@pytest.mark.parametrize(
    ("explained", "left"),
    [
        ({"kind": "opposed", "id": "noise"}, 0),
        ({"kind": "opposed", "id": "noise", "other_id": "housing", "authority": HERE}, 0),
        ({"kind": "opposed", "id": "noise", "other_id": "health"}, 1),
        ({"kind": "opposed", "id": "noise", "authority": THERE}, 1),
        ({"kind": "redundant", "id": "noise"}, 1),
    ],
    ids=["anywhere", "here", "another component", "another authority", "another kind"],
)
def test_a_finding_with_a_reason_is_kept_and_not_told_again(explained: dict[str, str], left: int) -> None:
    rows = scores(rent=UP, damp=UP, noise=DOWN)
    wanted = asked(**explained, reason="It was looked into.")
    found = sanity.opposed(wanted, COMPONENT_OF)
    assert len(told("opposed", found, rows, wanted)) == left
    table = run_check("opposed", found, rows, wanted, AUTHORITY)
    assert table["finding"].sum() == 1
    assert table["reason"].notna().sum() == 1 - left


def test_each_authority_and_edition_is_looked_at_by_itself_and_other_profiles_not_at_all() -> None:
    years = [scores(2023, rent=UP, damp=UP), scores(2024, rent=UP, damp=DOWN)]
    rows = pd.concat([*years, scores(profile="equal", rent=UP, damp=DOWN)])
    table = run_check("opposed", sanity.opposed(asked(), COMPONENT_OF), rows, asked(), AUTHORITY)
    assert table[["edition", "id", "finding"]].to_numpy().tolist() == [
        [2023, "damp", False], [2023, "rent", False], [2024, "damp", True], [2024, "rent", True],
    ]  # fmt: skip
    halves = pd.Series([HERE] * 3 + [THERE] * 3, WARDS)
    few = run_check("opposed", sanity.opposed(asked(), COMPONENT_OF), rows, asked(), halves)
    assert few.empty, "three wards say nothing of how two figures go together"
