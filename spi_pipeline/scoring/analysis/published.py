"""Findings that others published about the wards, compared with the finished index, which does not read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.published_findings import Claim, Finding

PUBLISHED_COLUMNS = [
    "finding_id", "claim", "authority_code", "edition", "publisher", "published", "url", "says", "id", "end", "wards",
    "among", "verdict", "within_range", "actual_wards", "ranks", "because", "warning",
]  # fmt: skip


def published_findings(findings: Sequence[Finding], scores: pd.DataFrame, geography: Geography) -> pd.DataFrame:
    """Compare published findings with our figures.

    Args:
        findings: the findings; those about other authorities are skipped.
        scores: ``edition, id, area_code, score, rank, rank_low, rank_high`` of one profile and one edition.
        geography: the wards.

    Returns:
        The columns of the product ``published_finding``, one row per claim.
    """
    names = {ward.code: ward.name for ward in geography.wards}
    rows: list[dict[str, Any]] = []
    for finding in findings:
        ours = {ward.code for ward in geography.wards if ward.authority == finding.authority}
        own = scores[scores["area_code"].isin(ours) & scores["score"].notna()].assign(
            name=scores["area_code"].map(names)
        )
        for number, claim in enumerate(finding.claims, 1) if ours else ():
            statement = {
                "finding_id": finding.id, "claim": number, "authority_code": finding.authority,
                "edition": scores["edition"].iloc[0], "publisher": finding.publisher, "published": finding.published,
                "url": finding.url, "says": finding.says, "id": claim.element, "end": claim.end,
                "wards": ", ".join(names[code] for code in claim.wards), "among": claim.count, "because": claim.because,
            }  # fmt: skip
            rows.append(statement | _verdict(finding.id, number, claim, own[own["id"] == claim.element]))
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _verdict(finding: str, number: int, claim: Claim, own: pd.DataFrame) -> dict[str, Any]:
    """Whether the wards of a claim rank as claimed, and how they rank.

    A ward is among the three lowest if fewer than three wards score lower, so tied wards all count.
    """
    if not set(claim.wards) <= set(own["area_code"]):
        return {"verdict": "not_compared", "within_range": None, "actual_wards": None, "ranks": None, "warning": None}
    by_code = own.set_index("area_code").sort_values("score", ascending=claim.end == "lowest", kind="stable")
    beyond = by_code["score"].rank(method="min", ascending=claim.end == "lowest") - 1
    agrees = bool((beyond[claim.wards] < claim.count).all())
    names = ", ".join(by_code["name"][beyond < claim.count])
    named = by_code.loc[claim.wards]
    ranks = ", ".join(map(_rank, named.to_dict("records")))
    reached = (
        named["rank_high"] > len(by_code) - claim.count if claim.end == "lowest" else named["rank_low"] <= claim.count
    )
    known = named[["rank_low", "rank_high"]].notna().all(axis=None)
    label, warning = f"{finding}, claim {number}", None
    if agrees and claim.because:
        warning = f"{label}: our figures agree, so its because is not needed; remove it from published_findings.yaml"
    if not agrees and not claim.because:
        warning = (
            f"{label}: our figures differ, with {names} {claim.end} in {claim.element} ({ranks}); give the reason "
            "under because in published_findings.yaml"
        )
    verdict = "agrees" if agrees else "differs"
    within_range = bool(reached.all()) if known else None
    ranks_in_words = f"{ranks}, of {len(by_code)}"
    return {
        "verdict": verdict,
        "within_range": within_range,
        "actual_wards": names,
        "ranks": ranks_in_words,
        "warning": warning,
    }


def _rank(ward: Mapping[Any, Any]) -> str:
    """A ward's rank with the ends of its likely range, where it has one."""
    low, high = ward["rank_low"], ward["rank_high"]
    likely = "" if pd.isna(low) or pd.isna(high) else f" ({low:.0f} to {high:.0f})"
    return f"{ward['name']} {ward['rank']:.0f}{likely}"
