"""The yardstick: how each national indicator is spread over the wards of England, and how it goes with its siblings.

Twenty wards are too few for goalposts or weights (with 20 units 7 to 8 % of components get a first principal component
with a negative loading), so both rest on the wards of England wherever a source is national. Small areas go whole to
the ward of the official best fit: rates survive that, and no better allocation exists for every ward.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.levels import level_of
from spi_pipeline.engine.association import associations
from spi_pipeline.geography.allocation import WEIGHT_COLUMNS, made_of_parts
from spi_pipeline.indicators.values import Wards, ward_values
from spi_pipeline.publishers.files.areas import BEST_FIT, LSOA_2011, Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.publishers.ons import read_gardens
from spi_pipeline.snapshot.scale import scale

# Every hundredth, so that a ward’s place among them is known to a percentage point.
QUANTILES = {f"p{hundredth:02}": hundredth / 100 for hundredth in range(101)}
COLUMNS = ["indicator_id", "statistic", "other_id", "value", "n", "period_start", "period_end"]
# An indicator is national when at least this share of the wards of England has a value.
NATIONAL = 0.9
# Sources whose files hold all of England.
NATIONAL_SOURCES = (
    "census_residents", "census_households", "census_central_heating", "census_qualifications", "census_overcrowding",
    "census_english_proficiency", "deprivation_2019", "deprivation_2025", "deprivation_2025_subdomains",
    "digital_exclusion", "loneliness", "energy_certificates", "private_outdoor_space", "deprivation_2025_index",
    "population_estimates",
)  # fmt: skip


class England(Areas):
    """All LSOAs of England; output areas are left aside, since nothing says how they divide elsewhere."""

    national = True

    @cached_property
    def lookup(self) -> pd.DataFrame:
        """LSOA, ward of best fit and authority of every LSOA of England."""
        table = self.folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "ward24_code", "ltla24_code"])
        return table[table["lsoa21_code"].str.startswith("E01")]

    @cached_property
    def oa21(self) -> frozenset[str]:
        """None: figures are taken at LSOA level."""
        return frozenset()

    @cached_property
    def former_msoas(self) -> pd.DataFrame:
        """``lsoa11_code`` and ``msoa11_code``, by name: an LSOA is named after its MSOA and one letter more."""
        pairs = self.folder.csv(LSOA_2011, "2021", needs=["LSOA11CD", "LSOA11NM"]).drop_duplicates("LSOA11CD")
        gardens = read_gardens(self.folder)
        named = gardens[gardens["Country name"] == "England"].set_index("MSOA name")["MSOA code"]
        msoa = pairs["LSOA11NM"].str[:-1].map(named)
        return pd.DataFrame({"lsoa11_code": pairs["LSOA11CD"], "msoa11_code": msoa}).dropna()

    @cached_property
    def msoa11(self) -> frozenset[str]:
        """MSOAs of 2011."""
        return frozenset(self.former_msoas["msoa11_code"])

    @cached_property
    def lsoa21_without_oa(self) -> frozenset[str]:
        """Every LSOA."""
        return self.lsoa21


def reference(folder: Folder, contracts: Contracts) -> pd.DataFrame:
    """Statistics of every national indicator over the wards of England, and correlations inside each component.

    Returns:
        ``indicator_id, statistic, other_id, value, n, period_start, period_end``: quantiles, mean and standard
        deviation (n − 1) with the number of wards and the period of the figures, and the scale as ``scale`` has it;
        correlations over the wards in which every national indicator of the component has a value, without a period. Of
        an anchored indicator it is the level.
    """
    england = England(folder.root, contracts.geography)
    england.folder = folder  # here the lookups make the figures and do not only choose among them
    context = [contracts.context[name] for name in contracts.composition.measures]
    needed = {name for item in (*contracts.indicators.values(), *context) for name in contracts.sources_of(item)}
    tables = {
        name: read(folder, contracts.sources[name], england)
        for name in NATIONAL_SOURCES
        if name in needed | {"census_residents", "census_households"} and (read := OFFERS[name].read)
    }
    wards = _wards(
        folder,
        england,
        tables["census_residents"],
        tables["census_households"],
        contracts.framework.publication.covered,
    )
    measures = {
        item.id: found["value"]
        for item in context
        if set(contracts.sources_of(item)) <= tables.keys()
        if (found := _national_values(item, contracts, tables, wards)) is not None
    }
    rows: list[tuple[Any, ...]] = []
    for component in contracts.framework.components:
        own = (item for item in contracts.indicators.values() if contracts.component_of[item.id] == component)
        measured = [level_of(item) if item.measure.level else item for item in own]
        values = {
            item.id: found
            for item in measured
            if set(contracts.sources_of(item)) <= tables.keys()
            and (found := _national_values(item, contracts, tables, wards)) is not None
        }
        rows += [row for name, found in values.items() for row in _statistics(name, found, wards)]
        together = pd.DataFrame({name: found["value"] for name, found in values.items()})
        rows += [*_correlations(together), *_compositions(together, measures, contracts)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _wards(
    folder: Folder, england: England, residents: pd.DataFrame, households: pd.DataFrame, covered: float
) -> Wards:
    """The wards of England with the weights of best fit."""
    counted = residents.merge(households, on="area_code", validate="1:1")
    lookup = england.lookup.merge(counted, left_on="lsoa21_code", right_on="area_code", validate="1:1")
    if len(lookup) != len(england.lookup):
        raise SpiError(
            f"{len(england.lookup) - len(lookup)} LSOAs of England have no residents or households; "
            f"compare {BEST_FIT} with TS001 and TS041"
        )
    weights = pd.DataFrame(
        {
            "geography": "lsoa21",
            "small_area_code": lookup["lsoa21_code"],
            "area_code": lookup["ward24_code"],
            "weight": 1.0,
            "residents": lookup["residents"].astype("float64"),
            "household_weight": 1.0,
            "households": lookup["households"].astype("float64"),
            "method": "best_fit",
        }
    )[WEIGHT_COLUMNS]
    pairs = folder.csv(LSOA_2011, "2021", needs=["LSOA11CD", "LSOA21CD"])
    pairs = pairs.rename(columns={"LSOA11CD": "lsoa11_code", "LSOA21CD": "lsoa21_code"})
    older = made_of_parts(weights, pairs, "lsoa11_code", "lsoa21_code", "lsoa11")
    larger = made_of_parts(weights, england.msoas, "msoa_code", "lsoa_code", "msoa21")
    former = made_of_parts(older, england.former_msoas, "msoa11_code", "lsoa11_code", "msoa11")
    boundaries = lookup[["ward24_code", "ltla24_code"]].drop_duplicates().set_axis(["area_code", "parent_code"], axis=1)
    return Wards(boundaries, pd.concat([weights, older, larger, former], ignore_index=True), covered)


def _national_values(
    measured: Measured, contracts: Contracts, tables: dict[str, pd.DataFrame], wards: Wards
) -> pd.DataFrame | None:
    """The newest values of an indicator by ward, and their period; None when it is not national."""
    found = ward_values(measured, contracts.sources, tables, wards).values
    newest = found[(found["period_end"] == found["period_end"].max()) & found["area_code"].isin(wards.authorities)]
    known = newest.set_index("area_code")[["value", "period_start", "period_end"]].dropna(subset=["value"])
    return known if len(known) >= NATIONAL * len(wards.boundaries) else None


def _statistics(name: str, known: pd.DataFrame, wards: Wards) -> Iterator[tuple[Any, ...]]:
    values, period = known["value"], (known["period_start"].iloc[0], known["period_end"].iloc[0])
    found = {statistic: float(values.quantile(share)) for statistic, share in QUANTILES.items()}
    found |= {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
    found |= asdict(scale(values, pd.Series(wards.authorities)))
    for statistic, value in found.items():
        yield name, statistic, "", value, len(values), *period


def _compositions(
    values: pd.DataFrame, measures: dict[str, pd.Series], contracts: Contracts
) -> Iterator[tuple[Any, ...]]:
    """Rank correlations of each indicator, better results being more, with measures of the context."""
    given = contracts.composition.given
    for name in values.columns:
        sign = 1 if contracts.indicators[name].direction == "higher_is_better" else -1
        for measure in measures if given in measures else ():
            columns = {"better": sign * values[name], measure: measures[measure], given: measures[given]}
            known = pd.DataFrame(columns).dropna()
            found = associations(known["better"], known[measure], known[given])
            for statistic, value in zip(("rank_correlation", "partial_rank_correlation"), found, strict=True):
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
