"""Nomis: tables of Census 2021 and 2011, population of small areas, claimant counts."""

from functools import partial

from spi_pipeline.publishers.nomis import answers, asking, census_2011, files, probes
from spi_pipeline.publishers.nomis.tables import CENSUS
from spi_pipeline.publishers.offer import Offer, Reader

# Census tables that are not read from the bulk download.
_KEPT_BY_OTHERS: dict[str, Reader] = {
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
# Those whose files of all England are kept.
_NATIONAL = (
    "census_car_availability", "census_central_heating", "census_disability", "census_english_proficiency",
    "census_ethnic_group", "census_general_health", "census_household_deprivation", "census_households",
    "census_overcrowding", "census_qualifications", "census_residents", "census_tenure",
)  # fmt: skip
HOSTS = (asking.NOMIS,)
OFFERS = {
    "population": Offer(asking.fetch_population, answers.parse_population, probes=(probes.POPULATION,)),
    "claimant_count": Offer(asking.fetch_claimants, answers.parse_claimants, probes=(probes.CLAIMANTS,), by_month=True),
    **{
        name: Offer(
            fetch=partial(asking.fetch_census, name),
            parse=partial(answers.parse_census, name),
            read=_KEPT_BY_OTHERS.get(name, files.bulk_table),
            probes=(probes.CENSUS_PROBES[name],),
            national=name in _NATIONAL,
        )
        for name in CENSUS
    },
    **census_2011.OFFERS,
}
