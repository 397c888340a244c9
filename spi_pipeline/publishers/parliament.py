"""House of Commons Library: local elections of 2023 by ward."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.offer import Offer


def local_elections_2023(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Electorate and turnout; wards are named, and a name is resolved in the authority of its row.

    A ward named Luton in Medway is no ward of ours: the district decides.
    """
    name = "elections/LEH-Candidates-2023_Ward_Level.csv.gz"
    geography = areas.geography
    held = geography.holding("local_elections_2023")
    authorities = [authority.name for authority in geography.authorities if authority.code in held]
    table = folder.csv(name, "2023-05-04", needs=["DISTRICTNAME", "WARDNAME", "ELECT", "TURNOUT"])
    table = table[table["DISTRICTNAME"].isin(authorities)]
    named = list(zip(table["WARDNAME"], table["DISTRICTNAME"], strict=True))
    codes = [geography.ward_code(ward, authority) for ward, authority in named]
    for authority in authorities:
        unknown = [pair[0] for pair, code in zip(named, codes, strict=True) if pair[1] == authority and code is None]
        if unknown:
            found = f"names wards that {authority} does not have: {', '.join(unknown)}"
            raise SpiError(f"{name} {found}; compare it with geography.yaml")
    return pd.DataFrame(
        {
            "area_code": codes,
            "area_name": table["WARDNAME"].to_numpy(),
            "electorate": whole(numbers(table["ELECT"], name, "ELECT"), name, "ELECT").to_numpy(),
            "turnout": numbers(table["TURNOUT"], name, "TURNOUT").to_numpy(),
        }
    )


HOSTS = ()
OFFERS = {"local_elections_2023": Offer(read=local_elections_2023)}
