"""What is not computed where the wards of all England are judged together, and why: said once, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.step import Step, empty

_BY_PAIRS = "Wards are compared by pairs, and by the findings about one council."
# Each would cost as the square of the wards, or answers a question of one council; the tables stay, without rows.
LEFT_OUT = {
    "scorecard": "Peers are wards of one council; ward_standing names the wards of England that are most alike.",
    "what_would_it_take": "What a ward would need to climb is asked within its council.",
    "sensitivity": "What drives the doubt is computed for the wards of one council.",
    "comparison": _BY_PAIRS,
    "opposed": _BY_PAIRS,
    "constant": _BY_PAIRS,
    "redundant": _BY_PAIRS,
    "neighbours": _BY_PAIRS,
    "published_finding": "The findings are about one council.",
    "residual": "A line through the wards of one council says what its income suggests.",
    "release_change": "Releases are made for one council.",
    "decade": "Counts of the earlier census are embedded for one council.",
}


def of_england(step: Step) -> Step:
    """The step as it is where the wards of all England are judged together."""
    if step.name not in LEFT_OUT:
        return step
    # Its page would tell of rows.
    return replace(step, does=left_out, inputs=(), page=Page(), lineage={})


def left_out(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """No rows, and why."""
    return {name: empty(contracts.products[name.split(".")[0]], LEFT_OUT[step.name]) for name in step.outputs}
