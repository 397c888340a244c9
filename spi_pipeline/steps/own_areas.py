"""Areas that a council drew: their location, values and scores. Without such areas there are no steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from spi_pipeline.contracts.measured import minimum_counts_of
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.geography.allocation import Lookups
from spi_pipeline.geography.own_areas import PlacementData, overlaps, own_area_row, own_weights, place, points_in
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.indicators.observations import Origin, observations
from spi_pipeline.steps.indicator import DISPERSION, part_of, ward_places, without
from spi_pipeline.steps.inputs import YEAR, Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.places import placed, wards
from spi_pipeline.steps.scored import areas, trees_of
from spi_pipeline.steps.step import Step, indicator_files, products

PLACEMENT_TABLES = (
    "wards", "allocation", "output_area_lookup", "lsoa_best_fit", "lsoa_2011_lookup", "msoa_2011_lookup",
    "output_area_boundaries_2011", "lsoa_boundaries", "postcodes",
)  # fmt: skip
PLACED = ("own_area", "own_area_overlap", "own_area_allocation")


def own_area_steps(contracts: Contracts) -> list[Step]:
    """The steps of the products named ``own_area…``; none if the council drew no area."""
    if not contracts.own_areas:
        return []
    files = tuple(f"areas/{name}.yaml" for name in sorted(contracts.own_areas))
    active = contracts.active
    sources = tuple(dict.fromkeys(name for item in active for name in contracts.sources_of(item)))
    values = tuple(part_of(item.id) for item in active)
    return [
        Step(
            name="own_area",
            kind="own_area",
            group="own_areas",
            inputs=PLACEMENT_TABLES,
            outputs=PLACED,
            files=(*files, "framework.yaml", *products(*PLACED)),
            does=where,
            page=Page(),
            title="Areas of the council's own",
            description="The location of each area that the council drew, and the wards and other areas with which "
            "it shares residents.",
            lineage={"residents": (("allocation", "residents"), ("allocation", "weight"))},
        ),
        Step(
            name="own_area_value",
            kind="own_area",
            group="own_areas",
            inputs=(
                *dict.fromkeys((*sources, *PLACEMENT_TABLES)), "area", "own_area", "own_area_allocation", *values, YEAR,
            ),
            outputs=("own_area_value",),
            files=(
                *files, *indicator_files(contracts), *(contracts.sources[name].file for name in sources),
                "framework.yaml", *products("own_area_value"),
            ),
            does=values_of,
            page=Page(),
            title="Values of the areas of the council's own",
            description="Every indicator for every area that the council drew, computed like those of wards.",
            lineage={"value": (("own_area_allocation", "weight"), *((name, "value") for name in values))},
        ),
        Step(
            name="own_area_score",
            kind="own_area",
            group="own_areas",
            inputs=("own_area_value", "own_area", *values, "indicator", "edition", "reference"),
            outputs=("own_area_score",),
            files=("framework.yaml", "context.yaml", *products("own_area_score")),
            does=scores_of,
            page=Page(),
            title="Scores of the areas of the council's own",
            description="Scores, intervals and the likely place among the wards for every area that the council "
            "drew. No score or rank of a ward depends on them.",
            lineage={"score": (("own_area_value", "value"),)},
        ),
    ]  # fmt: skip


def placement_data(inputs: Inputs, contracts: Contracts) -> PlacementData:
    """The tables that areas are placed with."""
    columns = {"lsoa_2011_code": "lsoa11_code", "lsoa_2021_code": "lsoa21_code", "msoa_2011_code": "msoa11_code",
             "msoa_2021_code": "msoa21_code", "area_code": "lsoa_code"}  # fmt: skip
    finest = inputs.frame("output_area_lookup").rename(columns={"area_code": "oa_code"})
    fit = inputs.frame("lsoa_best_fit").rename(columns=columns)
    return PlacementData(
        allocation=inputs.frame("allocation"),
        lookups=Lookups(
            finest[["oa_code", "lsoa_code"]],
            pd.concat([finest[["lsoa_code", "msoa_code"]], fit[["lsoa_code", "msoa_code"]]]).drop_duplicates(),
            inputs.frame("lsoa_2011_lookup").rename(columns=columns),
            inputs.frame("msoa_2011_lookup").rename(columns=columns),
        ),
        wards=wards(inputs, contracts),
        output_areas=Shapes.from_frame(inputs.frame("output_area_boundaries_2011")),
        lsoas=Shapes.from_frame(inputs.frame("lsoa_boundaries")),
        postcodes=inputs.frame("postcodes"),
        least=contracts.framework.publication.residents,
    )


def where(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The products ``own_area``, ``own_area_overlap`` and ``own_area_allocation``."""
    data = placement_data(inputs, contracts)
    placements = {name: place(area, data) for name, area in sorted(contracts.own_areas.items())}
    return {
        "own_area": pd.DataFrame([own_area_row(one, data) for one in placements.values()]),
        "own_area_overlap": pd.concat(
            [overlaps(one, placements, data) for one in placements.values()], ignore_index=True
        ),
        "own_area_allocation": pd.concat([own_weights(one, data) for one in placements.values()], ignore_index=True),
    }


