"""GOV.UK: Indices of Deprivation, fuel poverty, insolvencies."""

from spi_pipeline.publishers.files.columns import ContractReader
from spi_pipeline.publishers.govuk import deprivation, fuel_poverty, insolvencies, probes
from spi_pipeline.publishers.govuk.content import ASSETS, CONTENT
from spi_pipeline.publishers.offer import Offer

HOSTS = (CONTENT, ASSETS)
OFFERS = {
    "deprivation_2019": Offer(
        read=ContractReader("imd/imd2019_england_lsoa11_indicators_national.parquet", "2019", "lsoa11"), national=True
    ),
    "deprivation_2025": Offer(
        read=ContractReader("imd/imd2025_england_lsoa21_indicators_national.parquet", "2025", "lsoa21"), national=True
    ),
    "deprivation_2025_index": Offer(
        read=ContractReader("imd/imd2025_england_lsoa21_national.parquet", "2025", "lsoa21"), national=True
    ),
    "deprivation_2025_subdomains": Offer(
        deprivation.fetch_indices,
        deprivation.parse_subdomains,
        deprivation.last_indices,
        ContractReader("imd/imd2025_england_lsoa21_subdomains_national.parquet", "2025", "lsoa21"),
        (probes.INDICES, probes.FILE_7),
        national=True,
    ),
    "fuel_poverty_lihc": Offer(read=fuel_poverty.read_lihc),
    "fuel_poverty_lilee_2011": Offer(read=fuel_poverty.read_lilee_2011, national=True),
    "fuel_poverty_lilee": Offer(
        fuel_poverty.fetch,
        fuel_poverty.parse,
        read=fuel_poverty.read_lilee,
        probes=(probes.FUEL_POVERTY, probes.FUEL_RELEASE),
        national=True,
    ),
    "insolvencies": Offer(read=insolvencies.insolvencies),
}
