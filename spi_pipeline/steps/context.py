"""The economic context: figures to be set beside the index, which never reads them."""

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.indicators.context import economy
from spi_pipeline.steps.indicator import ward_places
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.places import placed
from spi_pipeline.steps.step import Step, products


def context_step(contracts: Contracts) -> Step:
    """The step of the product ``economy``."""
    sources = tuple(dict.fromkeys(name for item in contracts.economy.values() for name in contracts.sources_of(item)))
    made_of = dict.fromkeys(
        (item.source, column) for item in contracts.economy.values() for column in item.measure.columns
    )
    return Step(
        name="economy",
        kind="economy",
        group="context",
        inputs=(*sources, "wards", "area", "allocation"),
        outputs=("economy",),
        files=("economy.yaml", *(contracts.sources[name].file for name in sources), *products("economy")),
        does=context,
        page=Page(),
        title="Economic context",
        description="Income, fuel poverty, house prices, tenure and age by ward: to be set beside the index, which "
        "never reads it.",
        lineage={"value": (*made_of, ("allocation", "weight"))},
    )


def context(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``economy``, without the measures that an authority holds no source of."""
    measures = {
        item.id: item
        for item in contracts.economy.values()
        if all(map(contracts.geography.holding, contracts.sources_of(item)))
    }
    names = {name for item in measures.values() for name in contracts.sources_of(item)}
    tables = {name: placed(inputs, contracts, name) for name in sorted(names)}
    units, places = contracts.vocabulary.units, ward_places(inputs, contracts)
    return {"economy": economy(measures, contracts.sources, units, tables, places)}
