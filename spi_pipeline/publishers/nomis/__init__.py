"""Nomis: tables of Census 2021, population of small areas, claimant counts."""

from functools import partial

from spi_pipeline.publishers.nomis import answers, files
from spi_pipeline.publishers.nomis.tables import CENSUS
from spi_pipeline.publishers.offer import Offer, Reader

# Census tables that are not read from the bulk download.
_KEPT_BY_OTHERS: dict[str, Reader] = {
    "census_age": files.AGE,
    "census_english_proficiency": partial(files.spread, files.PROFICIENCY),
    "census_overcrowding": files.overcrowding,
    "census_unpaid_care": partial(files.spread, files.UNPAID_CARE),
}
HOSTS = (answers.NOMIS,)
OFFERS = {
    **{
        name: Offer(
            fetch=partial(answers.fetch_census, name),
            parse=partial(answers.parse_census, name),
            read=_KEPT_BY_OTHERS.get(name, files.bulk_table),
        )
        for name in CENSUS
    },
    "population": Offer(answers.fetch_population, answers.parse_population),
    "claimant_count": Offer(answers.fetch_claimants, answers.parse_claimants),
}
