"""Deprivation, elections, transport, environment, health and digital exclusion: one small table each."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.reading import numbers, whole
from spi_pipeline.snapshot.folder import Folder, Scope
from spi_pipeline.snapshot.importers.columns import by_contract, national_or_extract


def deprivation_2019(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Underlying indicators of 2019."""
    name = "imd/imd2019_england_lsoa11_indicators_national.parquet"
    return by_contract(folder.parquet(name, "2019"), contracts.sources["deprivation_2019"], name, areas=scope.lsoa11)


def deprivation_2025(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Underlying indicators of 2025."""
    name = "imd/imd2025_england_lsoa21_indicators_national.parquet"
    return by_contract(folder.parquet(name, "2025"), contracts.sources["deprivation_2025"], name, areas=scope.lsoa21)


def deprivation_2025_subdomains(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Sub-domain scores of 2025."""
    name = "imd/imd2025_england_lsoa21_subdomains_national.parquet"
    source = contracts.sources["deprivation_2025_subdomains"]
    return by_contract(folder.parquet(name, "2025"), source, name, areas=scope.lsoa21)


def deprivation_2025_index(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """The Index of Multiple Deprivation of 2025."""
    name = "imd/imd2025_england_lsoa21_national.parquet"
    source = contracts.sources["deprivation_2025_index"]
    return by_contract(folder.parquet(name, "2025"), source, name, areas=scope.lsoa21)


def local_elections_2023(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Electorate and turnout; wards are named, and a name is resolved in the authority of its row.

    A ward named Luton in Medway is no ward of ours: the district decides.
    """
    name = "elections/LEH-Candidates-2023_Ward_Level.csv.gz"
    geography = contracts.geography
    held = geography.holding("local_elections_2023")
    authorities = [authority.name for authority in geography.authorities if authority.code in held]
    table = folder.csv(name, "2023-05-04", needs=["DISTRICTNAME", "WARDNAME", "ELECT", "TURNOUT"])
    table = table[table["DISTRICTNAME"].isin(authorities)]
    named = list(zip(table["WARDNAME"], table["DISTRICTNAME"], strict=True))
    codes = [geography.ward_code(ward, authority) for ward, authority in named]
    for authority in authorities:
        unknown = [pair[0] for pair, code in zip(named, codes, strict=True) if pair[1] == authority and code is None]
        if unknown:
            found = f"names wards that {authority} does not have: {', '.join(unknown)}"
            raise SpiError(f"{name} {found}; compare it with geography.yaml")
    return pd.DataFrame(
        {
            "area_code": codes,
            "area_name": table["WARDNAME"].to_numpy(),
            "electorate": whole(numbers(table["ELECT"], name, "ELECT"), name, "ELECT").to_numpy(),
            "turnout": numbers(table["TURNOUT"], name, "TURNOUT").to_numpy(),
        }
    )


def bus_service(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Trips an hour by year; of the three counts published, the one from the Traveline data runs through all years."""
    frames = []
    for name in folder.names("transport/bus_trips_per_hour_lsoa21_[0-9][0-9][0-9][0-9]_*.csv"):
        year = name.rsplit("lsoa21_", 1)[-1][:4]
        table = folder.csv(name, year, needs=["zone_id", "tnds"])
        table = table[table["zone_id"].isin(scope.lsoa21)]
        trips = numbers(table["tnds"], name, "tnds")
        frames.append(pd.DataFrame({"area_code": table["zone_id"], "year": int(year), "trips_per_hour": trips}))
    return pd.concat(frames, ignore_index=True)


def private_outdoor_space(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Addresses with private outdoor space."""
    name = folder.name("environment/private_outdoor_space_msoa11_2020_*.csv")
    source = contracts.sources["private_outdoor_space"]
    return by_contract(folder.csv(name, "2020-04"), source, name, areas=scope.msoa11)


def covid_vaccination(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """First doses by age band."""
    name = folder.name("health/msoa_covid_vaccinations_april_2021_*.csv")
    return by_contract(folder.csv(name, "2021-04"), contracts.sources["covid_vaccination"], name, areas=scope.msoa11)


def population_2020(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Residents of mid-2020, and those aged 50 and over summed from single years of age."""
    name = folder.name("population/population20_msoa11_syoa_*.csv")
    ages = [*map(str, range(50, 90)), "90+"]
    table = folder.csv(name, "2020-06-30", needs=ages)
    frame = by_contract(table, contracts.sources["population_2020"], name, areas=scope.msoa11)
    older = pd.DataFrame({age: numbers(table[age], name, age) for age in ages}).sum(axis=1, skipna=False)
    older = older.set_axis(table["msoa11_code"])
    frame["residents_50_and_over"] = whole(frame["area_code"].map(older), name, "ages 50 to 90+")
    return frame


def digital_exclusion(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """The broadband component."""
    table, name = national_or_extract(
        folder, "national/england_lsoa_depahri.rda", "communications/depahri_lsoa11_*.csv", "2021"
    )
    return by_contract(table, contracts.sources["digital_exclusion"], name, areas=scope.lsoa11)


def recorded_flooding(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Residents inside flood outlines: the publication lists only LSOAs with any, so an absent one has none."""
    name = folder.name("environment/people_flooded_lsoa11_*.csv")
    listed = by_contract(folder.csv(name, "2022"), contracts.sources["recorded_flooding"], name, areas=scope.lsoa11)
    # An extract for one authority says nothing of another.
    told = {scope.authority_of[code] for code in listed["area_code"]}
    every = pd.DataFrame({"area_code": [code for code in sorted(scope.lsoa11) if scope.authority_of[code] in told]})
    return every.merge(listed, how="left", validate="1:1").fillna({"residents_flooded": 0})
