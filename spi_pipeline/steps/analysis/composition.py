"""What the index correlates with, and what remains of it beyond income; no step of the index reads this."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import GOES_WITH
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.scored import SCORE, areas
from spi_pipeline.steps.step import Step, all_elements, products


def composition_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``composition`` and ``residual``."""
    scores = tuple(f"{SCORE}{name}" for name in all_elements(contracts))
    of_scores = tuple((name, "score") for name in scores)
    given = contracts.context[contracts.composition.given].title
    # Results computed for all wards of England together are a source for each council.
    of_england = () if contracts.geography.national else (GOES_WITH,)
    return [
        Step(
            name="composition",
            kind="composition",
            group="analysis",
            inputs=(*scores, "context", "reference", *of_england),
            outputs=("composition",),
            files=("context.yaml", *products("composition")),
            does=composition_table,
            page=Page(shows=_of_index),
            title="What the index correlates with",
            description="Rank correlations of scores with who lives in a ward, both plain and among wards with "
            f"similar {given.lower()}: for the council's own wards, and for all wards of England. Correlation need "
            "not be cause and effect.",
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
            does=residual_table,
            page=Page(shows=_beyond),
            title="Beyond what income suggests",
            description=f"How far each score is from the line through the other wards by {given.lower()}.",
            lineage={"residual": (*of_scores, ("context", "value"))},
        ),
    ]


def composition_table(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``composition``."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.analysis.composition import compositions

    context, reference = inputs.frame("context"), inputs.frame("reference")
    scores, settings = inputs.parts("element_score"), contracts.composition
    if contracts.geography.national:
        # A ward far from the other 19 wards of its town is not far from the other 6,783 wards of England.
        settings = settings.model_copy(update={"without": []})
    frames = [compositions(scores, context, reference, settings, areas(contracts))]
    if GOES_WITH in inputs:
        england = inputs.frame(GOES_WITH)
        frames.append(england[england["measure_id"].isin(settings.measures)])
    return {"composition": pd.concat(frames, ignore_index=True)}


def residual_table(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``residual``."""
    from spi_pipeline.scoring.analysis.composition import residuals

    scores, context = inputs.parts("element_score"), inputs.frame("context")
    return {"residual": residuals(scores, context, contracts.composition, areas(contracts))}


def _of_index(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The index with each measure, in every authority and over England, under the first profile."""
    own = _index_rows(step, contracts, data)
    shown = own[["authority_code", "left_out", "measure_id", "n", "correlation", "lower", "upper", "partial"]]
    return {"index": Markdown(framed(shown.round(2)))}


def _beyond(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """How far the index of each ward lies from the score that its income suggests, under the first profile."""
    names = {ward.code: ward.name for ward in contracts.geography.wards}
    own = _index_rows(step, contracts, data).sort_values("residual", ascending=False)
    own = own.assign(ward=own["area_code"].map(names))
    shown = own[["ward", "score", "expected", "residual", "lower", "upper", "verdict"]]
    return {"index": Markdown(framed(shown.round(1)))}


def _index_rows(step: Step, contracts: Contracts, data: PageData) -> pd.DataFrame:
    table = data.frame(step.outputs[0])
    return table[
        (table["id"] == contracts.framework.id) & (table["profile"] == next(iter(contracts.framework.profiles)))
    ]
