"""data.police.uk: street-level crime, and stop and search."""

from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.police import answers, asking, files

HOSTS = (asking.POLICE,)
OFFERS = {
    "street_crime": Offer(
        asking.fetch_street_crime, answers.parse_crimes, asking.last_updated, files.read_street_crime
    ),
    "stop_and_search": Offer(asking.fetch_stops, answers.parse_stops, asking.last_updated, files.read_stop_and_search),
}
