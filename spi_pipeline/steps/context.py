"""The context: figures shown alongside the index, which never reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Earlier, Measured
from spi_pipeline.steps.indicator import ward_places
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.places import placed
from spi_pipeline.steps.step import Column, Step, products

# Columns of the two tables that a page shows, and those that identify a figure of an area.
_SHOWN = ("title", "earlier", "later", "value", "change", "unit", "period_end")
_OF = ("measure_id", "period_end")


def context_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products ``context`` and ``decade``."""
    measures = [item for item in contracts.context.values() if _has_table(item, contracts)]
    pairs = _pairs(contracts)
    both = [*(now for now, _ in pairs), *(earlier.of(now) for now, earlier in pairs)]
    return [
        Step(
            name="context",
            kind="context",
            group="context",
            inputs=tuple(dict.fromkeys((*_sources(measures, contracts), "wards", "area", "allocation"))),
            outputs=("context",),
            files=_files(measures, contracts, "context"),
            does=context,
            page=Page(shows=_of_authorities),
            title="Context",
            description="The people, homes, work, income and qualifications of every ward, as context for the index, "
            "which never reads it.",
            lineage={"value": _made_of(measures)},
        ),
        Step(
            name="decade",
            kind="decade",
            group="context",
            inputs=tuple(dict.fromkeys((*_sources(both, contracts), "wards", "area", "allocation"))),
            outputs=("decade",),
            files=(*_files(both, contracts, "decade"), *_indicator_files(pairs, contracts)),
            does=ten_years,
            page=Page(shows=_of_authorities),
            title="Ten years between two censuses",
            description="How each ward changed from 2011 to 2021 within its present boundaries, and how certain that "
            "is.",
            lineage={"change": _made_of(both)},
        ),
    ]


def _pairs(contracts: Contracts) -> list[tuple[Measured, Earlier]]:
    """Each measure that both censuses have, if both have a table in this mode."""
    named: dict[str, Measured] = {**contracts.indicators, **contracts.context}
    pairs = [(named[earlier.measure], earlier) for earlier in contracts.decade]
    return [(now, old) for now, old in pairs if _has_table(now, contracts) and _has_table(old.of(now), contracts)]


def _has_table(measured: Measured, contracts: Contracts) -> bool:
    return not contracts.unavailable.intersection(contracts.sources_of(measured))


def _sources(measures: Iterable[Measured], contracts: Contracts) -> list[str]:
    return list(dict.fromkeys(name for item in measures for name in contracts.sources_of(item)))


def _files(measures: Iterable[Measured], contracts: Contracts, product: str) -> tuple[str, ...]:
    sources = (contracts.sources[name].file for name in _sources(measures, contracts))
    return ("context.yaml", "framework.yaml", *sources, *products(product))


def _indicator_files(pairs: Iterable[tuple[Measured, Earlier]], contracts: Contracts) -> tuple[str, ...]:
    components = dict.fromkeys(contracts.component_of[now.id] for now, _ in pairs if now.id in contracts.indicators)
    return tuple(f"indicators/{component}.yaml" for component in components)


def _made_of(measures: Iterable[Measured]) -> tuple[Column, ...]:
    columns = dict.fromkeys((item.source, column) for item in measures for column in item.measure.columns)
    return (*columns, ("allocation", "weight"))


def _held(measured: Measured, contracts: Contracts) -> bool:
    """Whether every authority holds its sources."""
    return all(map(contracts.geography.holding, contracts.sources_of(measured)))


def _tables(measures: Iterable[Measured], contracts: Contracts, inputs: Inputs) -> dict[str, pd.DataFrame]:
    return {name: placed(inputs, contracts, name) for name in sorted(_sources(measures, contracts))}


def context(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``context``, without measures whose sources some authority lacks."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.indicators.context import context_values

    measures = [item for item in contracts.context.values() if _has_table(item, contracts) and _held(item, contracts)]
    units, places = contracts.vocabulary.units, ward_places(inputs, contracts)
    tables = _tables(measures, contracts, inputs)
    return {"context": context_values(measures, contracts.sources, units, tables, places)}


def ten_years(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``decade``, without measures whose sources some authority lacks."""
    from spi_pipeline.indicators.context import decade

    pairs = [(now, old) for now, old in _pairs(contracts) if _held(now, contracts) and _held(old.of(now), contracts)]
    tables = _tables([each for now, old in pairs for each in (now, old.of(now))], contracts, inputs)
    units, places = contracts.vocabulary.units, ward_places(inputs, contracts)
    indicators = contracts.indicators.keys() & {now.id for now, _ in pairs}
    return {"decade": decade(pairs, contracts.sources, units, tables, places, indicators=indicators)}


def _of_authorities(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """Each measure for every authority, with its lowest and highest ward by the column that the step computes."""
    table, figure = data.frame(step.outputs[0]), next(iter(step.lineage))
    table = table.dropna(subset=[figure]).reset_index(drop=True)
    if table.empty:  # for example, if no file of the earlier census is available
        return {}
    shown, of = [[name for name in names if name in table] for names in (_SHOWN, _OF)]
    facts = {}
    for authority in contracts.geography.authorities:
        own = {ward.code: ward.name for ward in contracts.geography.wards if ward.authority == authority.code}
        wards = (
            table.assign(ward=table["area_code"].map(own)).dropna(subset=["ward"]).sort_values(figure, kind="stable")
        )
        ends = wards.groupby(of)["ward"].agg(lowest="first", highest="last")
        rows = table[table["area_code"] == authority.code].join(ends, on=of)
        facts[authority.name] = Markdown(framed(rows[[*shown, "lowest", "highest"]].round(1)))
    return facts
