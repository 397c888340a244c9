"""data.police.uk: street-level crime, and stop and search."""

from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.police import answers, asking, files, probes

HOSTS = (asking.POLICE,)
OFFERS = {
    "street_crime": Offer(
        asking.fetch_street_crime,
        answers.parse_crimes,
        asking.newest_month,
        files.read_street_crime,
        (probes.UPDATED, probes.DATES, probes.CRIMES, probes.LISTING, probes.ARCHIVE),
        by_month=True,
    ),
    "stop_and_search": Offer(
        asking.fetch_stops,
        answers.parse_stops,
        asking.newest_month,
        files.read_stop_and_search,
        (probes.UPDATED, probes.DATES, probes.FORCE_STOPS, probes.LISTING, probes.ARCHIVE),
        by_month=True,
    ),
}
