"""Boundaries and lookups as a folder holds them, of invented areas.

Three LSOAs are ours (the third without output areas), E01900009 is a neighbour's. The LSOA E01800001 of 2011 was split.
"""

from __future__ import annotations

import json

from spi_pipeline_tests.imitations.tables import LUTON

FILES = {
    "lsoa_best_fit": {
        "geography/lookup_lsoa21_ward24_ltla24.csv.gz": f"""lsoa21_name,lsoa21_code,ward24_code,ltla24_code
A,E01900001,E05014735,{LUTON}
B,E01900002,E05014749,{LUTON}
C,E01900003,E05014749,{LUTON}
Z,E01900009,E05099999,E06000099
""",
    },
    "lsoa_2011_lookup": {
        "geography/lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz": """LSOA11CD,LSOA21CD,CHGIND
E01800001,E01900001,S
E01800001,E01900002,S
E01900003,E01900003,U
E01900009,E01900009,U
""",
    },
    "msoa_2011_lookup": {
        "geography/msoa11_msoa21_lad22_town.csv": """MSOA11CD,MSOA21CD,CHNGIND
E02900001,E02900001,U
E02900009,E02900009,U
""",
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
