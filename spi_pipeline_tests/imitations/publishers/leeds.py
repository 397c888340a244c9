"""Trips an hour as a folder holds them, a file a year."""

from __future__ import annotations

FILES = {
    "bus_service": {
        "transport/bus_trips_per_hour_lsoa21_2023_town.csv": """zone_id,tnds,bods
E01900002,12.5,1
E01900001,8.25,1
E01900009,3,1
""",
        "transport/bus_trips_per_hour_lsoa21_2022_town.csv": """zone_id,tnds,bods
E01900001,,1
""",
    },
}
