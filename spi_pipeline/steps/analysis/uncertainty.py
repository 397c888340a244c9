"""How sure ranks are, and what drives the doubt: the index computed again from the tables it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed, markdown
from spi_pipeline.steps.pages.page import Facts, Look, Markdown, Page
from spi_pipeline.steps.scored import SCORE, areas
from spi_pipeline.steps.step import Step, all_elements, products

if TYPE_CHECKING:
    from spi_pipeline.scoring.again import Tables

BAR = 20


def uncertainty_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``rank_interval`` and ``doubt``, and of ``sensitivity``."""
    components = list(contracts.framework.components)
    values = [part_of(item.id) for item in contracts.active]
    scores = tuple((f"{SCORE}{name}", "score") for name in components)
    ends = tuple((name, end) for name in values for end in ("lower", "upper"))
    inputs = (
        *(f"{SCORE}{name}" for name in components),
        *(f"weight.{name}" for name in all_elements(contracts)),
        *(f"imputation.{name}" for name in components),
        *values,
        "indicator",
    )
    return [
        Step(
            name="rank_interval",
            kind="rank_interval",
            group="analysis",
            inputs=inputs,
            outputs=("rank_interval", "doubt"),
            files=("framework.yaml", *products("rank_interval", "doubt")),
            does=rank_interval,
            page=Page(shows=_varied),
            title="How sure ranks are",
            description="Every edition computed again many times under every profile, with all that can be doubted "
            "drawn anew: where each rank lies in nine of ten recalculations, and what was varied to find out.",
            lineage={"rank_low": (*scores, *ends)},
        ),
        Step(
            name="sensitivity",
            kind="sensitivity",
            group="analysis",
            inputs=inputs,
            outputs=("sensitivity",),
            files=("framework.yaml", *products("sensitivity")),
            does=sensitivity,
            page=Page(shows=_shares),
            title="What drives the doubt",
            description="The share of every source of doubt in how far the ranks of the newest edition move.",
            lineage={"total": (*scores, *ends)},
        ),
    ]


def _scored_tables(inputs: Inputs) -> Tables:
    # Here, since it imports scipy: a second of CPU for a refresh that finds nothing to do.
    from spi_pipeline.scoring.again import Tables

    return Tables(
        score=inputs.parts("element_score"),
        weight=inputs.parts("weight"),
        observation=inputs.parts("indicator_value"),
        imputation=inputs.parts("imputation"),
        indicator=inputs.frame("indicator"),
    )


def rank_interval(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The products ``rank_interval`` and ``doubt``."""
    from spi_pipeline.scoring.doubt import rank_intervals

    intervals, doubt = rank_intervals(_scored_tables(inputs), contracts.framework, areas(contracts))
    return {"rank_interval": intervals, "doubt": doubt}


def sensitivity(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``sensitivity``."""
    from spi_pipeline.scoring.doubt import drivers

    return {"sensitivity": drivers(_scored_tables(inputs), contracts.framework, areas(contracts))}


def _varied(step: Step, contracts: Contracts, look: Look) -> Facts:
    """What was varied in the newest edition; what several profiles and authorities have in common is said once."""
    doubt = look.frame("doubt")
    newest = doubt[doubt["edition"] == doubt["edition"].max()]
    said = newest.groupby(["source", "varied", "how"])["profile"].agg(lambda names: ", ".join(sorted({*names})))
    return {"varied": Markdown(framed(said.rename("profiles").reset_index()))}


def _shares(step: Step, contracts: Contracts, look: Look) -> Facts:
    """What drives the doubt under the first profile: a sentence, then total shares as bars, largest first."""
    shares = look.frame("sensitivity")
    profile = next(iter(contracts.framework.profiles))
    own = shares[(shares["profile"] == profile) & shares["total"].notna()]
    said = []
    for authority in contracts.geography.authorities:
        part = own[own["authority_code"] == authority.code].sort_values("total", ascending=False)
        if part.empty:
            continue
        names, totals = part["source"].tolist(), part["total"].tolist()
        second = f", {names[1]} in {totals[1]:.0%}" if len(names) > 1 else ""
        said.append(
            f"{authority.name}, {part['edition'].iloc[0]}, {profile}: {names[0]} has a part in {totals[0]:.0%} of what "
            f"moves the ranks{second}."
        )
        ends = zip(part["total_low"], part["total_high"], strict=True)
        rows = [
            {"source": name, "total": f"{total:.2f}", "90 %": f"{low:.2f}–{high:.2f}", "": "█" * round(BAR * total)}
            for name, total, (low, high) in zip(names, totals, ends, strict=True)
        ]
        said.append(markdown(rows))
    return {"what_drives_the_doubt": Markdown("\n\n".join(said) or "no rank moves")}
