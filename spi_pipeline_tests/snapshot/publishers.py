"""A small folder of publishers' files in their own shapes: every figure in it is invented.

Three LSOAs are ours (the third without output areas), E01900009 is a neighbour's. The 2011 LSOA E01800001 was split.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

OURS = "E06000032"
CARS = "Number of cars or vans: "
CAR_HEADER = (
    f"date,geography,geography code,{CARS}Total: All households,{CARS}No cars or vans in household,"
    f"{CARS}1 car or van in household,{CARS}2 cars or vans in household,{CARS}3 or more cars or vans in household"
)
CAR_OA = f"""{CAR_HEADER}
2021,x,E00900002,90,10,40,30,10
2021,x,E00900001,100,20,50,20,10
2021,x,E00900009,70,10,20,30,10
"""
CAR_LSOA = f"""{CAR_HEADER}
2021,x,E01900001,190,30,90,50,20
2021,x,E01900003,"1,200",300,400,300,200
2021,x,E01900009,70,10,20,30,10
"""
ELECTIONS = """COUNTYNAME,DISTRICTNAME,WARDNAME,ELECT,TURNOUT,Grand Total
Bedfordshire,Luton,Saints,"9,100",31.5,1
Bedfordshire,Luton,Barnfield,8000,27.25,1
Kent,Medway,Luton,9000,20.1,1
"""
STREET_HEADER = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context"
)
STOP_HEADER = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)
STREET = f"""{STREET_HEADER}
aa11,2024-01,F,F,-0.41,51.88,On or near A,E01900001,L 1A,Burglary,None,
aa11,2024-01,F,F,-0.41,51.88,On or near A,E01900001,L 1A,Burglary,None,
bb22,2024-01,F,F,-0.41,51.88,On or near A,E01900001,L 1A,Burglary,None,
,2024-01,F,F,-0.42,51.89,On or near B,E01900002,L 1B,Anti-social behaviour,,
,2024-01,F,F,-0.42,51.89,On or near B,E01900002,L 1B,Anti-social behaviour,,
cc33,2024-01,F,F,,,No Location,,,Drugs,None,
"""
STOPS = f"""{STOP_HEADER}
Person search,2024-04-01T10:00:00+00:00,False,,51.88,-0.41,Male,18-24,White,White,Act,Drugs,Nothing,,False
Person search,2024-03-31T23:30:00+00:00,False,,51.88,-0.41,Female,25-34,White,White,Act,Drugs,Nothing,,False
Person search,2024-04-02T10:00:00+00:00,False,,,,Male,over 34,White,White,Act,Drugs,Nothing,,False
"""
AGES = ",".join([*map(str, range(90)), "90+"])
FILES: dict[str, str | bytes] = {
    "geography/lookup_lsoa21_ward24_ltla24.csv.gz": f"""lsoa21_name,lsoa21_code,ward24_code,ltla24_code
A,E01900001,E05014735,{OURS}
B,E01900002,E05014749,{OURS}
C,E01900003,E05014749,{OURS}
Z,E01900009,E05099999,E06000099
""",
    "geography/lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz": """LSOA11CD,LSOA21CD,CHGIND
E01800001,E01900001,S
E01800001,E01900002,S
E01900003,E01900003,U
E01900009,E01900009,U
""",
    "geography/msoa11_msoa21_lad22_town.csv": """MSOA11CD,MSOA21CD,CHNGIND
E02900001,E02900001,U
E02900009,E02900009,U
""",
    "geography/wards_2025_bgc_town.geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"WD25CD": code, "WD25NM": name, "LAD25CD": OURS, "OTHER": 1},
                    "geometry": {"type": "Polygon", "coordinates": [[[x, 0], [x + 1, 0], [x + 1, 1], [x, 0]]]},
                }
                for x, (code, name) in enumerate(
                    [("E05014749", "Saints"), ("E05014735", "Barnfield"), ("E05099999", "Elsewhere")]
                )
            ],
        }
    ),
    "geography/codepoint_open_zz.csv": f"""ZZ1 1AB,10,500010,220020,E9,E1,E1,,{OURS},E05014749
ZZ1 1AA,10,500000,220000,E9,E1,E1,,{OURS},E05014735
ZZ1 1AC,90,0,0,E9,E1,E1,,{OURS},E05014735
ZZ1 1AD,10,500000,220000,E9,E1,E1,,E06000099,E05099999
""",
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
    "census2021_other/household_overcrowding21_oa21_town.csv": "oa21_code,total_households,occupancy_rating,n\n"
    + "".join(
        f"{code},{sum(counts)}.0,{rating},{count}.0\n"
        for code, counts in (("E00900002", (5, 1, 20, 30, 34)), ("E00900001", (8, 2, 25, 35, 30)))
        for rating, count in zip(
            (
                "-1 (overcrowded)", "-2 or less (overcrowded)", "0 (ideal)", "+1 (under-occupied)",
                "+2 or more (under-occupied)",
            ),
            counts,
            strict=True,
        )
    ),
    "population/population20_msoa11_syoa_town.csv": f"msoa11_code,total_population,{AGES}\n"
    + f"E02900001,{91 * 10},{','.join(['10'] * 91)}\nE02900009,91,{','.join(['1'] * 91)}\n",
    "environment/people_flooded_lsoa11_town.csv": """lsoa_code,people_flooded
E01800001,7
E01900009,3
""",
    "transport/bus_trips_per_hour_lsoa21_2023_town.csv": """zone_id,tnds,bods
E01900002,12.5,1
E01900001,8.25,1
E01900009,3,1
""",
    "transport/bus_trips_per_hour_lsoa21_2022_town.csv": """zone_id,tnds,bods
E01900001,,1
""",
    "elections/LEH-Candidates-2023_Ward_Level.csv.gz": ELECTIONS,
    "police/bedfordshire_street/2024-01-bedfordshire-street.csv.gz": STREET,
    "police/bedfordshire_stop_and_search/2024-04-bedfordshire-stop-and-search.csv.gz": STOPS,
}  # fmt: skip


def put(root: Path, name: str, content: str | bytes) -> None:
    """Write one file as its name says: ``.gz`` packed."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    file.write_bytes(gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw)


def put_zip(root: Path, name: str, members: dict[str, str]) -> None:
    """Write one zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, text in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2024, 1, 1, 0, 0, 0)), text)
    put(root, name, buffer.getvalue())


def write_folder(root: Path) -> Path:
    """The whole folder."""
    for name, content in FILES.items():
        put(root, name, content)
    members = {"census2021-ts045-oa.csv": CAR_OA, "census2021-ts045-lsoa.csv": CAR_LSOA}
    put_zip(root, "census2021_nomis/census2021-ts045.zip", members)
    return root
