"""Flooded residents as a folder holds them: only areas with any are listed."""

from __future__ import annotations

FILES = {
    "recorded_flooding": {
        "environment/people_flooded_lsoa11_town.csv": """lsoa_code,people_flooded
E01800001,7
E01900009,3
""",
    },
}
