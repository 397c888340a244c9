"""The tables that readers see, joined from what the steps before them wrote, and judged as readers see them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.scored import SCORE
from spi_pipeline.steps.step import Step, all_elements, products


def joined_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``observation`` and ``score``."""
    values = tuple(part_of(indicator_id) for indicator_id in contracts.indicators)
    imputed = tuple(f"imputation.{component}" for component in contracts.framework.components)
    scores = tuple(f"{SCORE}{name}" for name in all_elements(contracts))
    return [
        Step(
            name="observation",
            kind="joined",
            group="published",
            inputs=(*values, *imputed),
            outputs=("observation",),
            files=products("observation"),
            does=observation,
            page=Page(),
            title="Observations as readers see them",
            description="The value of every indicator for every ward and edition, cells that profile spi filled in "
            "marked as imputed.",
            lineage={"value": tuple((name, "value") for name in (*values, *imputed))},
        ),
        Step(
            name="score",
            kind="joined",
            group="published",
            inputs=(*scores, "rank_interval"),
            outputs=("score",),
            files=products("score"),
            does=score,
            page=Page(),
            title="Scores as readers see them",
            description="Scores and ranks of every ward at every level, edition and profile, ranks with their "
            "intervals.",
            lineage={
                "score": tuple((name, "score") for name in scores),
                "rank_low": (("rank_interval", "rank_low"),),
                "rank_high": (("rank_interval", "rank_high"),),
            },
        ),
    ]


def observation(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """What the indicators wrote; a cell that profile ``spi`` filled in holds that value and is marked ``imputed``."""
    frame, cells = inputs.parts("indicator_value"), inputs.parts("imputation")
    key = ["indicator_id", "area_code", "edition"]
    cells = cells.loc[cells["profile"] == "spi", [*key, "value"]]
    joined = frame.merge(cells, on=key, how="left", suffixes=("", "_imputed"), validate="1:1")
    filled = joined["value"].isna() & joined["value_imputed"].notna()
    joined["value"] = joined["value"].where(~filled, joined["value_imputed"])
    joined["status"] = joined["status"].where(~filled, "imputed")
    return {"observation": joined[frame.columns.tolist()]}


def score(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """What the elements wrote; ranks with the ends of their intervals, where there are any."""
    key = ["edition", "profile", "level", "id", "area_code"]
    ends = inputs.frame("rank_interval")[[*key, "rank_low", "rank_high"]]
    return {"score": inputs.parts("element_score").merge(ends, on=key, how="left", validate="1:1")}
