"""How far every area is from the council's targets; only the publication reads this."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.step import Step, products

NAME = "target"


def target_step(contracts: Contracts) -> Step:
    """The step of the product ``target``; without targets it writes an empty table."""
    indicators = dict.fromkeys(target.indicator for target in contracts.targets.targets)
    values = tuple(part_of(name) for name in indicators)
    files = dict.fromkeys(f"indicators/{contracts.component_of[name]}.yaml" for name in indicators)
    return Step(
        name=NAME,
        kind=NAME,
        group="analysis",
        inputs=("area", *values),
        outputs=(NAME,),
        files=("targets.yaml", *files, *products(NAME)),
        does=distances,
        page=Page(shows=_verdicts),
        title="Distance to the council's targets",
        description="How far every area is from each target in targets.yaml, and whether its pace would reach it in "
        "time.",
        lineage={"distance": tuple((name, "value") for name in values)},
    )


def distances(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``target``."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.targets import targets_of

    area, targets = inputs.frame("area"), contracts.targets.targets
    authorities = area["parent_code"].fillna(area["area_code"])
    better = {one.indicator: contracts.indicators[one.indicator].direction == "higher_is_better" for one in targets}
    columns = ["indicator_id", "area_code", "period_start", "period_end", "value", "lower", "upper", "status"]
    values = inputs.parts("indicator_value")[columns] if targets else pd.DataFrame(columns=columns)
    return {NAME: targets_of(targets, values, dict(zip(area["area_code"], authorities, strict=True)), better)}


def _verdicts(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """Each target of each authority."""
    table = data.frame(NAME)
    authorities = {authority.code for authority in contracts.geography.authorities}
    rows = table[table["area_code"].isin(authorities)]
    if rows.empty:
        return {"targets": "none: targets.yaml lists none"}
    return {"targets": Markdown(framed(rows[["target_id", "value", "target_value", "year", "pace", "verdict"]]))}
