"""The basis of the publication: the slots that all editions are computed on, the indicators and the editions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.indicators.windows import window_ends
from spi_pipeline.scoring.left_out import left_out
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import AS_OF, UNAVAILABLE, Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.scored import areas
from spi_pipeline.steps.step import Step, indicator_files, products


def basis_step(contracts: Contracts) -> Step:
    """The step of the products ``indicator`` and ``edition``."""
    # All of them: an indicator without a source is considered too, and fills no slot.
    observations = tuple(part_of(indicator_id) for indicator_id in contracts.indicators)
    sources = sorted(
        {contracts.sources[name].file for item in contracts.indicators.values() for name in contracts.sources_of(item)}
    )
    return Step(
        name="basis",
        kind="basis",
        group="basis",
        inputs=(*observations, "reference", AS_OF, UNAVAILABLE),
        outputs=("indicator", "edition"),
        files=(*indicator_files(contracts), "framework.yaml", *sources, *products("indicator", "edition")),
        does=basis,
        page=Page(shows=_shows),
        title="Basis of the publication",
        description="The slots that have a value of useful age in the newest edition. All editions are computed on "
        "them, so that a score never moves because figures enter or expire. Also what each indicator measures, how "
        "it is scored, and which calendar years are published.",
        lineage={
            "in_basis": tuple((part_of(item.id), "period_end") for item in contracts.active),
            "held_weight": tuple((part_of(item.id), "status") for item in contracts.active),
            "worst": (("reference", "value"),),
            "best": (("reference", "value"),),
        },
    )


def basis(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The products ``indicator`` and ``edition``."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.basis import choose_slots, edition_table, require_dimensions, slots
    from spi_pipeline.scoring.catalogue import catalogue
    from spi_pipeline.scoring.tree import index_tree, index_weights

    framework, reference, where = contracts.framework, inputs.frame("reference"), areas(contracts)
    rows = pd.concat([inputs.frame(part_of(item.id)) for item in contracts.active], ignore_index=True)
    useful_years = {item.id: _useful_years(contracts, item.source) for item in contracts.active}
    chosen = choose_slots(
        rows, slots(list(contracts.indicators.values())), useful_years, where, framework.publication.areas
    )
    table = catalogue(contracts, reference, chosen, rows)
    require_dimensions(left_out(table), framework)
    held = rows[rows["indicator_id"].isin(table.loc[table["in_basis"], "indicator_id"])]

    def editions(observations: pd.DataFrame) -> pd.DataFrame:
        weights = {
            profile: index_weights(tree, tree.values(observations, where.all), where)
            for profile in framework.profiles
            for tree in [index_tree(framework, profile, table, reference)]
        }
        ends = window_ends(observations, contracts.active)
        return edition_table(observations, weights, chosen, framework, where, inputs.as_of, ends)

    # Weights fitted to the wards use the published editions only, so the editions are determined first.
    published = editions(held)["edition"]
    return {"indicator": table, "edition": editions(held[held["edition"].isin(published)])}


def _useful_years(contracts: Contracts, source_id: str) -> int:
    return contracts.vocabulary.useful_lives[contracts.sources[source_id].properties.useful_life].years


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The omitted slots with the reason for each, and the shares of weight of each edition under the first profile."""
    indicators, editions = data.frame("indicator"), data.frame("edition")
    newest = indicators[indicators["indicator_id"] == indicators["slot_id"]].set_index("slot_id")
    out = newest.loc[~indicators.groupby("slot_id")["in_basis"].any(), "not_in_basis_because"]
    profile = next(iter(contracts.framework.profiles))
    shares = editions.loc[
        editions["profile"] == profile, ["edition", "measured_weight", "carried_weight", "held_weight"]
    ]
    shares.columns = shares.columns.str.removesuffix("_weight")
    shares = shares.astype({"edition": str}).map(lambda share: share if isinstance(share, str) else f"{share:.0%}")
    return {
        "slots_in_the_basis": int(editions["slots"].iloc[0]),
        "slots_left_out": Markdown(framed(out.rename("why").rename_axis("slot").reset_index())),
        "editions_rest_on": Markdown(framed(shares)),
    }
