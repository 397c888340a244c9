"""The steps of the pipeline as plain data: what each reads, writes and depends on, in the order of the data's way.

A step is the unit of recomputation and of lineage. Nothing here computes, and nothing here knows Dagster: the same plan
tells the command line what is stale and tells Dagster what its assets are.
"""

from __future__ import annotations

from typing import Literal

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.contracts.sanity import SanityKind
from spi_pipeline.orchestration.analysis_steps import doubt_steps, scorecard_step
from spi_pipeline.orchestration.step import Column, Step, all_elements, products

__all__ = ["SCORED", "Step", "build_plan"]

# The tables a component, dimension or the index writes, each a part of the product of that name.
SCORED = ("score", "weight", "contribution", "imputation")
GEOGRAPHY_SOURCES = (
    "wards", "lsoa_boundaries", "output_area_boundaries_2011", "output_area_lookup", "lsoa_best_fit",
    "lsoa_2011_lookup", "msoa_2011_lookup", "postcodes", "census_residents",
)  # fmt: skip


def build_plan(contracts: Contracts) -> list[Step]:
    """Every step, in an order in which each comes after those it reads from.

    Raises:
        ContractError: when a table that a step writes has no contract, or a source a group of other steps.
    """
    steps = [_source(contracts, source_id) for source_id in contracts.sources if source_id not in contracts.dormant]
    steps += [_allocation(), _area()]
    steps += [_economy(contracts), _catalogue(contracts)]
    steps += [_indicator(contracts, indicator_id) for indicator_id in contracts.indicators]
    steps.append(_edition(contracts))
    for dimension in contracts.framework.dimensions:
        steps += [_component(contracts, component.id) for component in dimension.components]
    for dimension in contracts.framework.dimensions:
        below = tuple(component.id for component in dimension.components)
        steps.append(_parent(contracts, dimension.id, "dimension", "dimensions", below))
    top = tuple(dimension.id for dimension in contracts.framework.dimensions)
    steps.append(_parent(contracts, contracts.framework.id, "index", "index", top))
    steps.append(_change(contracts, steps))
    steps += [*doubt_steps(contracts), scorecard_step(contracts)]
    steps += _sanity(contracts)
    written = {table.split(".")[0] for step in steps for table in step.outputs}
    if absent := sorted(written - contracts.sources.keys() - contracts.products.keys()):
        said = "the file is missing; the pipeline writes this table, restore its contract"
        raise ContractError([Fault(f"products/{name}.yaml", 0, said) for name in absent])
    steps.append(_database(contracts, steps))
    others = {step.group for step in steps if step.kind != "source"}
    if taken := [source for source in contracts.sources.values() if source.properties.group in others]:
        said = "is the group of other steps; choose a word of its own for the sources of this publisher"
        raise ContractError([Fault(source.file, 0, f"{source.properties.group!r} {said}") for source in taken])
    return steps


def _indicator_files(contracts: Contracts) -> list[str]:
    return sorted({f"indicators/{component}.yaml" for component in contracts.component_of.values()})


def _source(contracts: Contracts, source_id: str) -> Step:
    source = contracts.sources[source_id]
    corrections = (f"corrections/{source_id}.yaml",) if source_id in contracts.corrections else ()
    return Step(
        name=source_id,
        kind="source",
        group=source.properties.group,
        inputs=(),
        outputs=(source_id,),
        files=(source.file, *corrections, "vocabulary.yaml", "geography.yaml"),
        rooms=("contracts", "rules", "snapshot", *(("publishers",) if source.properties.mode == "live" else ())),
        title=source.title,
        description=f"{source.description} {source.limits}".strip(),
    )


def _allocation() -> Step:
    return Step(
        name="allocation",
        kind="allocation",
        group="geography",
        inputs=GEOGRAPHY_SOURCES,
        outputs=("allocation",),
        files=products("allocation"),
        rooms=("contracts", "rules", "geography"),
        title="Allocation of small areas to wards",
        description="Which share of each small area belongs to which ward: by the postcodes in it where they are at "
        "hand, by area overlap or the official best fit where they are not.",
        lineage={
            "weight": (("postcodes", "ward_code"), ("output_area_boundaries_2011", "geometry"), ("wards", "geometry")),
            "residents": (("census_residents", "residents"),),
        },
    )


