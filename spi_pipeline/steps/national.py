"""The tables that are not computed for all wards of England together, and the reason for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.step import Step, empty

_BY_PAIRS = "Wards are compared in pairs, and with findings about one council."
# Each grows with the square of the number of wards or answers a question of one council; the tables stay, empty.
LEFT_OUT = {
    "scorecard": "Peers are wards of one council; similar_ward names the wards of England that are most alike.",
    "what_would_it_take": "What a ward would need to climb is computed within its council.",
    "sensitivity": "What drives the uncertainty is computed for the wards of one council.",
    "comparison": _BY_PAIRS,
    "opposed": _BY_PAIRS,
    "constant": _BY_PAIRS,
    "redundant": _BY_PAIRS,
    "neighbours": _BY_PAIRS,
    "published_finding": "The findings are about one council.",
    "residual": "A line through the wards of one council shows what income suggests there.",
    "release_change": "Releases are made for one council.",
    "decade": "Figures of the earlier census are embedded for one council only.",
}


def of_england(step: Step) -> Step:
    """The step as it runs when the wards of all England are compared with each other."""
    if step.name not in LEFT_OUT:
        return step
    # Its page would describe rows.
    return replace(step, does=left_out, inputs=(), page=Page(), lineage={})


def left_out(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """Empty tables, with the reason."""
    return {name: empty(contracts.products[name.split(".")[0]], LEFT_OUT[step.name]) for name in step.outputs}
