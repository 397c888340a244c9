"""The values of an indicator for wards and editions, from the tables of its sources."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.measured import minimum_counts_of
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.indicators.observations import Origin, missing, observations
from spi_pipeline.indicators.values import Wards, ward_values
from spi_pipeline.steps.inputs import YEAR, Inputs
from spi_pipeline.steps.pages.page import Facts, Page, PageData, source_facts
from spi_pipeline.steps.pages.previews import values
from spi_pipeline.steps.places import boundaries, placed
from spi_pipeline.steps.step import Column, Step, products, typed

# Metadata of the table of an indicator: the count that could not be placed in a ward, over all its periods.
UNPLACED = "spi_unplaced"
# The ratio of the variance of its repeated counts to that of a Poisson count.
DISPERSION = "spi_dispersion"


def part_of(indicator_id: str) -> str:
    """The table that the step of an indicator writes."""
    return f"indicator_value.{indicator_id}"


def indicator_step(contracts: Contracts, indicator_id: str) -> Step:
    """The step of an indicator; without figures in this mode all its values are missing."""
    indicator = contracts.indicators[indicator_id]
    sources, component = contracts.sources_of(indicator), contracts.component_of[indicator_id]
    absent = not contracts.can_have_values(indicator)
    geography: tuple[str, ...] = ("area",)
    if not absent:
        on_wards = all(contracts.sources[name].properties.geography.levels == ["ward"] for name in sources)
        geography = ("wards", "area") if on_wards else ("wards", "area", "allocation")
    about, why = [indicator.description, indicator.limits], contracts.missing_because(indicator)
    return Step(
        name=indicator_id,
        kind="indicator",
        group="indicators",
        inputs=(*(() if absent else sources), *geography, YEAR),
        outputs=(part_of(indicator_id),),
        files=(
            f"indicators/{component}.yaml",
            *(() if absent else (contracts.sources[name].file for name in sources)),
            "framework.yaml",
            *products("indicator_value"),
        ),
        does=no_source if absent else valued,
        page=PAGE,
        title=indicator.title,
        description=" ".join([*why, *about] if absent else [*about, *why]),
        operation=f"indicators_of_{component}",
        lineage={} if absent else {"value": _made_of(contracts, indicator_id, geography)},
    )


def _made_of(contracts: Contracts, indicator_id: str, geography: tuple[str, ...]) -> tuple[Column, ...]:
    indicator = contracts.indicators[indicator_id]
    own, denominator, level = indicator.source, indicator.measure.denominator, indicator.measure.level
    made_of: list[Column] = [(own, column) for column in indicator.measure.columns]
    if denominator:
        made_of.append((denominator.source or own, denominator.column))
    if level:
        made_of += [(level.source, column) for column in level.columns]
    return (*made_of, *((("allocation", "weight"),) if "allocation" in geography else ()))


def _editions(contracts: Contracts, inputs: Inputs) -> range:
    # For England only the newest edition: too few figures are available for earlier ones.
    first = inputs[YEAR] if contracts.geography.national else contracts.framework.publication.first_edition
    return range(first, inputs[YEAR] + 1)


def no_source(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The values of an indicator without figures: all missing."""
    indicator = contracts.indicators[step.name]
    areas = inputs.frame("area")["area_code"]
    source = contracts.sources[indicator.source]
    return {step.outputs[0]: missing(indicator, source, areas, _editions(contracts, inputs))}


def valued(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """The values of an indicator, with the count that could not be placed in the metadata."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.indicators.anchored import anchored_values
    from spi_pipeline.indicators.intervals import published_limits, with_intervals

    indicator = contracts.indicators[step.name]
    source, sources = contracts.sources[indicator.source], contracts.sources_of(indicator)
    places = ward_places(inputs, contracts)
    tables = {name: placed(inputs, contracts, name) for name in sources}
    # Monthly counts have no minimum; anchored values are monthly counts.
    least = minimum_counts_of(indicator, contracts.sources, contracts.vocabulary.units)
    result = (
        anchored_values(indicator, contracts.sources, tables, places)
        if indicator.measure.level
        else ward_values(indicator, contracts.sources, tables, places, least)
    )
    limits = (
        result.limits if indicator.measure.level else published_limits(indicator, contracts.sources, tables, places)
    )
    origins = [Origin(str(item["period"]), str(item["sha256"])) for item in inputs.origins(source.id)]
    unit = contracts.vocabulary.units[indicator.unit]
    usable = without(result.values, contracts.of_two_areas(indicator), places)
    rows = with_intervals(usable, indicator, unit, result.dispersion, limits)
    editions = _editions(contracts, inputs)
    frame = observations(rows, indicator, source, origins, editions, relative=unit.relative)
    table = typed(frame, contracts.products["indicator_value"])
    metadata = {UNPLACED: repr(result.unplaced), DISPERSION: repr(result.dispersion)}
    return {step.outputs[0]: table.replace_schema_metadata(metadata)}


def without(found: pd.DataFrame, authorities: frozenset[str], places: Wards) -> pd.DataFrame:
    """The values with those of some authorities and their wards removed, because nothing is known about them."""
    wards = (ward for ward, authority in places.authorities.items() if authority in authorities)
    apart = found["area_code"].isin({*authorities, *wards})
    figures = ["value", "allocation_error", "numerator", "denominator"]
    return found.assign(**found[figures].mask(apart), covered=found["covered"].mask(apart, 0.0))


def ward_places(inputs: Inputs, contracts: Contracts) -> Wards:
    """Wards, with the weights of small areas if the step reads them."""
    weights = inputs.frame("allocation") if "allocation" in inputs else pd.DataFrame()
    return Wards(boundaries(inputs, contracts), weights, contracts.framework.publication.covered)


def _about(step: Step, contracts: Contracts) -> Facts:
    indicator = contracts.indicators[step.name]
    posts = indicator.goalposts
    return {
        "unit": contracts.vocabulary.units[indicator.unit].title,
        "direction": indicator.direction.replace("_", " "),
        "goalposts": "1st and 99th percentile of the wards of England, widened if a third of a town is beyond them"
        if posts.source == "reference"
        else f"{posts.worst:g} scores 0, {posts.best:g} scores 100 ({posts.source}: {posts.reason})",
        "limits": indicator.limits,
        "error": _error_in_words(indicator),
        **source_facts(contracts.sources_of(indicator), contracts),
    }


def _error_in_words(indicator: Indicator) -> str:
    source, error = indicator.error_evidence.replace("_", " "), indicator.error
    return f"{source}: {error.reason}" if error and error.reason else source


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    metadata = data.table(step.outputs[0]).schema.metadata or {}
    return {
        "could_not_be_placed": float(metadata.get(UNPLACED.encode(), b"0")),
        "dispersion": float(metadata.get(DISPERSION.encode(), b"1")),
    }


def _preview(step: Step, table: pa.Table, contracts: Contracts) -> str:
    return values(table, contracts.indicators[step.name], contracts)


PAGE = Page(about=_about, shows=_shows, preview=_preview)
