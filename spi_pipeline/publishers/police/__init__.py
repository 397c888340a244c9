"""data.police.uk: street-level crime, and stop and search."""

from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.police import fetching, files, parsing, probes

HOSTS = (fetching.POLICE,)
OFFERS = {
    "street_crime": Offer(
        fetching.fetch_street_crime,
        parsing.parse_crimes,
        fetching.newest_month,
        files.read_street_crime,
        (probes.UPDATED, probes.DATES, probes.CRIMES, probes.LISTING, probes.ARCHIVE),
        by_month=True,
    ),
    "stop_and_search": Offer(
        fetching.fetch_stops,
        parsing.parse_stops,
        fetching.newest_month,
        files.read_stop_and_search,
        (probes.UPDATED, probes.DATES, probes.FORCE_STOPS, probes.LISTING, probes.ARCHIVE),
        by_month=True,
    ),
}
