"""Sanity checks of the scores, their findings, and findings explained in the contract."""

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


def sanity_contract(**explained: Any) -> Sanity:
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


def unexplained(kind: Any, check: Check, rows: pd.DataFrame, contract: Sanity | None = None) -> list[str]:
    table = run_check(kind, check, rows, contract or sanity_contract(), AUTHORITY)
    assert list(table.columns) == SANITY_COLUMNS
    assert (table["unexplained"].notna() == (table["finding"] & table["reason"].isna())).all()
    return table["unexplained"].dropna().tolist()


def test_the_index_is_compared_in_sign_and_size_and_its_components_in_sign() -> None:
    values = pd.DataFrame({"income": UP, "poverty": [3, 1, 2, 3, 1, 2]}, WARDS)
    check = sanity.comparison(sanity_contract(), values, LEVEL_OF)
    table = run_check("comparison", check, scores(index=UP, housing=DOWN), sanity_contract(), AUTHORITY).set_index(
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


def test_opposed_redundant_and_constant_indicators_are_found() -> None:
    rows = scores(rent=UP, damp=[11, 19, 31, 39, 52, 60], noise=DOWN, flat=[50, 50, 51, 50, 50, 50])
    assert unexplained("opposed", sanity.opposed(sanity_contract(), COMPONENT_OF), rows) == [
        "noise moves against housing, with a correlation of -1.00 (2024)"
    ]
    assert unexplained("redundant", sanity.redundant(sanity_contract(), COMPONENT_OF), rows) == [
        "damp says the same as rent, with a correlation of 1.00 (2024)"
    ]
    assert unexplained("constant", sanity.constant(sanity_contract(), COMPONENT_OF), rows) == [
        "flat hardly varies, with a standard deviation of 0.4 points (2024)"
    ]


def test_wards_far_from_their_neighbours_are_found_if_boundaries_exist() -> None:
    names = pd.Series(list("ABCDEF"), WARDS)
    pairs = [(one, other) for one in WARDS for other in WARDS if one != other]
    rows = scores(index=[50, 51, 52, 50, 51, 10])
    assert unexplained("neighbours", sanity.neighbours(sanity_contract(), pairs, LEVEL_OF, names), rows) == [
        "F stands -2.0 standard deviations from its neighbours in index (2024)"
    ]
    assert run_check(
        "neighbours", sanity.neighbours(sanity_contract(), [], LEVEL_OF, names), rows, sanity_contract(), AUTHORITY
    ).empty


@pytest.mark.parametrize(
    ("explained", "remaining"),
    [
        ({"kind": "opposed", "id": "noise"}, 0),
        ({"kind": "opposed", "id": "noise", "other_id": "housing", "authority": HERE}, 0),
        ({"kind": "opposed", "id": "noise", "other_id": "health"}, 1),
        ({"kind": "opposed", "id": "noise", "authority": THERE}, 1),
        ({"kind": "redundant", "id": "noise"}, 1),
    ],
    ids=["anywhere", "here", "another component", "another authority", "another kind"],
)
def test_an_explained_finding_is_kept_but_not_reported(explained: dict[str, str], remaining: int) -> None:
    rows = scores(rent=UP, damp=UP, noise=DOWN)
    contract = sanity_contract(**explained, reason="It was looked into.")
    check = sanity.opposed(contract, COMPONENT_OF)
    assert len(unexplained("opposed", check, rows, contract)) == remaining
    table = run_check("opposed", check, rows, contract, AUTHORITY)
    assert table["finding"].sum() == 1
    assert table["reason"].notna().sum() == 1 - remaining


def test_each_authority_and_edition_is_checked_separately_under_one_profile() -> None:
    years = [scores(2023, rent=UP, damp=UP), scores(2024, rent=UP, damp=DOWN)]
    rows = pd.concat([*years, scores(profile="equal", rent=UP, damp=DOWN)])
    table = run_check("opposed", sanity.opposed(sanity_contract(), COMPONENT_OF), rows, sanity_contract(), AUTHORITY)
    assert table[["edition", "id", "finding"]].to_numpy().tolist() == [
        [2023, "damp", False], [2023, "rent", False], [2024, "damp", True], [2024, "rent", True],
    ]  # fmt: skip
    halves = pd.Series([HERE] * 3 + [THERE] * 3, WARDS)
    few = run_check("opposed", sanity.opposed(sanity_contract(), COMPONENT_OF), rows, sanity_contract(), halves)
    assert few.empty, "three wards are too few for a correlation"
