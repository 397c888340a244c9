"""GOV.UK: Indices of Deprivation, fuel poverty, insolvencies."""

from __future__ import annotations

from spi_pipeline.publishers.govuk import deprivation, fuel_poverty, insolvencies
from spi_pipeline.publishers.govuk.content import ASSETS, CONTENT
from spi_pipeline.publishers.offer import Offer

HOSTS = (CONTENT, ASSETS)
OFFERS = {
    "deprivation_2019": Offer(read=deprivation.read_2019),
    "deprivation_2025": Offer(read=deprivation.read_2025),
    "deprivation_2025_index": Offer(read=deprivation.read_index),
    "deprivation_2025_subdomains": Offer(
        deprivation.fetch_indices, deprivation.parse_subdomains, deprivation.last_indices, deprivation.read_subdomains
    ),
    "fuel_poverty_lihc": Offer(read=fuel_poverty.read_lihc),
    "fuel_poverty_lilee_2011": Offer(read=fuel_poverty.read_lilee_2011),
    "fuel_poverty_lilee": Offer(fuel_poverty.fetch, fuel_poverty.parse, read=fuel_poverty.read_lilee),
    "insolvencies": Offer(read=insolvencies.insolvencies),
}
