"""House of Commons Library: local elections of 2023 by ward."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Geography, plain
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.offer import Offer

RESULTS = "elections/LEH-Candidates-2023_Ward_Level.csv.gz"
# Two districts whose ONS names differ in more than commas and capitals.
_OFFICIAL_NAMES = {
    "Herefordshire": "Herefordshire, County of", "Kingston Upon Hull": "Kingston upon Hull, City of",
}  # fmt: skip
# Codes are given in order: wards from this one on came into force in May 2024, nearly all by reviews of whole councils.
_FIRST_OF_2024 = "E05015581"


def local_elections_2023(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read electorate and turnout. The file names wards, and each name is resolved within the authority of its row.

    A ward named Luton in Medway is not a ward of ours: the district decides. For all of England, an authority is left
    out whole if most of its wards are newer, since many names are in both sets. Elsewhere a ward is left out if it is
    newer, or if the ONS has no ward of its name. A remark on the file lists all of these.

    Raises:
        SpiError: when the file names a ward that one of our authorities does not have.
    """
    table = folder.csv(RESULTS, "2023-05-04", needs=["DISTRICTNAME", "WARDNAME", "ELECT", "TURNOUT"])
    if areas.national:
        named, codes = _of_england(folder, table, areas.geography)
    else:
        named, codes = _ours(table, areas.geography)
    return pd.DataFrame(
        {
            "area_code": codes,
            "area_name": named["WARDNAME"].to_numpy(),
            "electorate": whole(numbers(named["ELECT"], RESULTS, "ELECT"), RESULTS, "ELECT").to_numpy(),
            "turnout": numbers(named["TURNOUT"], RESULTS, "TURNOUT").to_numpy(),
        }
    )


def _ours(table: pd.DataFrame, geography: Geography) -> tuple[pd.DataFrame, list[str | None]]:
    """Return the rows of our authorities, and the ward code of each row."""
    held = geography.holding("local_elections_2023")
    authorities = [authority.name for authority in geography.authorities if authority.code in held]
    table = table[table["DISTRICTNAME"].isin(authorities)]
    named = list(zip(table["WARDNAME"], table["DISTRICTNAME"], strict=True))
    codes = [geography.ward_code(ward, authority) for ward, authority in named]
    for authority in authorities:
        unknown = [pair[0] for pair, code in zip(named, codes, strict=True) if pair[1] == authority and code is None]
        if unknown:
            fault = f"names wards that {authority} does not have: {', '.join(unknown)}"
            raise SpiError(f"{RESULTS} {fault}; compare it with geography.yaml")
    return table, codes


def _of_england(folder: Folder, table: pd.DataFrame, geography: Geography) -> tuple[pd.DataFrame, list[str | None]]:
    """Return the same for all of England, without the wards that cannot be identified."""
    name_of = {authority.code: authority.name for authority in geography.authorities}
    plainly = {plain(name): name for name in name_of.values()}
    districts = table["DISTRICTNAME"].replace(_OFFICIAL_NAMES).map(plain).map(plainly)
    if districts.isna().any():
        unknown = ", ".join(sorted(set(table.loc[districts.isna(), "DISTRICTNAME"])))
        raise SpiError(f"{RESULTS} names districts that are not authorities of England: {unknown}; check their names")
    wards = pd.DataFrame(
        [(ward.code, name_of[ward.authority]) for ward in geography.wards], columns=["code", "district"]
    )
    newer = wards["code"] >= _FIRST_OF_2024
    share = newer.groupby(wards["district"]).mean()
    renewed = districts.map(share) > 0.5
    codes = pd.Series(map(geography.ward_code, table["WARDNAME"], districts), table.index, dtype=object)
    called = table["WARDNAME"] + " in " + districts
    since = codes.isin(set(wards.loc[newer, "code"])) & ~renewed
    lost = codes.isna() & ~renewed
    folder.remark(
        RESULTS,
        f"Left out: {renewed.sum()} wards of {districts[renewed].nunique()} authorities, most of whose wards are newer "
        f"({', '.join(sorted(set(districts[renewed])))}); {since.sum()} newer wards elsewhere "
        f"({', '.join(sorted(called[since]))}); {lost.sum()} wards that the ONS has none of the name of "
        f"({', '.join(sorted(called[lost]))}).",
    )
    identified = ~(renewed | since | lost)
    return table[identified], codes[identified].to_list()


HOSTS = ()
OFFERS = {"local_elections_2023": Offer(read=local_elections_2023, national=True)}
