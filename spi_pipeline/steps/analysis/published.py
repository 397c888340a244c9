"""Findings that others published about these wards, compared with our figures; only the publication reads this."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.scoring.analysis.published import published_findings
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.scored import SCORE
from spi_pipeline.steps.step import Step, all_elements, products


def published_step(contracts: Contracts) -> Step:
    """The step of the product ``published_finding``."""
    scores = tuple(f"{SCORE}{name}" for name in all_elements(contracts))
    return Step(
        name="published_finding",
        kind="published_finding",
        group="analysis",
        inputs=(*scores, "rank_interval"),
        outputs=("published_finding",),
        files=("published_findings.yaml", "framework.yaml", *products("published_finding")),
        does=published,
        page=Page(shows=_verdicts),
        title="What others published",
        description="Statements that others published about these wards, and whether the newest edition agrees with "
        "them.",
        lineage={
            "ranks": (
                *((name, "rank") for name in scores),
                ("rank_interval", "rank_low"),
                ("rank_interval", "rank_high"),
            )
        },
    )


def published(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``published_finding``: of the newest edition, under the first profile."""
    scores, profile = inputs.parts("element_score"), next(iter(contracts.framework.profiles))
    newest = scores[(scores["profile"] == profile) & (scores["edition"] == scores["edition"].max())]
    key = ["edition", "profile", "id", "area_code"]
    ends = inputs.frame("rank_interval")[[*key, "rank_low", "rank_high"]]
    newest = newest.merge(ends, on=key, how="left", validate="1:1")
    return {"published_finding": published_findings(contracts.published.findings, newest, contracts.geography)}


def _verdicts(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """Each claim with the verdict of our figures on it."""
    table = data.frame("published_finding")
    rows = table[["finding_id", "claim", "id", "end", "wards", "verdict", "within_range", "actual_wards", "ranks"]]
    facts: dict[str, str] = {"claims": Markdown(framed(rows))}
    return facts | {
        f"{finding.id} says": f"{finding.says} ({finding.publisher}, {finding.published})"
        for finding in contracts.published.findings
        if finding.id in set(table["finding_id"])
    }
