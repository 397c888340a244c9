"""Flooded residents as a file in a folder, which lists only areas that have any."""

from __future__ import annotations

FILES = {
    "recorded_flooding": {
        "environment/people_flooded_lsoa11_town.csv": """lsoa_code,people_flooded,total_population
E01800001,7,1500
E01900009,3,900
""",
        "population/population20_lsoa11_syoa_town.csv": """lsoa11_code,total_population,0
E01800001,"1,500",20
E01900003,1700,30
E01900009,900,10
""",
    },
}
