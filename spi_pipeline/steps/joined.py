"""The tables that readers see, joined from the tables of earlier steps and checked in the form that readers see."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.scoring.england import england_percentile
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import AS_OF, Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.pages.previews import scores
from spi_pipeline.steps.scored import areas
from spi_pipeline.steps.step import Step, all_elements, products

# The standing of each ward among the wards of England.
STANDING = "ward_standing"
# The ends of the intervals of a score and of its rank.
ENDS = ("score_low", "score_high", "measured_low", "measured_high", "rank_low", "rank_high")


def joined_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``observation`` and ``score``."""
    values = tuple(part_of(indicator_id) for indicator_id in contracts.indicators)
    imputed = tuple(f"imputation.{component}" for component in contracts.framework.components)
    of_elements, weights = (
        tuple(f"{table}.{name}" for name in all_elements(contracts)) for table in ("element_score", "weight")
    )
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
            description="The value of every indicator for every ward and edition; cells that profile spi filled in "
            "are marked as imputed.",
            lineage={"value": tuple((name, "value") for name in (*values, *imputed))},
        ),
        Step(
            name="score",
            kind="joined",
            group="published",
            inputs=(
                *of_elements,
                *weights,
                *values,
                "indicator",
                "edition",
                "rank_interval",
                "reference",
                STANDING,
                AS_OF,
            ),
            outputs=("score",),
            files=products("score"),
            does=score,
            page=Page(preview=_index),
            title="Scores as readers see them",
            description="Scores and ranks of every ward at every level, edition and profile, with their intervals, "
            "the dates of the figures behind them, and the standing of each ward among the wards of England: for an "
            "indicator by its value, for higher levels by its score on the slots that have figures for all wards.",
            lineage={
                "score": tuple((name, "score") for name in of_elements),
                "newest_period": tuple((name, "period_end") for name in values),
                "age_years": (*((name, "period_end") for name in values), *((name, "weight") for name in weights)),
                "england_percentile": (
                    *((name, "value") for name in values),
                    ("reference", "value"),
                    (STANDING, "england_percentile"),
                ),
                **{end: (("rank_interval", end),) for end in ENDS},
            },
        ),
    ]


def observation(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The values of all indicators; a cell that profile ``spi`` filled in holds that value and is marked ``imputed``.

    A withheld value stays withheld: its substitute serves the score only, and is in the table ``imputation``.
    """
    frame, cells = inputs.parts("indicator_value"), inputs.parts("imputation")
    key = ["indicator_id", "area_code", "edition"]
    cells = cells.loc[cells["profile"] == "spi", [*key, "value"]]
    joined = frame.merge(cells, on=key, how="left", suffixes=("", "_imputed"), validate="1:1")
    filled = (joined["status"] == "missing") & joined["value_imputed"].notna()
    joined["value"] = joined["value"].where(~filled, joined["value_imputed"])
    joined["status"] = joined["status"].where(~filled, "imputed")
    return {"observation": joined[frame.columns.tolist()]}


def score(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The scores of all elements with their intervals, the dates of their figures and their standing in England."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.dates import dates

    catalogue, editions = inputs.frame("indicator"), set(inputs.frame("edition")["edition"])
    rows = inputs.parts("indicator_value")
    used = rows["indicator_id"].isin(catalogue.loc[catalogue["in_basis"], "indicator_id"])
    dated = dates(inputs.parts("weight"), rows[used & rows["edition"].isin(editions)], areas(contracts), inputs.as_of)
    key = ["edition", "profile", "id", "area_code"]
    ends = inputs.frame("rank_interval")[[*key, *ENDS]]
    joined = inputs.parts("element_score").merge(ends, on=key, how="left", validate="1:1")
    dated_too = joined.merge(dated, on=key, how="left", validate="1:1")
    by_value = england_percentile(rows, catalogue, inputs.frame("reference"))
    # Above indicators, England computes only the newest edition and the first profile.
    by_score = inputs.frame(STANDING)[["id", "area_code", "england_percentile"]].assign(
        edition=joined["edition"].max(), profile=next(iter(contracts.framework.profiles))
    )
    places = pd.concat([by_value.merge(joined[["profile"]].drop_duplicates(), how="cross"), by_score])
    return {"score": dated_too.merge(places, on=key, how="left", validate="1:1")}


def _index(step: Step, table: pa.Table, contracts: Contracts) -> str:
    return scores(table, contracts, contracts.framework.id)
