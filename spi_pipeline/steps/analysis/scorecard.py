"""Strengths and weaknesses of every ward against its peers, which are chosen by a measure of the context."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.scoring.analysis.scorecard import scorecards
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.scored import SCORE, areas
from spi_pipeline.steps.step import Step, all_elements, products


def scorecard_step(contracts: Contracts) -> Step:
    """The step of the product ``scorecard``."""
    scores = tuple(f"{SCORE}{name}" for name in all_elements(contracts))
    return Step(
        name="scorecard",
        kind="scorecard",
        group="analysis",
        inputs=(*scores, "context"),
        outputs=("scorecard",),
        files=("context.yaml", *products("scorecard")),
        does=scorecard,
        page=Page(shows=_verdicts),
        title="Strengths and weaknesses",
        description="Every ward compared with the wards of its authority that are nearest to it in income after "
        "housing costs.",
        lineage={"difference": tuple((name, "score") for name in scores), "peers": (("context", "value"),)},
    )


def scorecard(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``scorecard``."""
    scores, context = inputs.parts("element_score"), inputs.frame("context")
    return {"scorecard": scorecards(scores, context, contracts.peers, areas(contracts))}


def _verdicts(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The number of strong and weak wards in each component of the newest edition, under the first profile."""
    cards = data.frame("scorecard")
    profile = next(iter(contracts.framework.profiles))
    own = cards[(cards["profile"] == profile) & (cards["edition"] == cards["edition"].max())]
    own = own[own["level"] == "component"]
    counts = pd.crosstab(own["id"], own["verdict"]).rename_axis(columns=None).reset_index()
    return {"verdicts": Markdown(framed(counts))}
