"""The layers of ONS Open Geography that are read: their names, fields and size.

Each release of a product has its own service, whose name may end in the release's ``_v``, and the name of every field
contains the vintage. Each name here occurs in the code of several other projects that used it in 2025 and 2026; for
wards the publisher also writes ``WD_MAY_2025_UK_BGC``. ``services`` fetches and parses the layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spi_pipeline.publishers.routes import Route

PAGE = 2000
CODES_A_REQUEST = 100


@dataclass(frozen=True)
class Service:
    """One layer.

    Attributes:
        name: the name of its service.
        field: the field by which areas are requested.
        order: the field that identifies a record, by which pages are ordered.
        scope: the attribute of ``Scope`` with the codes that ``field`` may hold.
        columns: by our column, a pattern of the field, whose vintage changes.
        route: the costs of both routes to it.
        successors: a pattern of the names of its earlier and later releases, as the publisher names them.
        drawn: whether it has boundaries or points.
    """

    name: str
    field: str
    order: str
    scope: str
    columns: Mapping[str, str]
    route: Route
    successors: str
    drawn: bool = False


def _route(records: int, size: int, areas: int) -> Route:
    """Return the costs of a layer with ``records`` records of ``size`` bytes, requested by ``areas`` areas in all."""
    return Route(1 / CODES_A_REQUEST, records * size // areas, -(-records // PAGE), records * size)


# The numbers of areas of England and Wales with records in a layer.
_LSOAS, _OUTPUT_AREAS, _AUTHORITIES = 35_672, 188_880, 318


# By the source whose table they fill, or by another purpose.
CENTROIDS = "lsoa_centroids"
OUTPUT_AREA_FIT = "output_area_best_fit"
SERVICES = {
    "wards": Service(
        "Wards_December_2024_Boundaries_UK_BGC", "LAD24CD", "WD24CD", "authorities",
        {"area_code": r"WD\d\dCD", "area_name": r"WD\d\dNM", "authority_code": r"LAD\d\dCD"},
        # The layer covers the United Kingdom, with its 361 authorities.
        _route(8_400, 1900, 361), r"(Wards|WD)_[A-Za-z]+_20\d\d_(Boundaries_)?UK_BGC\w*", drawn=True,
    ),
    "lsoa_boundaries": Service(
        "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW_BGC_V5", "LSOA21CD", "LSOA21CD", "lsoas",
        {"area_code": "LSOA21CD"}, _route(_LSOAS, 1800, _LSOAS),
        r"(Lower_layer_Super_Output_Areas|LSOA)_\w*2021_\w*EW_BGC\w*", drawn=True,
    ),
    "output_area_lookup": Service(
        "OA_LSOA_MSOA_EW_DEC_2021_LU_v3", "LSOA21CD", "OA21CD", "lsoas",
        {"area_code": "OA21CD", "lsoa_code": "LSOA21CD", "msoa_code": "MSOA21CD", "authority_code": r"LAD\d\dCD"},
        _route(_OUTPUT_AREAS, 300, _LSOAS), r"OA(21)?_LSOA(21)?_MSOA(21)?_\w*EW_\w*LU\w*",
    ),
    OUTPUT_AREA_FIT: Service(
        "OA21_WD24_LAD24_EW_LU_v2", "LAD24CD", "OA21CD", "authorities",
        {"area_code": "OA21CD", "ward_code": r"WD\d\dCD"},
        _route(_OUTPUT_AREAS, 250, _AUTHORITIES), r"OA21_WD\d\d_LAD\d\d_EW_LU\w*",
    ),
    "lsoa_best_fit": Service(
        "LSOA21_WD24_LAD24_EW_LU", "LAD24CD", "LSOA21CD", "authorities",
        {"area_code": "LSOA21CD", "ward_code": r"WD\d\dCD", "authority_code": r"LAD\d\dCD"},
        _route(_LSOAS, 300, _AUTHORITIES), r"LSOA21_WD\d\d_LAD\d\d_EW_LU\w*",
    ),
    "lsoa_2011_lookup": Service(
        "LSOA11_LSOA21_LAD22_EW_LU_v5", "LSOA21CD", "LSOA11CD", "lsoas",
        {"lsoa_2011_code": "LSOA11CD", "lsoa_2021_code": "LSOA21CD", "change": "CHN?GIND"},
        _route(_LSOAS, 300, _LSOAS), r"LSOA11_LSOA21_LAD\d\d_EW_LU\w*",
    ),
    CENTROIDS: Service(
        "LSOA_PopCentroids_EW_2021_V4", "LSOA21CD", "LSOA21CD", "lsoas", {"area_code": "LSOA21CD"},
        _route(_LSOAS, 300, _LSOAS), r"LSOA_PopCentroids_EW_2021\w*", drawn=True,
    ),
}  # fmt: skip
