"""Invented statements about invented wards, each compared with known figures."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.models.geography import Authority, Geography, Ward
from spi_pipeline.contracts.models.published_findings import Finding
from spi_pipeline.scoring.analysis.published import PUBLISHED_COLUMNS, published_findings

HERE, THERE = "E06900001", "E06900002"
NAMES = ["Ash", "Birch", "Cedar", "Damson", "Elm"]
WARDS = {name: f"E0590000{number}" for number, name in enumerate(NAMES)}
ELSEWHERE = "E05900009"
SCORES = [10.0, 30, 20, 30, 50]


def geography() -> Geography:
    wards = [Ward(code=code, name=name, authority=HERE) for name, code in WARDS.items()]
    return Geography.model_construct(
        wards=[*wards, Ward(code=ELSEWHERE, name="Far", authority=THERE)],
        authorities=[Authority.model_construct(code=code) for code in (HERE, THERE)],
    )


def scores() -> pd.DataFrame:
    """Ash scores lowest for health and Elm highest; Far, in another authority, has more extreme scores."""
    frame = pd.DataFrame({"area_code": [*WARDS.values()], "id": "health", "score": SCORES, "edition": 2026})
    frame["rank"] = frame["score"].rank(ascending=False, method="min")
    frame["rank_low"], frame["rank_high"] = frame["rank"] - 1, frame["rank"] + 1
    far = [(ELSEWHERE, "health", 1.0, 2026, 1.0, None, None), (ELSEWHERE, "index", 99.0, 2026, 1.0, None, None)]
    gap = [(WARDS["Ash"], "index", None, 2026, None, None, None), (WARDS["Elm"], "index", 7.0, 2026, 1.0, None, None)]
    return pd.concat([frame, pd.DataFrame([*far, *gap], columns=frame.columns)], ignore_index=True)


def finding(wards: list[str], authority: str = HERE, **claim: Any) -> Finding:
    stated = {"element": "health", "end": "lowest", "wards": [WARDS[name] for name in wards]} | claim
    return Finding(
        id="others", authority=authority, publisher="Others", url="https://example.org/a", published="unknown",
        says="Some wards are worse.", claims=[stated],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wards", "claim", "verdict", "actual_wards"),
    [
        (["Ash"], {}, "agrees", "Ash"),
        (["Cedar"], {}, "differs", "Ash"),
        (["Cedar", "Ash"], {}, "agrees", "Ash, Cedar"),
        (["Cedar"], {"among": 2}, "agrees", "Ash, Cedar"),
        (["Ash", "Elm"], {}, "differs", "Ash, Cedar"),
        # Birch and Damson tie, so both are among the three lowest.
        (["Birch"], {"among": 3}, "agrees", "Ash, Cedar, Birch, Damson"),
        (["Damson"], {"among": 3}, "agrees", "Ash, Cedar, Birch, Damson"),
        (["Birch"], {"among": 2}, "differs", "Ash, Cedar"),
        (["Elm"], {"end": "highest"}, "agrees", "Elm"),
        (["Damson", "Elm"], {"end": "highest"}, "agrees", "Elm, Birch, Damson"),
        (["Ash"], {"end": "highest", "among": 4}, "differs", "Elm, Birch, Damson, Cedar"),
        (["Ash"], {"element": "index"}, "not_compared", None),
        (["Ash"], {"element": "not_scored_here"}, "not_compared", None),
    ],
)
def test_a_claim_is_compared_with_the_wards_of_its_authority(
    wards: list[str], claim: dict[str, Any], verdict: str, actual_wards: str | None
) -> None:
    (row,) = published_findings([finding(wards, **claim)], scores(), geography()).to_dict("records")
    assert list(row) == PUBLISHED_COLUMNS
    assert (row["verdict"], row["actual_wards"]) == (verdict, actual_wards)
    assert (row["edition"], row["among"]) == (2026, claim.get("among", len(wards)))
    assert (row["warning"] is None) == (verdict != "differs")


def test_our_own_rank_is_reported_with_its_likely_range() -> None:
    (row,) = published_findings([finding(["Cedar", "Birch"])], scores(), geography()).to_dict("records")
    assert row["wards"] == "Cedar, Birch"
    assert row["within_range"] is False, "Birch is fourth of five from below, and its likely range ends at third"
    assert row["ranks"] == "Cedar 4 (3 to 5), Birch 2 (1 to 3), of 5"
    assert row["warning"] == (
        "others, claim 1: our figures differ, with Ash, Cedar lowest in health (Cedar 4 (3 to 5), Birch 2 (1 to 3)); "
        "give the reason under because in published_findings.yaml"
    )


@pytest.mark.parametrize(
    ("wards", "claim", "within"),
    [
        (["Cedar"], {}, True),  # 4 (3 to 5)
        (["Birch"], {}, False),  # 2 (1 to 3)
        (["Cedar", "Birch"], {"among": 3}, True),
        (["Birch"], {"end": "highest"}, True),
        (["Ash"], {"end": "highest", "among": 3}, False),  # 5 (4 to 6)
        (["Ash"], {"element": "index"}, None),
        (["Elm"], {"element": "index", "end": "highest"}, None),  # without a range
    ],
)
def test_a_claim_may_lie_within_the_likely_ranges_of_our_ranks(
    wards: list[str], claim: dict[str, Any], within: bool | None
) -> None:
    (row,) = published_findings([finding(wards, **claim)], scores(), geography()).to_dict("records")
    assert row["within_range"] is within


def test_a_differing_claim_needs_a_reason_and_an_agreeing_one_needs_none() -> None:
    differs = published_findings([finding(["Elm"], because="They count dogs.")], scores(), geography())
    assert differs[["verdict", "because", "warning"]].iloc[0].tolist() == ["differs", "They count dogs.", None]
    agrees = published_findings([finding(["Ash"], because="They count dogs.")], scores(), geography())
    assert agrees["warning"].tolist() == [
        "others, claim 1: our figures agree, so its because is not needed; remove it from published_findings.yaml"
    ]
    not_compared = published_findings(
        [finding(["Ash"], element="index", because="They count dogs.")], scores(), geography()
    )
    assert not_compared["warning"].tolist() == [None], (
        "a claim that cannot be compared needs no reason, but may have one"
    )


def test_claims_about_the_wards_of_other_authorities_are_ignored() -> None:
    elsewhere = finding(["Ash"], authority="E06900003")
    assert published_findings([elsewhere], scores(), geography()).empty
    table = published_findings([], scores(), geography())
    assert table.empty
    assert list(table.columns) == PUBLISHED_COLUMNS
