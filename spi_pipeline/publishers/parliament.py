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
# Two districts that the ONS calls otherwise in more than commas and capitals.
_OFFICIAL_NAMES = {
    "Herefordshire": "Herefordshire, County of", "Kingston Upon Hull": "Kingston upon Hull, City of",
}  # fmt: skip
# Codes are given in order: from this one on wards came into force in May 2024, nearly all by reviews of whole councils.
_FIRST_OF_2024 = "E05015581"


def local_elections_2023(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Electorate and turnout; wards are named, and a name is resolved in the authority of its row.

    A ward named Luton in Medway is no ward of ours: the district decides. Of England, an authority most of whose
    wards are newer is left out whole, since many a name is in both sets; and elsewhere a ward that is newer, or is not
    called as the ONS calls any. Which these are is remarked of the file.

    Raises:
        SpiError: when one of our authorities is said to have a ward that it has not.
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
    """The rows of our authorities, and the code of the ward of each."""
    held = geography.holding("local_elections_2023")
    authorities = [authority.name for authority in geography.authorities if authority.code in held]
    table = table[table["DISTRICTNAME"].isin(authorities)]
    named = list(zip(table["WARDNAME"], table["DISTRICTNAME"], strict=True))
    codes = [geography.ward_code(ward, authority) for ward, authority in named]
    for authority in authorities:
        unknown = [pair[0] for pair, code in zip(named, codes, strict=True) if pair[1] == authority and code is None]
        if unknown:
            found = f"names wards that {authority} does not have: {', '.join(unknown)}"
            raise SpiError(f"{RESULTS} {found}; compare it with geography.yaml")
    return table, codes


def _of_england(folder: Folder, table: pd.DataFrame, geography: Geography) -> tuple[pd.DataFrame, list[str | None]]:
    """Likewise of England, without the wards that cannot be told."""
    name_of = {authority.code: authority.name for authority in geography.authorities}
    plainly = {plain(name): name for name in name_of.values()}
    districts = table["DISTRICTNAME"].replace(_OFFICIAL_NAMES).map(plain).map(plainly)
    if districts.isna().any():
        unknown = ", ".join(sorted(set(table.loc[districts.isna(), "DISTRICTNAME"])))
        raise SpiError(f"{RESULTS} names districts that are no authority of England: {unknown}; see their names")
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
    kept = ~(renewed | since | lost)
    return table[kept], codes[kept].to_list()


HOSTS = ()
OFFERS = {"local_elections_2023": Offer(read=local_elections_2023, national=True)}
