"""The newest months: counts, rates over twelve months, and wards that depart from their own past."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.recent import Monthly
from spi_pipeline.steps.indicator import ward_places
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Page, source_facts
from spi_pipeline.steps.places import placed
from spi_pipeline.steps.step import Step, empty, products


def recent_step(contracts: Contracts) -> Step:
    """The step of the product ``recent``."""
    measures = contracts.monthly
    sources = _sources(measures)
    made_of = tuple(dict.fromkeys((item.source, column) for item in measures for column in item.columns))
    return Step(
        name="recent",
        kind="recent",
        group="context",
        inputs=(*sources, "wards", "area", "allocation"),
        outputs=("recent",),
        files=(*monthly_files(contracts), *products("recent")),
        does=newest_months,
        page=Page(about=_about, preview=_signals),
        title="The newest months",
        description="Monthly police counts in every ward, the rate of the last twelve months, and whether the newest "
        "months depart from the ward's own past.",
        lineage={"count": made_of, "rate_12_months": (*made_of, ("area", "population"))},
    )


def monthly_files(contracts: Contracts) -> tuple[str, ...]:
    """The contract files that declare what is counted month by month, and where."""
    measures = contracts.monthly
    components = {contracts.component_of[item.id] for item in measures if item.id in contracts.component_of}
    return (
        "recent.yaml",
        "framework.yaml",
        *(f"indicators/{component}.yaml" for component in sorted(components)),
        *(contracts.sources[name].file for name in _sources(measures)),
    )


def newest_months(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame | pa.Table]:
    """The product ``recent``."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.indicators.recent import recent

    measures = contracts.monthly
    if not measures:
        return {"recent": empty(contracts.products["recent"], "No source that counts by month has figures here.")}
    tables = {name: placed(inputs, contracts, name) for name in _sources(measures)}
    residents = inputs.frame("area").set_index("area_code")["population"]
    authority_of = ward_places(inputs, contracts).authorities
    thin = {name: contracts.sources[name].properties.months.thin for name in tables}
    return {"recent": recent(measures, tables, thin, authority_of, residents, contracts.recent.false_signals)}


def _sources(measures: list[Monthly]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.source for item in measures))


def _about(step: Step, contracts: Contracts) -> Facts:
    allowed = f"{contracts.recent.false_signals:g} a year over all charts of an authority"
    return {"false_signals": allowed, **source_facts(list(_sources(contracts.monthly)), contracts)}


def _signals(step: Step, table: pa.Table, contracts: Contracts) -> str:
    """The wards with a signal in the newest month of each measure."""
    rows = table.to_pandas()
    newest = rows[rows["month"] == rows.groupby("measure_id")["month"].transform("max")]
    wards = {ward.code: ward.name for ward in contracts.geography.wards}
    titles = {item.id: item.title for item in contracts.monthly}
    shown = [
        {
            "measure": titles[row.measure_id],
            "ward": wards[row.area_code],
            "signal": row.signal,
            "since": row.signal_since,
            "rate": f"{row.rate_12_months:.1f}",
        }
        for row in newest[newest["signal"].isin(["rise", "fall"])].itertuples()
    ]
    months = ", ".join(sorted(set(newest["month"])))
    return f"To {months}\n\n{markdown(shown) if shown else 'No ward departs from its own past.'}"
