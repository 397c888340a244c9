"""ONS Open Geography: boundaries and lookups in a folder of files."""

from collections.abc import Collection

import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import BEST_FIT, LSOA_2011, MSOA_2011, Areas, read_msoas, read_parents
from spi_pipeline.publishers.files.columns import ContractReader, by_contract
from spi_pipeline.publishers.files.england import read_authorities, read_former_msoas, read_former_parents, read_wards
from spi_pipeline.publishers.files.folder import Folder

WARD_COLUMNS = ["area_code", "area_name", "authority_code", "geometry"]


def wards(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read our wards with their boundaries; authorities that need none, and all of England, have the list alone."""
    if areas.national:
        frame = read_wards(folder)[WARD_COLUMNS[:-1]].assign(geometry=None)
        folder.remark(
            BEST_FIT, "The wards of May 2024 that some LSOA fits best; no file of their boundaries is at hand."
        )
        return frame
    geography = areas.geography
    pattern = "geography/wards_2025_bgc_*.geojson"
    drawn = geography.wards_of(geography.drawn)
    listed = [ward for ward in geography.wards if ward.code not in drawn]
    frames = [pd.DataFrame([(ward.code, ward.name, ward.authority, None) for ward in listed], columns=WARD_COLUMNS)]
    if drawn:
        frame = _boundaries(folder, pattern, "2025-05", "WD25CD", drawn)
        frames.append(by_contract(frame, pattern, source).assign(geometry=frame["geometry"]))
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def lsoa_boundaries(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the LSOA boundaries of our authorities."""
    frame = _boundaries(folder, "geography/lsoa21_bgc_*.geojson", "2021-12", "LSOA21CD", areas.lsoa21)
    return pd.DataFrame({"area_code": frame["LSOA21CD"], "geometry": frame["geometry"]})


def output_area_boundaries_2011(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the boundaries of output areas of 2011; the allocation determines which of them still exist."""
    ours = areas.geography.drawn
    frame = _boundaries(folder, "geography/oa11_*.geojson.gz", "2011-12", "LAD11CD", ours)
    return pd.DataFrame({"area_code": frame["OA11CD"], "geometry": frame["geometry"]})


def output_area_lookup(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the LSOA, MSOA and authority of each output area; no file holds its best-fit ward."""
    parents = read_parents(folder, areas.geography)
    ours = parents[(parents["kind"] == "Output Area") & parents["code"].isin(areas.oa21)]
    msoas = read_msoas(folder, areas.geography, areas.lsoa21).set_index("lsoa_code")["msoa_code"]
    return pd.DataFrame(
        {
            "area_code": ours["code"],
            "lsoa_code": ours["parent"],
            "msoa_code": ours["parent"].map(msoas),
            "authority_code": ours["parent"].map(areas.authority_of),
            "ward_code": None,
        }
    )


def lsoa_best_fit(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the official best fit for our authorities, with the MSOA of each LSOA."""
    frame = by_contract(folder.csv(BEST_FIT, "2024"), BEST_FIT, source, areas=areas.lsoa21)
    msoas = read_msoas(folder, areas.geography, areas.lsoa21).rename(columns={"lsoa_code": "area_code"})
    return frame.merge(msoas, on="area_code", validate="1:1")


def msoa_2011_lookup(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Match MSOAs of 2011 to those of 2021: by a lookup for our authorities, by the names of LSOAs for England."""
    if not areas.national:
        return ContractReader(MSOA_2011, "2021", "msoa11")(folder, source, areas)
    frame = read_former_msoas(folder, read_msoas(folder, areas.geography, areas.lsoa21))
    folder.remark(LSOA_2011, "MSOAs are told by their codes and the names of LSOAs; no lookup of theirs is at hand.")
    return by_contract(frame, LSOA_2011, source)


def lsoa_2011_msoa(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the MSOA of 2011 of each LSOA of 2011 that became one of ours."""
    msoas = read_msoas(folder, areas.geography, areas.lsoa21)
    parents = read_former_parents(folder, msoas).drop_duplicates("LSOA11CD")
    return by_contract(parents, LSOA_2011, source)


def authority_lookup(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the name, region and police force of our authorities."""
    authorities = read_authorities(folder)
    return authorities[authorities["area_code"].isin(areas.geography.authority_codes)]


def _boundaries(folder: Folder, pattern: str, period: str, column: str, codes: Collection[str]) -> pd.DataFrame:
    """Read the features whose property ``column`` is one of ``codes``, with ``geometry`` as well-known binary."""
    rows = []
    for name in folder.names(pattern):
        for feature in folder.geojson(name, period):
            try:
                if feature["properties"][column] in codes:
                    geometry = shapely.geometry.shape(feature["geometry"])
                    rows.append({**feature["properties"], "geometry": shapely.to_wkb(geometry, byte_order=1)})
            except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
                raise SpiError(
                    f"{name} holds a feature without {column} or a readable geometry; download it again"
                ) from error
    if not rows:
        raise SpiError(
            f"{pattern} holds no area of ours ({column} is none of {len(codes)} codes); fetch the right extract"
        )
    return pd.DataFrame(rows)
