"""How many homes, people or incidents separate every ward from its town and from England's median."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.analysis.uncertainty import observed
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.scored import areas, trees_of
from spi_pipeline.steps.step import Step, indicator_files, products

NAME = "what_would_it_take"
SHOWN = 12


def what_would_it_take_step(contracts: Contracts) -> Step:
    """The step of the product ``what_would_it_take``."""
    values = tuple(part_of(item.id) for item in contracts.active)
    sources = sorted({contracts.sources[name].file for item in contracts.active for name in contracts.sources_of(item)})
    counted = tuple((name, column) for name in values for column in ("value", "numerator", "denominator"))
    return Step(
        name=NAME,
        kind=NAME,
        group="analysis",
        inputs=(*values, "indicator", "edition", "reference"),
        outputs=(NAME,),
        files=("framework.yaml", *indicator_files(contracts), *sources, *products(NAME)),
        does=what_would_it_take,
        page=Page(shows=_most),
        title="What it would take",
        description="How many homes, people or incidents separate every ward of the newest edition from the median of "
        "its authority's wards and of England's wards, in each indicator based on counts, and what its rank would be "
        "after that change.",
        lineage={"needed": (*counted, ("reference", "value"))},
    )


def what_would_it_take(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``what_would_it_take``, under the first profile."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.analysis.what_would_it_take import counted, what_would_it_take

    profile, tree = next(iter(trees_of(contracts, inputs).items()))
    settings, reference = contracts.framework.uncertainty, inputs.frame("reference")
    table = what_would_it_take(tree, observed(inputs), counted(contracts), reference, areas(contracts), settings)
    return {NAME: table.assign(profile=profile)}


def _most(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The changes that would gain a ward most points of the index, and how many units each takes."""
    rows = data.frame(NAME)
    wards = {ward.code: ward.name for ward in contracts.geography.wards}
    rows = rows[rows["area_code"].isin(wards) & (rows["needed"] > 0)]
    gained = (rows["index_score_then"] - rows["index_score"]).rename("points gained").round(1)
    most = rows.assign(gained=gained).nlargest(SHOWN, "gained")
    number = most["needed"].map("{:,.0f}".format)
    shown = pd.DataFrame(
        {
            "ward": most["area_code"].map(wards),
            "indicator": most["indicator_id"],
            "against": most["target"].str.replace("_", " "),
            "it takes": number + " " + most["way"] + " " + most["unit"],
            "points gained": most["gained"],
            "rank": most["rank"].astype(str) + " to " + most["rank_then"].astype(str),
            "likely then": most["rank_then_low"].astype(str) + "–" + most["rank_then_high"].astype(str),
        }
    )
    return {"most_gained": Markdown(framed(shown))}
