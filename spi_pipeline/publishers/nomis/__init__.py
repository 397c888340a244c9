"""Nomis: tables of Census 2021 and 2011, population of small areas, claimant counts."""

from functools import partial

from spi_pipeline.publishers.nomis import census_2011, fetching, files, parsing, probes
from spi_pipeline.publishers.nomis.tables import CENSUS
from spi_pipeline.publishers.offer import Offer, Reader

# Census tables that are not read from the bulk download.
_FROM_OTHER_FILES: dict[str, Reader] = {
    "census_age": files.AGE,
    "census_country_of_birth": files.COUNTRY_OF_BIRTH,
    "census_economic_activity": partial(files.percentages, files.ECONOMIC_ACTIVITY),
    "census_english_proficiency": partial(files.spread, files.PROFICIENCY),
    "census_ethnic_group": files.ethnic_group,
    "census_household_composition": partial(files.percentages, files.COMPOSITION),
    "census_household_size": partial(files.percentages, files.SIZE),
    "census_overcrowding": files.overcrowding,
    "census_sex": files.SEX,
    "census_unpaid_care": partial(files.spread, files.UNPAID_CARE),
}
# Census tables with files for all of England.
_NATIONAL = (
    "census_car_availability", "census_central_heating", "census_disability", "census_english_proficiency",
    "census_ethnic_group", "census_general_health", "census_household_deprivation", "census_households",
    "census_overcrowding", "census_qualifications", "census_residents", "census_tenure",
)  # fmt: skip
HOSTS = (fetching.NOMIS,)
OFFERS = {
    "population": Offer(fetching.fetch_population, parsing.parse_population, probes=(probes.POPULATION,)),
    "claimant_count": Offer(
        fetching.fetch_claimants, parsing.parse_claimants, probes=(probes.CLAIMANTS,), by_month=True
    ),
    **{
        name: Offer(
            fetch=partial(fetching.fetch_census, name),
            parse=partial(parsing.parse_census, name),
            read=_FROM_OTHER_FILES.get(name, files.bulk_table),
            probes=(probes.CENSUS_PROBES[name],),
            national=name in _NATIONAL,
        )
        for name in CENSUS
    },
    **census_2011.OFFERS,
}