def _area() -> Step:
    return Step(
        name="area",
        kind="area",
        group="geography",
        inputs=("wards", "allocation", "census_households"),
        outputs=("area",),
        files=products("area"),
        rooms=("contracts", "rules", "geography"),
        title="Wards and authorities",
        description="Every ward and authority with its residents and households, and how much of it rests on small "
        "areas that wards share.",
        lineage={
            "population": (("allocation", "residents"), ("allocation", "weight")),
            "households": (("census_households", "households"), ("allocation", "weight")),
        },
    )


def _economy(contracts: Contracts) -> Step:
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
        rooms=("contracts", "rules", "geography", "indicators"),
        title="Economic context",
        description="Income, fuel poverty, house prices, tenure and age by ward: to be set beside the index, which "
        "never reads it.",
        lineage={"value": (*made_of, ("allocation", "weight"))},
    )


def _catalogue(contracts: Contracts) -> Step:
    files = _indicator_files(contracts)
    return Step(
        name="catalogue",
        kind="catalogue",
        group="indicators",
        inputs=("reference",),
        outputs=("indicator",),
        files=(*files, "framework.yaml", *sorted(s.file for s in contracts.sources.values()), *products("indicator")),
        rooms=("contracts", "rules", "scoring"),
        title="Catalogue of indicators",
        description="What each indicator measures and how it is scored: as the contracts state it, or between the 1st "
        "and the 99th percentile of the wards of England.",
        lineage={"worst": (("reference", "value"),), "best": (("reference", "value"),)},
    )


def _indicator(contracts: Contracts, indicator_id: str) -> Step:
    indicator = contracts.indicators[indicator_id]
    sources = contracts.sources_of(indicator)
    if contracts.dormant.intersection(sources):
        return _missing(contracts, indicator_id)
    own = contracts.sources[indicator.source]
    denominator = indicator.measure.denominator
    made_of: list[Column] = [(own.id, column) for column in indicator.measure.columns]
    if denominator:
        made_of.append((denominator.source or own.id, denominator.column))
    on_wards = all(contracts.sources[name].properties.geography.levels == ["ward"] for name in sources)
    geography = ("wards", "area") if on_wards else ("wards", "area", "allocation")
    return Step(
        name=indicator_id,
        kind="indicator",
        group="indicators",
        inputs=(*sources, *geography),
        outputs=(f"observation.{indicator_id}",),
        files=(
            f"indicators/{contracts.component_of[indicator_id]}.yaml",
            *(contracts.sources[name].file for name in sources),
            "framework.yaml",
            *products("observation"),
        ),
        rooms=("contracts", "rules", "geography", "indicators", "engine"),
        title=indicator.title,
        description=" ".join([indicator.description, indicator.limits, *contracts.missing_because(indicator)]),
        lineage={"value": tuple(made_of) + ((("allocation", "weight"),) if "allocation" in geography else ())},
    )


def _missing(contracts: Contracts, indicator_id: str) -> Step:
    """An indicator that has no source as things are run now: every value is missing."""
    indicator = contracts.indicators[indicator_id]
    return Step(
        name=indicator_id,
        kind="indicator",
        group="indicators",
        inputs=("area",),
        outputs=(f"observation.{indicator_id}",),
        files=(f"indicators/{contracts.component_of[indicator_id]}.yaml", "framework.yaml", *products("observation")),
        rooms=("contracts", "rules", "indicators"),
        title=indicator.title,
        description=" ".join([*contracts.missing_because(indicator), indicator.description, indicator.limits]),
    )


def _edition(contracts: Contracts) -> Step:
    files = _indicator_files(contracts)
    # All of them, since one without a source is looked at too: it fills no slot.
    observations = tuple(f"observation.{indicator_id}" for indicator_id in contracts.indicators)
    return Step(
        name="edition",
        kind="edition",
        group="editions",
        inputs=observations,
        outputs=("edition",),
        files=(*files, "framework.yaml", *products("edition")),
        rooms=("contracts", "rules", "scoring"),
        title="Published editions",
        description="The calendar years in which enough slots hold a value and every component is present.",
        lineage={"indicators": tuple((f"observation.{item.id}", "status") for item in contracts.active)},
    )


