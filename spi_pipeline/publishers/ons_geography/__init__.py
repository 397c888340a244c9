"""ONS Open Geography: wards, boundaries, lookups and centroids."""

from __future__ import annotations

from functools import partial

from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.ons_geography import files, services

_READ = {
    "wards": files.wards,
    "lsoa_boundaries": files.lsoa_boundaries,
    "output_area_lookup": files.output_area_lookup,
    "lsoa_2011_lookup": files.lsoa_2011_lookup,
}
HOSTS = (services.ONS_GEOGRAPHY,)
OFFERS = {
    **{
        name: Offer(partial(services.fetch_service, name), partial(services.parse_service, name), read=read)
        for name, read in _READ.items()
    },
    "lsoa_best_fit": Offer(services.fetch_best_fit, services.parse_best_fit, read=files.lsoa_best_fit),
    "msoa_2011_lookup": Offer(read=files.msoa_2011_lookup),
    "output_area_boundaries_2011": Offer(read=files.output_area_boundaries_2011),
}