def values_of(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``own_area_value``."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.indicators.anchored import anchored_values
    from spi_pipeline.indicators.intervals import published_limits, with_intervals
    from spi_pipeline.indicators.own_areas import OwnPlace, own_values, reveals_small_counts

    scored, weights, own = ward_places(inputs, contracts), inputs.frame("own_area_allocation"), inputs.frame("own_area")
    places, data = [], placement_data(inputs, contracts)
    for name, authority in zip(own["own_area"], own["authority_code"], strict=True):
        rows = weights[weights["own_area"] == name]
        points = partial(points_in, contracts.own_areas[name], rows, data)
        places.append(OwnPlace(name, authority, scored, rows, points))
    first, editions = contracts.framework.publication.first_edition, inputs[YEAR] + 1
    frames = []
    for indicator in contracts.active:
        source, sources = contracts.sources[indicator.source], contracts.sources_of(indicator)
        tables = {name: placed(inputs, contracts, name, by_point=True) for name in sources}
        least = minimum_counts_of(indicator, contracts.sources, contracts.vocabulary.units)
        unit = contracts.vocabulary.units[indicator.unit]
        origins = [Origin(str(item["period"]), str(item["sha256"])) for item in inputs.origins(source.id)]
        metadata = inputs.table(part_of(indicator.id)).schema.metadata or {}
        dispersion = float(metadata.get(DISPERSION.encode(), b"1"))
        levels = [contracts.sources[name].properties.geography.levels for name in sources]
        anchored = anchored_values(indicator, contracts.sources, tables, scored) if indicator.measure.level else None
        for one in places:
            result = own_values(indicator, contracts.sources, tables, one, anchored)
            limits = result.limits
            if limits is None:
                of_all = published_limits(indicator, contracts.sources, one.placed(tables), one.area_and_rest)
                limits = None if of_all is None else of_all.loc[result.values.index]
            rows = without(result.values, contracts.of_two_areas(indicator), one.area_and_rest)
            if least is not None:
                others = [other for other in places if other.area != one.area]
                if reveals_small_counts(indicator, contracts.sources, tables, one, others, least):
                    rows = rows.assign(value=np.nan, covered=1.0)
            rows = with_intervals(rows, indicator, unit, dispersion, limits)
            years = range(first, editions)
            table = observations(rows, indicator, source, origins, years, relative=unit.relative)
            of_wards = ["ward"] in levels or indicator.measure.level is not None
            frames.append(table.assign(estimated=of_wards and one.divided_wards and table["value"].notna()))
    return {"own_area_value": pd.concat(frames, ignore_index=True).rename(columns={"area_code": "own_area"})}


def scores_of(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``own_area_score``."""
    from spi_pipeline.scoring.analysis.own_areas import own_area_scores

    editions, own = set(inputs.frame("edition")["edition"]), inputs.frame("own_area")
    rows, values = inputs.parts("indicator_value"), inputs.frame("own_area_value")
    table = own_area_scores(
        trees_of(contracts, inputs), rows[rows["edition"].isin(editions)], values[values["edition"].isin(editions)],
        dict(zip(own["own_area"], own["authority_code"], strict=True)), areas(contracts),
        contracts.framework.uncertainty, contracts.peers.floor,
    )  # fmt: skip
    return {"own_area_score": table}
