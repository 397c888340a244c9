"""The steps that look at the finished index: how sure its ranks are, what drives the doubt, strengths and weaknesses.

Nothing the index is made of reads from them.
"""

from __future__ import annotations

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.step import Step, all_elements, products


def doubt_steps(contracts: Contracts) -> list[Step]:
    """How sure ranks are, and what drives the doubt: the index computed again from the tables it was made of."""
    components = list(contracts.framework.components)
    observations = [f"observation.{item.id}" for item in contracts.active]
    scores = tuple((f"score.{name}", "score") for name in components)
    ends = tuple((name, end) for name in observations for end in ("lower", "upper"))
    inputs = (
        *(f"score.{name}" for name in components),
        *(f"weight.{name}" for name in all_elements(contracts)),
        *(f"imputation.{name}" for name in components),
        *observations,
        "indicator",
    )
    rooms = ("contracts", "rules", "scoring", "engine")
    return [
        Step(
            name="rank_interval",
            kind="rank_interval",
            group="analysis",
            inputs=inputs,
            outputs=("rank_interval", "doubt"),
            files=("framework.yaml", *products("rank_interval", "doubt")),
            rooms=rooms,
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
            rooms=rooms,
            title="What drives the doubt",
            description="The share of every source of doubt in how far the ranks of the newest edition move.",
            lineage={"total": (*scores, *ends)},
        ),
    ]


def scorecard_step(contracts: Contracts) -> Step:
    """Strengths and weaknesses, against peers that the economic context chooses."""
    scores = tuple(f"score.{name}" for name in all_elements(contracts))
    return Step(
        name="scorecard",
        kind="scorecard",
        group="analysis",
        inputs=(*scores, "economy"),
        outputs=("scorecard",),
        files=("economy.yaml", *products("scorecard")),
        rooms=("contracts", "rules", "scoring", "engine"),
        title="Strengths and weaknesses",
        description="Every ward beside the wards of its authority nearest to it in income after housing costs.",
        lineage={"difference": tuple((name, "score") for name in scores), "peers": (("economy", "value"),)},
    )
