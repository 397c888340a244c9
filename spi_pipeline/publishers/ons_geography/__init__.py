"""ONS Open Geography: wards, boundaries, lookups and centroids."""

from functools import partial

from spi_pipeline.publishers.files.areas import LSOA_2011
from spi_pipeline.publishers.files.columns import ContractReader
from spi_pipeline.publishers.offer import Offer, Reader
from spi_pipeline.publishers.ons_geography import files, services
from spi_pipeline.publishers.ons_geography.layers import OUTPUT_AREA_FIT
from spi_pipeline.publishers.ons_geography.probes import PROBES

_READ: dict[str, Reader] = {
    "wards": files.wards,
    "lsoa_boundaries": files.lsoa_boundaries,
    "lsoa_2011_lookup": ContractReader(LSOA_2011, "2021", "lsoa11"),
}
_NATIONAL = ("wards", "lsoa_2011_lookup")
HOSTS = (services.ONS_GEOGRAPHY,)
OFFERS = {
    **{
        name: Offer(
            partial(services.fetch_service, name),
            partial(services.parse_service, name),
            read=read,
            probes=(PROBES[name],),
            national=name in _NATIONAL,
        )
        for name, read in _READ.items()
    },
    "lsoa_best_fit": Offer(
        services.fetch_best_fit,
        services.parse_best_fit,
        read=files.lsoa_best_fit,
        probes=(PROBES["lsoa_best_fit"], PROBES["output_area_lookup"]),
        national=True,
    ),
    "msoa_2011_lookup": Offer(read=files.msoa_2011_lookup, national=True),
    "lsoa_2011_msoa": Offer(read=files.lsoa_2011_msoa, national=True),
    "authority_lookup": Offer(read=files.authority_lookup, national=True),
    "output_area_lookup": Offer(
        services.fetch_output_areas,
        services.parse_output_areas,
        read=files.output_area_lookup,
        probes=(PROBES["output_area_lookup"], PROBES[OUTPUT_AREA_FIT]),
    ),
    "output_area_boundaries_2011": Offer(read=files.output_area_boundaries_2011),
}
