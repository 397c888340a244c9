"""Boundaries and lookups of invented areas, as files in a folder.

Three LSOAs are in the council (the third has no output areas); E01900009 is a neighbour's. The 2011 LSOA E01800001 was
split.
"""

from __future__ import annotations

import json

from spi_pipeline_tests.imitations.messages import parquet, workbook
from spi_pipeline_tests.imitations.tables import LUTON

BEDFORDSHIRE, RAILWAYS, THAMES = "Bedfordshire Police", "British Transport Police", "Thames Valley Police"
CRIMES = {
    "Falls within": [BEDFORDSHIRE, BEDFORDSHIRE, RAILWAYS, RAILWAYS, RAILWAYS, THAMES, BEDFORDSHIRE],
    "LSOA code": ["E01800001", "E01900003", "E01900003", "E01900003", "E01900003", "E01900009", None],
}
LILEE = [
    ["LSOA Code", "LA Code", "Region", "Number of households", "Number of households in fuel poverty"],
    ["E01900001", LUTON, "East", 400, 40],
    ["E01900002", LUTON, "East", 300, 30],
    ["E01900003", LUTON, "London", 200, 20],
    ["E01900009", "E06000099", "South East", 100, 10],
]
FILES = {
    "lsoa_best_fit": {
        "geography/lookup_lsoa21_ward24_ltla24.csv.gz": f"""\
lsoa21_name,lsoa21_code,ward24_name,ward24_code,ltla24_name,ltla24_code
Luton 001A,E01900001,Barnfield,E05014735,Luton,{LUTON}
Luton 001B,E01900002,Saints,E05014749,Luton,{LUTON}
Luton 001C,E01900003,Saints,E05014749,Luton,{LUTON}
Elsewhere 001A,E01900009,"Other, Ward",E05014999,Elsewhere,E06000099
Nowhere 001A,W01900009,Nowhere,W05000999,Nowhere,W06000099
""",
    },
    "lsoa_2011_lookup": {
        "geography/lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz": """LSOA11CD,LSOA11NM,LSOA21CD,CHGIND
E01800001,Luton 001A,E01900001,S
E01800001,Luton 001A,E01900002,S
E01900003,Luton 001B,E01900003,U
E01900009,Elsewhere 001A,E01900009,U
""",
    },
    "msoa_2011_lookup": {
        "geography/msoa11_msoa21_lad22_town.csv": """MSOA11CD,MSOA21CD,CHNGIND
E02900001,E02900001,U
E02900009,E02900009,U
""",
    },
    "lsoa_2011_msoa": {
        "environment/osprivateoutdoorspacereferencetables.xlsx": workbook(
            {
                "MSOA gardens": [
                    ["Country name", "MSOA code", "MSOA name", "Flats", None],
                    [None, None, None, "Address count", "With space"],
                    ["England", "E02900001", "Luton 001", 40, 10],
                    ["England", "E02900009", "Elsewhere 001", 60, 50],
                    ["Scotland", "S02000001", "Luton 001", 1, 1],
                ]
            }
        ),
    },
    "authority_lookup": {
        "police/street_2018-10_2019-02_41_forces_no_crime_id.parquet": parquet(CRIMES),
        "energy/2022_Sub-Regional-Data-LILEE.xlsx": workbook(
            {"Notes": [["Regions are those of 2022"]], "Table 3": [["Table 3: Fuel poverty by LSOA"], [], *LILEE]}
        ),
    },
    "wards": {
        "geography/wards_2025_bgc_town.geojson": json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"WD25CD": code, "WD25NM": name, "LAD25CD": LUTON, "OTHER": 1},
                        "geometry": {"type": "Polygon", "coordinates": [[[x, 0], [x + 1, 0], [x + 1, 1], [x, 0]]]},
                    }
                    for x, (code, name) in enumerate(
                        [("E05014749", "Saints"), ("E05014735", "Barnfield"), ("E05099999", "Elsewhere")]
                    )
                ],
            }
        ),
    },
    "output_area_lookup": {
        "census2021_onsvisual/TS046_heating_type_3a_2021_town.csv.gz": """\
Geography code,Geography area type,Parent area code
E00900001,Output Area,E01900001
E00900002,Output Area,E01900002
E00900009,Output Area,E01900009
E01900001,LSOA,E02900001
E01900002,LSOA,E02900001
E01900003,LSOA,E02900001
E01900009,LSOA,E02900009
""",
    },
}
