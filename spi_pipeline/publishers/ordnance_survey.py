"""Ordnance Survey: Code-Point Open, the position and ward of every postcode."""

import pandas as pd

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import whole_numbers
from spi_pipeline.publishers.offer import Offer

POSTCODE_COLUMNS = (
    "postcode", "positional_quality", "easting", "northing", "country", "nhs_region", "nhs_ha", "county", "district",
    "ward_code",
)  # fmt: skip


def postcodes(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the postcodes in our wards, except those of quality 90, which have no position."""
    frames = []
    for name in folder.names("geography/codepoint_open_*.csv"):
        table = folder.csv(name, "2024-02", header=POSTCODE_COLUMNS)
        ours = table["district"].isin(areas.geography.drawn) & (table["positional_quality"] != "90")
        numbered = whole_numbers(table[ours], ["easting", "northing", "positional_quality"], name)
        frames.append(numbered[["postcode", "easting", "northing", "positional_quality", "ward_code"]])
    return pd.concat(frames)


HOSTS = ()
OFFERS = {"postcodes": Offer(read=postcodes)}
