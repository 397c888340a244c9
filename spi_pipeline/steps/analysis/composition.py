"""What the finished index goes with, and what is left of it beyond income: nothing the index is made of reads it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import GOES_WITH
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Look, Markdown, Page
from spi_pipeline.steps.scored import SCORE, areas
from spi_pipeline.steps.step import Step, all_elements, products


def composition_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``composition`` and ``residual``."""
    scores = tuple(f"{SCORE}{name}" for name in all_elements(contracts))
    of_scores = tuple((name, "score") for name in scores)
    given = contracts.context[contracts.composition.given].title
    # What is computed where the wards of England are judged together is a source of each council.
    of_england = () if contracts.geography.national else (GOES_WITH,)
    return [
        Step(
            name="composition",
            kind="composition",
            group="analysis",
            inputs=(*scores, "context", "reference", *of_england),
            outputs=("composition",),
            files=("context.yaml", *products("composition")),
            does=goes_with,
            page=Page(shows=_of_index),
            title="What the index goes with",
            description="Rank correlations of scores with who lives in a ward, as they are and among wards alike in "
            f"{given.lower()}: of the council's own wards, and of all wards of England. What goes together need not be "
            "cause and effect.",
            lineage={
                "correlation": (
                    *of_scores,
                    ("context", "value"),
                    ("reference", "value"),
                    *((name, "correlation") for name in of_england),
                )
            },
        ),
        Step(
            name="residual",
            kind="residual",
            group="analysis",
            inputs=(*scores, "context"),
            outputs=("residual",),
            files=("context.yaml", *products("residual")),
            does=beyond_income,
            page=Page(shows=_beyond),
            title="Beyond what income suggests",
            description=f"How far each score lies from the line that the other wards draw by {given.lower()}.",
            lineage={"residual": (*of_scores, ("context", "value"))},
        ),
    ]


def goes_with(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``composition``."""
    # Here, since it imports scipy: a second of CPU for a refresh that finds nothing to do.
    from spi_pipeline.scoring.analysis.composition import compositions

    context, reference = inputs.frame("context"), inputs.frame("reference")
    scores, asked = inputs.parts("element_score"), contracts.composition
    if contracts.geography.national:
        # What stands far from the other 19 wards of its town does not from 6,783.
        asked = asked.model_copy(update={"without": []})
    frames = [compositions(scores, context, reference, asked, areas(contracts))]
    if GOES_WITH in inputs:
        england = inputs.frame(GOES_WITH)
        frames.append(england[england["measure_id"].isin(asked.measures)])
    return {"composition": pd.concat(frames, ignore_index=True)}


def beyond_income(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``residual``."""
    from spi_pipeline.scoring.analysis.composition import residuals

    scores, context = inputs.parts("element_score"), inputs.frame("context")
    return {"residual": residuals(scores, context, contracts.composition, areas(contracts))}


def _of_index(step: Step, contracts: Contracts, look: Look) -> Facts:
    """The index with each measure, in every authority and over England, under the first profile."""
    own = _index_rows(step, contracts, look)
    shown = own[["authority_code", "left_out", "measure_id", "n", "correlation", "lower", "upper", "partial"]]
    return {"index": Markdown(framed(shown.round(2)))}


def _beyond(step: Step, contracts: Contracts, look: Look) -> Facts:
    """How far the index of each ward lies beyond what is suggested, under the first profile."""
    names = {ward.code: ward.name for ward in contracts.geography.wards}
    own = _index_rows(step, contracts, look).sort_values("residual", ascending=False)
    own = own.assign(ward=own["area_code"].map(names))
    shown = own[["ward", "score", "expected", "residual", "lower", "upper", "verdict"]]
    return {"index": Markdown(framed(shown.round(1)))}


def _index_rows(step: Step, contracts: Contracts, look: Look) -> pd.DataFrame:
    table = look.frame(step.outputs[0])
    return table[
        (table["id"] == contracts.framework.id) & (table["profile"] == next(iter(contracts.framework.profiles)))
    ]
