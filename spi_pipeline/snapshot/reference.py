"""The reference: each national indicator's distribution over the wards of England, and its correlations.

Twenty wards are too few for goalposts or weights: with 20 units 7 to 8 % of components get a first principal component
with a negative loading. So both come from the wards of England wherever a source is national. Small areas go whole to
their official best-fit ward: rates survive that, and no better allocation exists for every ward.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.levels import level_of
from spi_pipeline.engine.association import associations
from spi_pipeline.geography.allocation import made_of_parts, small_area_weights
from spi_pipeline.indicators.values import Wards, ward_values
from spi_pipeline.snapshot.scale import scale

# Every percentile, so that a ward’s place among them is known to a percentage point.
QUANTILES = {f"p{hundredth:02}": hundredth / 100 for hundredth in range(101)}
COLUMNS = ["indicator_id", "statistic", "other_id", "value", "n", "period_start", "period_end"]
# An indicator is national when at least this share of the wards of England has a value.
NATIONAL = 0.9
# The sources that place small areas in the wards of England.
_PLACING = (
    "wards", "lsoa_best_fit", "lsoa_2011_lookup", "msoa_2011_lookup", "lsoa_2011_msoa", "census_residents",
    "census_households",
)  # fmt: skip


def reference(tables: Mapping[str, pd.DataFrame], contracts: Contracts) -> pd.DataFrame:
    """Compute statistics of every national indicator over the wards of England, and correlations in each component.

    Args:
        tables: the tables of all England by source id.
        contracts: define the indicators to compute.

    Returns:
        ``indicator_id, statistic, other_id, value, n, period_start, period_end``: quantiles, mean and standard
        deviation (n − 1) with the number of wards and the period of the figures, and the ends of the scale from
        ``scale``; correlations, without a period, over the wards in which every national indicator of the component
        has a value; and rank correlations with measures of the context. An anchored indicator is represented by its
        level.
    """
    context = [contracts.context[name] for name in contracts.composition.measures]
    wards = _wards(tables, contracts.framework.publication.covered)
    measures = {
        item.id: national["value"]
        for item in context
        if set(contracts.sources_of(item)) <= tables.keys()
        if (national := _national_values(item, contracts, tables, wards)) is not None
    }
    rows: list[tuple[Any, ...]] = []
    for component in contracts.framework.components:
        own = (item for item in contracts.indicators.values() if contracts.component_of[item.id] == component)
        measured = list(map(_level, own))
        values = {
            item.id: national
            for item in measured
            if set(contracts.sources_of(item)) <= tables.keys()
            and (national := _national_values(item, contracts, tables, wards)) is not None
        }
        rows += [row for name, national in values.items() for row in _statistics(name, national, wards)]
        together = pd.DataFrame({name: national["value"] for name, national in values.items()})
        rows += [*_correlations(together), *_compositions(together, measures, contracts)]
    return pd.DataFrame(rows, columns=COLUMNS)


def sources_of(frame: pd.DataFrame, contracts: Contracts) -> frozenset[str]:
    """The sources whose tables of England the rows of a reference were computed from."""
    names = {*frame["indicator_id"], *frame["other_id"]}
    measured = [_level(item) for item in (*contracts.indicators.values(), *contracts.context.values())]
    sources = (contracts.sources_of(item) for item in measured if item.id in names)
    return frozenset(_PLACING).union(*sources)


def _level(item: Measured) -> Measured:
    """The level of an anchored indicator; any other indicator itself."""
    return level_of(item) if item.measure.level else item


def _wards(tables: Mapping[str, pd.DataFrame], covered: float) -> Wards:
    """The wards of England with the weights of best fit."""
    counted = tables["census_residents"].merge(tables["census_households"], on="area_code", validate="1:1")
    counted = counted.rename(columns={"area_code": "lsoa_code"})
    lookup = tables["lsoa_best_fit"].rename(columns={"area_code": "lsoa_code"})
    weights = small_area_weights(
        wards=tables["wards"].rename(columns={"authority_code": "parent_code"}),
        lsoa_best_fit=lookup,
        lsoa_2011_lookup=tables["lsoa_2011_lookup"].set_axis(["lsoa11_code", "lsoa21_code", "change"], axis=1),
        msoa_2011_lookup=tables["msoa_2011_lookup"].set_axis(["msoa11_code", "msoa21_code", "change"], axis=1),
        lsoa_lookup=lookup[["lsoa_code", "msoa_code"]].merge(counted, on="lsoa_code", how="left", validate="1:1"),
    )
    # Build a merged MSOA of 2011 from its own LSOAs; the lookup of MSOAs would make it half of the new one.
    parents = tables["lsoa_2011_msoa"].set_axis(["lsoa11_code", "msoa11_code"], axis=1)
    former = made_of_parts(weights[weights["geography"] == "lsoa11"], parents, "msoa11_code", "lsoa11_code", "msoa11")
    weights = pd.concat([weights[weights["geography"] != "msoa11"], former], ignore_index=True)
    boundaries = tables["wards"][["area_code", "authority_code"]].set_axis(["area_code", "parent_code"], axis=1)
    return Wards(boundaries, weights, covered)


def _national_values(
    measured: Measured, contracts: Contracts, tables: Mapping[str, pd.DataFrame], wards: Wards
) -> pd.DataFrame | None:
    """The newest values of an indicator by ward, and their period; None when it is not national."""
    values = ward_values(measured, contracts.sources, tables, wards).values
    newest = values[(values["period_end"] == values["period_end"].max()) & values["area_code"].isin(wards.authorities)]
    known = newest.set_index("area_code")[["value", "period_start", "period_end"]].dropna(subset=["value"])
    return known if len(known) >= NATIONAL * len(wards.boundaries) else None


def _statistics(name: str, known: pd.DataFrame, wards: Wards) -> Iterator[tuple[Any, ...]]:
    values, period = known["value"], (known["period_start"].iloc[0], known["period_end"].iloc[0])
    statistics = {statistic: float(values.quantile(share)) for statistic, share in QUANTILES.items()}
    statistics |= {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
    statistics |= asdict(scale(values, pd.Series(wards.authorities)))
    for statistic, value in statistics.items():
        yield name, statistic, "", value, len(values), *period


def _compositions(
    values: pd.DataFrame, measures: dict[str, pd.Series], contracts: Contracts
) -> Iterator[tuple[Any, ...]]:
    """Rank correlations of each indicator, signed so that better is more, with measures of the context."""
    given = contracts.composition.given
    for name in values.columns:
        sign = 1 if contracts.indicators[name].direction == "higher_is_better" else -1
        for measure in measures if given in measures else ():
            columns = {"better": sign * values[name], measure: measures[measure], given: measures[given]}
            known = pd.DataFrame(columns).dropna()
            correlations = associations(known["better"], known[measure], known[given])
            for statistic, value in zip(("rank_correlation", "partial_rank_correlation"), correlations, strict=True):
                if not math.isnan(value):
                    yield name, statistic, measure, value, len(known), None, None


def _correlations(values: pd.DataFrame) -> list[tuple[Any, ...]]:
    complete = values.dropna()
    matrix = complete.corr()
    return [
        (one, "correlation", other, float(matrix[one][other]), len(complete), None, None)
        for one in matrix.columns
        for other in matrix.columns
        if one != other
    ]
