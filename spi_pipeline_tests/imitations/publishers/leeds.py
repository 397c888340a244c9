"""Files in a folder: trips per hour, one file a year, and energy ratings."""

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
    "energy_certificates": {
        "energy/epc_lsoa11_town.csv": """LSOA11,Dwellings,Crr_A,Crr_EE
E01800001,400,1,61.25
E01900003,250,0,70
E01900009,9,0,50
""",
    },
}
