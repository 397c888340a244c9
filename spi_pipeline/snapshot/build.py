"""``spi snapshot build``: every source through its one importer, from a folder of publishers' files to our tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.arrow import to_arrow
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.snapshot.embedded import EmbeddedTable
from spi_pipeline.snapshot.folder import Folder, Scope
from spi_pipeline.snapshot.importers import census, economy, geography, inclusion, others, police, reference

Importer = Callable[[Folder, Contracts, Scope], pd.DataFrame]

IMPORTERS: dict[str, Importer] = {
    **{source_id: partial(census.bulk_table, source_id) for source_id in census.BULK_TABLES},
    "wards": geography.wards,
    "lsoa_boundaries": geography.lsoa_boundaries,
    "output_area_boundaries_2011": geography.output_area_boundaries_2011,
    "output_area_lookup": geography.output_area_lookup,
    "lsoa_best_fit": geography.lsoa_best_fit,
    "lsoa_2011_lookup": geography.lsoa_2011_lookup,
    "msoa_2011_lookup": geography.msoa_2011_lookup,
    "postcodes": geography.postcodes,
    "census_overcrowding": census.overcrowding,
    "census_english_proficiency": census.english_proficiency,
    "deprivation_2019": others.deprivation_2019,
    "deprivation_2025": others.deprivation_2025,
    "deprivation_2025_index": others.deprivation_2025_index,
    "deprivation_2025_subdomains": others.deprivation_2025_subdomains,
    "street_crime": police.street_crime,
    "stop_and_search": police.stop_and_search,
    "local_elections_2023": others.local_elections_2023,
    "bus_service": others.bus_service,
    "private_outdoor_space": others.private_outdoor_space,
    "covid_vaccination": others.covid_vaccination,
    "population_2020": others.population_2020,
    "digital_exclusion": others.digital_exclusion,
    "recorded_flooding": others.recorded_flooding,
    "loneliness": inclusion.loneliness,
    "census_unpaid_care": inclusion.census_unpaid_care,
    "reference": reference.reference,
    "household_income": economy.household_income,
    "house_prices": economy.house_prices,
    "insolvencies": economy.insolvencies,
    "fuel_poverty_lihc": economy.fuel_poverty_lihc,
    "fuel_poverty_lilee_2011": economy.fuel_poverty_lilee_2011,
    "fuel_poverty_lilee": economy.fuel_poverty_lilee,
    "census_age": economy.census_age,
}


def import_tables(root: Path, contracts: Contracts) -> Iterator[EmbeddedTable]:
    """Read every source from a folder, one after the other.

    Args:
        root: the folder, laid out as ``docs/snapshot-folder.md`` says.
        contracts: what the tables must look like.

    Yields:
        One table a source, rows ordered by key: the same files give the same table. Sources that geography.yaml says
        every authority is without are left out.

    Raises:
        SpiError: when a file is missing or not what it should be, or a source has no importer.
    """
    imported = {name: source for name, source in contracts.sources.items() if name in IMPORTERS}
    # What is only ever fetched needs no importer; it is in no snapshot until one is frozen from a live store.
    missing = sorted(
        name for name in contracts.sources.keys() - imported if contracts.sources[name].properties.mode == "frozen"
    )
    if missing:
        raise SpiError(f"no importer reads the sources {', '.join(missing)}; add one to snapshot/importers")
    folder = Folder(root)
    scope = Scope(root, contracts.geography)
    for source_id, source in sorted(imported.items()):
        if not contracts.geography.holding(source_id):
            continue
        frame = _held(IMPORTERS[source_id](folder, contracts, scope), source_id, contracts, scope)
        others = [column.name for column in source.columns if column.type != "binary" and not column.key]
        frame = frame.sort_values([*source.key, *others], ignore_index=True)
        yield EmbeddedTable(source_id, to_arrow(frame, source), folder.collect())


def _held(frame: pd.DataFrame, source_id: str, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """A table cut to the authorities that geography.yaml does not call without it: each of them must be in it."""
    if "area_code" not in frame:
        return frame
    held = contracts.geography.holding(source_id)
    authority = frame["area_code"].map(scope.authority_of)
    bare = [item.name for item in contracts.geography.authorities if item.code in held - set(authority)]
    if bare:
        raise SpiError(
            f"source {source_id}: the files hold no figures for {', '.join(bare)}; supply them, or list {source_id} "
            "under without in geography.yaml with the reason"
        )
    return frame[authority.isna() | authority.isin(held)]
