"""British Red Cross: others' figures, as it carried them to small areas or scored them over England."""

import pandas as pd

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import Named, by_contract
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offer import Offer


def recorded_flooding(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Residents inside flood outlines: the publication lists only LSOAs with any, so an absent one has none."""
    name = folder.name("environment/people_flooded_lsoa11_*.csv")
    listed = by_contract(folder.csv(name, "2022"), name, source, areas=areas.lsoa11)
    # An extract for one authority says nothing of another.
    told = {areas.authority_of[code] for code in listed["area_code"]}
    every = pd.DataFrame({"area_code": [code for code in sorted(areas.lsoa11) if areas.authority_of[code] in told]})
    return every.merge(listed, how="left", validate="1:1").fillna({"residents_flooded": 0})


HOSTS = ()
OFFERS = {
    "digital_exclusion": Offer(
        read=Named("communications/depahri_lsoa11_*.csv", "2021", "lsoa11", "national/england_lsoa_depahri.rda")
    ),
    "loneliness": Offer(
        read=Named(
            "health/cls_loneliness_lsoa21_*.csv", "2021-03", "lsoa21", "national/england_cls_loneliness_lsoa.rda"
        )
    ),
    "recorded_flooding": Offer(read=recorded_flooding),
}
