"""Which calendar years are published."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.scoring.editions import edition_table, filled_slots, slots
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import AS_OF, DORMANT, Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.scored import areas
from spi_pipeline.steps.step import Step, indicator_files, products


def edition_step(contracts: Contracts) -> Step:
    """The step of the product ``edition``."""
    # All of them, since one without a source is looked at too: it fills no slot.
    observations = tuple(part_of(indicator_id) for indicator_id in contracts.indicators)
    return Step(
        name="edition",
        kind="edition",
        group="editions",
        inputs=(*observations, AS_OF, DORMANT),
        outputs=("edition",),
        files=(*indicator_files(contracts), "framework.yaml", *products("edition")),
        does=editions,
        page=Page(),
        title="Published editions",
        description="The calendar years in which enough slots hold a value and every component is present.",
        lineage={"indicators": tuple((part_of(item.id), "status") for item in contracts.active)},
    )


def editions(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``edition``."""
    table = pd.concat([inputs.frame(part_of(item.id)) for item in contracts.active], ignore_index=True)
    filled = filled_slots(table, slots(contracts.active), areas(contracts), contracts.framework.publication.areas)
    return {"edition": edition_table(filled, contracts.component_of, contracts.framework, inputs.as_of)}
