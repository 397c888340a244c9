"""The standing of each ward among the wards of England, and the wards that are most like it.

Both are computed once, for all wards of England together, and the results are embedded; a council reads its own rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import OF_ENGLAND, SIMILAR, STANDING
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.scored import SCORE, trees_of
from spi_pipeline.steps.step import Step, all_elements, products


def standing_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``ward_standing`` and ``similar_ward``."""
    national = contracts.geography.national
    # For a council they are context: they were not computed from its index.
    group = "analysis" if national else "context"
    scores = tuple(f"{SCORE}{name}" for name in all_elements(contracts))
    return [
        Step(
            name="ward_standing",
            kind="standing",
            group=group,
            inputs=(*scores, "rank_interval", "indicator", "reference") if national else (STANDING,),
            outputs=("ward_standing",),
            files=("framework.yaml", *products("ward_standing")),
            does=ward_standing if national else of_own,
            page=Page(),
            title="Wards among the wards of England",
            description="Score, rank with likely range and tenth of each ward among all wards of England, on the "
            "slots that have figures for all of them. These are not the slots of a council's own index.",
            lineage={
                column: tuple((name, "score") for name in scores) if national else ((STANDING, column),)
                for column in ("score", "england_percentile")
            },
        ),
        Step(
            name="similar_ward",
            kind="standing",
            group=group,
            inputs=("context", "wards", "authority_lookup") if national else (SIMILAR,),
            outputs=("similar_ward",),
            files=("context.yaml", *products("similar_ward")),
            does=similar_ward if national else of_own,
            page=Page(),
            title="Most similar wards",
            description="The wards anywhere in England that are most like each ward in who lives there and how, "
            "whatever their scores.",
            lineage={"distance": (("context", "value"),) if national else ((SIMILAR, "distance"),)},
        ),
    ]


def ward_standing(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``ward_standing``, for the newest edition under the first profile."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.analysis.standing import standings

    profile = next(iter(contracts.framework.profiles))
    scores, intervals = inputs.parts("element_score"), inputs.frame("rank_interval")
    edition = scores["edition"].max()
    own, ends = (rows[(rows["profile"] == profile) & (rows["edition"] == edition)] for rows in (scores, intervals))
    tree = trees_of(contracts, inputs)[profile]
    slots = pd.Series({element["id"]: len(tree.leaves_below(element["id"])) for element in tree.elements})
    return {"ward_standing": standings(own, ends, slots)}


def similar_ward(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``similar_ward``."""
    from spi_pipeline.scoring.analysis.standing import similar

    columns = {"area_code": "authority_code", "area_name": "authority"}
    councils = inputs.frame("authority_lookup").rename(columns=columns)
    names = inputs.frame("wards")[["area_code", "area_name", "authority_code"]].merge(
        councils[["authority_code", "authority", "region"]], on="authority_code", how="left", validate="m:1"
    )
    settings = contracts.alike
    return {"similar_ward": similar(inputs.frame("context"), names, settings.measures, settings.count)}


def of_own(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The rows of a council's wards, as computed among all wards of England."""
    [product] = step.outputs
    return {product: inputs.frame(OF_ENGLAND[product])}
