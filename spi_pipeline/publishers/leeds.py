"""University of Leeds: bus frequencies and energy certificates of homes, by LSOA."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import ContractReader
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers
from spi_pipeline.publishers.offer import Offer


def bus_service(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read trips an hour by year: of the three counts published, only the one from Traveline data covers all years."""
    frames = []
    for name in folder.names("transport/bus_trips_per_hour_lsoa21_[0-9][0-9][0-9][0-9]_*.csv"):
        year = name.rsplit("lsoa21_", 1)[-1][:4]
        table = folder.csv(name, year, needs=["zone_id", "tnds"])
        table = table[table["zone_id"].isin(areas.lsoa21)]
        if table.empty:
            raise SpiError(f"{name} holds no LSOA of ours; download it again, whole")
        trips = numbers(table["tnds"], name, "tnds")
        frames.append(pd.DataFrame({"area_code": table["zone_id"], "year": int(year), "trips_per_hour": trips}))
    return pd.concat(frames, ignore_index=True)


HOSTS = ()
OFFERS = {
    "bus_service": Offer(read=bus_service),
    "energy_certificates": Offer(
        read=ContractReader("energy/epc_lsoa11_*.csv", "2018", "lsoa11", "national/EPC.Rds"), national=True
    ),
}
