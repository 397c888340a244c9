"""How far scores moved from one edition to the next, and what moved them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.scoring.change import changes
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Facts, Page, rests_on
from spi_pipeline.steps.scored import SCORE
from spi_pipeline.steps.step import Step, all_elements, products


def change_step(contracts: Contracts) -> Step:
    """The step of the product ``change``."""
    values = [part_of(indicator_id) for indicator_id in contracts.indicators]
    elements = [f"{table}.{name}" for name in all_elements(contracts) for table in ("element_score", "weight")]
    read: Sequence[str] = [*values, *elements]
    return Step(
        name="change",
        kind="change",
        group="analysis",
        inputs=(*read, "indicator"),
        outputs=("change",),
        files=("framework.yaml", *products("change")),
        does=change,
        page=Page(about=_about),
        title="Change between editions",
        description="What moved every score from one edition to the next: figures of a newer period, estimates made "
        "anew, or figures that entered, expired or were replaced.",
        lineage={"change": tuple((name, "score") for name in elements if name.startswith(SCORE))},
    )


def change(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``change``."""
    catalogued = inputs.frame("indicator")
    relative = set(catalogued.loc[catalogued["relative"], "indicator_id"])
    scores, weights, observed = (inputs.parts(name) for name in ("element_score", "weight", "indicator_value"))
    return {"change": changes(scores, weights, observed, relative, contracts.framework)}


def _about(step: Step, contracts: Contracts) -> Facts:
    sources = list(dict.fromkeys(name for item in contracts.active for name in contracts.sources_of(item)))
    return {"unit": "points", **rests_on(sources, contracts)}