def _component(contracts: Contracts, component_id: str) -> Step:
    component = contracts.framework.components[component_id]
    observations = tuple(f"observation.{item.id}" for item in contracts.indicators_of(component_id))
    return Step(
        name=component_id,
        kind="component",
        group="components",
        inputs=(*observations, "edition", "indicator", "reference"),
        outputs=tuple(f"{table}.{component_id}" for table in SCORED),
        files=(f"indicators/{component_id}.yaml", "framework.yaml", *products(*SCORED)),
        rooms=("contracts", "rules", "scoring", "engine"),
        title=component.title,
        description=component.description,
        lineage={
            "score": (*((name, "value") for name in observations), ("indicator", "worst"), ("indicator", "best")),
            "weight": (("reference", "value"),),
        },
    )


def _parent(
    contracts: Contracts, name: str, kind: Literal["dimension", "index"], group: str, below: tuple[str, ...]
) -> Step:
    described = {d.id: d.description for d in contracts.framework.dimensions}
    return Step(
        name=name,
        kind=kind,
        group=group,
        inputs=tuple(f"score.{child}" for child in below),
        outputs=tuple(f"{table}.{name}" for table in SCORED[:3]),
        files=(
            "framework.yaml",
            *products(*SCORED[:3]),
            *_indicator_files(contracts),
        ),
        rooms=("contracts", "rules", "scoring", "engine"),
        title=contracts.titles[name],
        description=described.get(name, contracts.framework.description),
        lineage={"score": tuple((f"score.{child}", "score") for child in below)},
    )


def _change(contracts: Contracts, steps: list[Step]) -> Step:
    read = [
        table for step in steps for table in step.outputs if table.split(".")[0] in ("score", "weight", "observation")
    ]
    return Step(
        name="change",
        kind="change",
        group="analysis",
        inputs=(*read, "indicator"),
        outputs=("change",),
        files=("framework.yaml", *products("change")),
        rooms=("contracts", "rules", "scoring", "engine"),
        title="Change between editions",
        description="What moved every score from one edition to the next: figures of a newer period, estimates made "
        "anew, or figures that entered, expired or were replaced.",
        lineage={"change": tuple((name, "score") for name in read if name.startswith("score."))},
    )


SANITY: dict[SanityKind, tuple[str, str]] = {
    "comparison": (
        "Against deprivation and income",
        "Correlation of the index, its dimensions and components with the official deprivation and with income.",
    ),
    "opposed": ("Against their component", "Indicators that move against the others of their component."),
    "constant": ("Hardly varying", "Indicators whose scores hardly differ between wards."),
    "redundant": ("Said twice", "Each indicator with the one that says most nearly the same."),
    "neighbours": ("Against their neighbours", "Wards whose scores stand far from those of the wards around them."),
}


def _sanity(contracts: Contracts) -> list[Step]:
    """Steps after the index, for comparison only: nothing the index is made of reads from them."""
    components, every = list(contracts.framework.components), all_elements(contracts)
    read: dict[SanityKind, tuple[list[str], tuple[str, ...]]] = {
        "comparison": (every, ("economy",)),
        "opposed": (components, ()),
        "constant": (components, ()),
        "redundant": (components, ()),
        "neighbours": (every, ("wards",)),
    }
    return [
        Step(
            name=kind,
            kind="sanity",
            group="analysis",
            inputs=(*(f"score.{name}" for name in elements), *others),
            outputs=(f"sanity.{kind}",),
            files=("sanity.yaml", "framework.yaml", *_indicator_files(contracts), *products("sanity")),
            rooms=("contracts", "rules", "scoring", "engine", "geography"),
            title=SANITY[kind][0],
            description=SANITY[kind][1],
            lineage={"value": tuple((f"score.{name}", "score") for name in elements)},
        )
        for kind, (elements, others) in read.items()
    ]


def _database(contracts: Contracts, steps: list[Step]) -> Step:
    tables = tuple(table for step in steps for table in step.outputs if table.split(".")[0] in contracts.products)
    return Step(
        name="spi_duckdb",
        kind="database",
        group="published",
        inputs=tables,
        outputs=(),
        files=products(*sorted(contracts.products)),
        rooms=("contracts", "storage"),
        title="The database readers see",
        description="One DuckDB file rebuilt from one consistent set of table versions and swapped in whole.",
    )
