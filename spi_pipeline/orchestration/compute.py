"""What each kind of step computes: tables in, tables out. Every function here is pure given its reader."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema, to_arrow
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.tables import Table
from spi_pipeline.geography.allocation import small_area_weights
from spi_pipeline.geography.areas import area_table
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.indicators.context import economy
from spi_pipeline.indicators.observations import Origin, missing, observations
from spi_pipeline.indicators.values import Wards, no_values, ward_values
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.reader import UNPLACED, Reader
from spi_pipeline.publishers.corrections import correct
from spi_pipeline.scoring import sanity
from spi_pipeline.scoring.above import score_parent
from spi_pipeline.scoring.catalogue import catalogue
from spi_pipeline.scoring.change import changes
from spi_pipeline.scoring.component import score_component
from spi_pipeline.scoring.editions import edition_table, filled_slots, slots
from spi_pipeline.scoring.scorecard import scorecards
from spi_pipeline.scoring.tables import Areas, Scored
from spi_pipeline.scoring.weighting import Yardstick
from spi_pipeline.snapshot.embedded import ORIGINS


def compute(step: Step, contracts: Contracts, reader: Reader) -> dict[str, pa.Table]:
    """Run a step.

    Args:
        step: any step but the database.
        contracts: all contracts.
        reader: gives the tables the step reads.

    Returns:
        One table for each of the step's outputs, typed by its contract; not yet checked.

    Raises:
        SpiError: when the inputs do not allow it.
    """
    if step.kind == "source":
        return _source(step, contracts, reader)
    if step.kind == "indicator":
        return _indicator(step, contracts, reader)
    frames: Mapping[str, pd.DataFrame]
    if step.kind == "allocation":
        frames = {"allocation": _allocation(reader)}
    elif step.kind == "area":
        frames = {"area": _area(contracts, reader)}
    elif step.kind == "catalogue":
        frames = {"indicator": catalogue(contracts, reader.frame("reference"))}
    elif step.kind == "economy":
        frames = {"economy": _economy(step, contracts, reader)}
    elif step.kind == "change":
        frames = {"change": _change(step, contracts, reader)}
    elif step.kind == "edition":
        frames = {"edition": _edition(contracts, reader)}
    elif step.kind == "scorecard":
        frames = {"scorecard": _scorecard(step, contracts, reader)}
    elif step.kind in ("rank_interval", "sensitivity"):
        frames = _doubt(step, contracts, reader)
    elif step.kind == "sanity":
        frames = {step.outputs[0]: _sanity(step, contracts, reader)}
    elif step.kind == "component":
        frames = _scored(step, _component(step, contracts, reader))
    else:
        frames = _scored(step, _parent(step, contracts, reader))
    return {name: _typed(frame, contract_of(name, contracts)) for name, frame in frames.items()}


def _typed(frame: pd.DataFrame, contract: Table) -> pa.Table:
    """Rows in the order of the key, typed by the contract."""
    key = [name for name in contract.key if name in frame.columns]
    return to_arrow(frame.sort_values(key, ignore_index=True) if key else frame, contract)


def _source(step: Step, contracts: Contracts, reader: Reader) -> dict[str, pa.Table]:
    """The table of what was fetched, else the embedded one, corrected; its files travel along in the metadata.

    Empty where every authority is without it.
    """
    source = contracts.sources[step.name]
    if not contracts.geography.holding(step.name):
        return {step.name: arrow_schema(source).empty_table()}
    if reader.live and reader.live.covers(step.name):
        table, origins = _typed(reader.live.parsed(step.name), source), reader.live.origins(step.name)
    else:
        table, origins = reader.embedded_table(step.name)
    corrected = correct(table, source, contracts.corrections.get(step.name, ()))
    return {step.name: corrected.replace_schema_metadata({ORIGINS: json.dumps(origins, sort_keys=True)})}


def _allocation(reader: Reader) -> pd.DataFrame:
    residents = reader.frame("census_residents")[["area_code", "residents"]]
    known = reader.frame("output_area_lookup").merge(residents, on="area_code", how="left", validate="1:1")
    best_fit = reader.frame("lsoa_best_fit").rename(columns={"area_code": "lsoa_code"})
    bare = residents[~residents["area_code"].isin(known["area_code"])].rename(columns={"area_code": "lsoa_code"})
    return small_area_weights(
        wards=reader.wards(),
        lsoa_best_fit=best_fit,
        lsoa_2011_lookup=reader.frame("lsoa_2011_lookup").rename(
            columns={"lsoa_2011_code": "lsoa11_code", "lsoa_2021_code": "lsoa21_code"}
        ),
        msoa_2011_lookup=reader.frame("msoa_2011_lookup").rename(
            columns={"msoa_2011_code": "msoa11_code", "msoa_2021_code": "msoa21_code"}
        ),
        output_area_lookup=known.rename(columns={"area_code": "oa_code"}),
        output_area_boundaries=reader.frame("output_area_boundaries_2011"),
        lsoa_boundaries=reader.frame("lsoa_boundaries"),
        postcodes=reader.frame("postcodes"),
        lsoa_lookup=bare.merge(best_fit[["lsoa_code", "msoa_code"]], on="lsoa_code", how="left", validate="1:1"),
    )


def _area(contracts: Contracts, reader: Reader) -> pd.DataFrame:
    geography = contracts.geography
    households = reader.frame("census_households")
    return area_table(reader.wards(), geography.authorities, reader.frame("allocation"), households, geography.vintage)


def _indicator(step: Step, contracts: Contracts, reader: Reader) -> dict[str, pa.Table]:
    # Here, since it imports scipy: a second of CPU for a refresh that finds nothing to do.
    from spi_pipeline.indicators.intervals import with_intervals

    indicator = contracts.indicators[step.name]
    source = contracts.sources[indicator.source]
    sources = contracts.sources_of(indicator)
    first = contracts.framework.publication.first_edition
    editions = range(first, reader.as_of.year + 1)
    if contracts.dormant.intersection(sources):
        absent = missing(indicator, source, reader.frame("area")["area_code"], editions)
        return {step.outputs[0]: _typed(absent, contracts.products["observation"])}
    if all(map(contracts.geography.holding, sources)):
        tables = {name: reader.placed(name) for name in sources}
        found = ward_values(indicator, contracts.sources, tables, _wards(step, reader))
    else:
        found = no_values(_wards(step, reader))
    origins = [Origin(str(item["period"]), str(item["sha256"])) for item in reader.origins(source.id)]
    carry = contracts.vocabulary.cadences[source.cadence].carry_years
    values = with_intervals(found.values, indicator, contracts.vocabulary.units[indicator.unit])
    frame = observations(values, indicator, source, origins, editions, carry)
    table = _typed(frame, contracts.products["observation"])
    return {step.outputs[0]: table.replace_schema_metadata({UNPLACED: repr(found.unplaced)})}


def _wards(step: Step, reader: Reader) -> Wards:
    return Wards(reader.boundaries(), reader.frame("allocation") if "allocation" in step.inputs else pd.DataFrame())


def _economy(step: Step, contracts: Contracts, reader: Reader) -> pd.DataFrame:
    measures = {
        item.id: item
        for item in contracts.economy.values()
        if all(map(contracts.geography.holding, contracts.sources_of(item)))
    }
    tables = {name: reader.placed(name) for item in measures.values() for name in contracts.sources_of(item)}
    return economy(measures, contracts.sources, contracts.vocabulary.units, tables, _wards(step, reader))


def _rows(product: str, step: Step, reader: Reader) -> pd.DataFrame:
    """All parts of a product that a step reads."""
    names = [name for name in step.inputs if name.startswith(f"{product}.")]
    return pd.concat([reader.frame(name) for name in names], ignore_index=True)


def _change(step: Step, contracts: Contracts, reader: Reader) -> pd.DataFrame:
    catalogued = reader.frame("indicator")
    relative = catalogued.loc[catalogued["relative"], "indicator_id"]
    scores, weights, observed = (_rows(name, step, reader) for name in ("score", "weight", "observation"))
    return changes(scores, weights, observed, set(relative), contracts.framework)


def _doubt(step: Step, contracts: Contracts, reader: Reader) -> dict[str, pd.DataFrame]:
    # Here, since it imports scipy: a second of CPU for a refresh that finds nothing to do.
    from spi_pipeline.scoring.again import Tables
    from spi_pipeline.scoring.doubt import drivers, rank_intervals

    parts = {name: _rows(name, step, reader) for name in ("score", "weight", "observation", "imputation")}
    tables, areas = Tables(**parts, indicator=reader.frame("indicator")), _areas(contracts)
    if step.kind == "sensitivity":
        return {"sensitivity": drivers(tables, contracts.framework, areas)}
    intervals, doubt = rank_intervals(tables, contracts.framework, areas)
    return {"rank_interval": intervals, "doubt": doubt}


def _scorecard(step: Step, contracts: Contracts, reader: Reader) -> pd.DataFrame:
    scores = _rows("score", step, reader)
    return scorecards(scores, reader.frame("economy"), contracts.peers, _areas(contracts))


def _edition(contracts: Contracts, reader: Reader) -> pd.DataFrame:
    table = pd.concat([reader.frame(f"observation.{item.id}") for item in contracts.active], ignore_index=True)
    chains = slots(contracts.active)
    filled = filled_slots(table, chains, _areas(contracts), contracts.framework.publication.areas)
    return edition_table(filled, contracts.component_of, contracts.framework, reader.as_of)


def _areas(contracts: Contracts) -> Areas:
    return Areas(pd.Series({ward.code: ward.authority for ward in contracts.geography.wards}))


def _component(step: Step, contracts: Contracts, reader: Reader) -> Scored:
    indicators = contracts.indicators_of(step.name)
    table = pd.concat([reader.frame(f"observation.{item.id}") for item in indicators], ignore_index=True)
    editions = sorted(reader.frame("edition")["edition"].unique())
    goalposts = reader.frame("indicator").set_index("indicator_id")[["worst", "best"]]
    yardstick = Yardstick.of(reader.frame("reference"), [item.id for item in indicators])
    return score_component(
        step.name, indicators, table, editions, goalposts, yardstick, contracts.framework, _areas(contracts)
    )


def _parent(step: Step, contracts: Contracts, reader: Reader) -> Scored:
    below = [name.removeprefix("score.") for name in step.inputs]
    children = pd.concat([reader.frame(name) for name in step.inputs], ignore_index=True)
    children = children[children["id"].isin(below)]
    counts = {child: _slot_count(child, contracts) for child in below}
    level: Literal["dimension", "index"] = "index" if step.kind == "index" else "dimension"
    return score_parent(step.name, level, children, counts, contracts.framework, _areas(contracts))


def _sanity(step: Step, contracts: Contracts, reader: Reader) -> pd.DataFrame:
    scores = _rows("score", step, reader)
    wanted = contracts.sanity
    level_of = dict(zip(scores["id"], scores["level"], strict=True))
    elements = scores["level"] != "indicator"
    if step.name == "comparison":
        newest = reader.frame("economy").sort_values("period_end").groupby(["area_code", "measure_id"])["value"].last()
        found, scores = sanity.comparison(wanted, newest.unstack(), level_of), scores[elements]
    elif step.name == "neighbours":
        wards = reader.wards()
        names = wards.set_index("area_code")["area_name"]
        found = sanity.neighbours(wanted, Shapes.from_frame(wards).touching(), level_of, names)
        scores = scores[elements]
    else:
        found = getattr(sanity, step.name)(wanted, contracts.component_of)
    return sanity.look(step.name, found, scores, wanted, _areas(contracts).authority_of)  # type: ignore[arg-type]


def _slot_count(element: str, contracts: Contracts) -> int:
    dimensions = {dimension.id: dimension for dimension in contracts.framework.dimensions}
    components = [item.id for item in dimensions[element].components] if element in dimensions else [element]
    return sum(len(slots(contracts.indicators_of(component))) for component in components)


def _scored(step: Step, scored: Scored) -> dict[str, pd.DataFrame]:
    frames = {
        "score": scored.score,
        "weight": scored.weight,
        "contribution": scored.contribution,
        "imputation": scored.imputation,
    }
    return {name: frames[name.split(".")[0]] for name in step.outputs}
