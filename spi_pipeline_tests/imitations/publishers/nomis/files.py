"""Census tables as files in a folder: from the bulk download, and in other published forms."""

from __future__ import annotations

from spi_pipeline_tests.imitations.messages import zipped

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
RESIDENTS = "geography code,Residence type: Total; measures: Value\n"
LANGUAGE = "Main language is not English (English or Welsh in Wales)"
PERCENTAGES = """areacd,english_proficiency_4a-003
E00900001,10
E00900002,30
E01900003,0
"""
ACTIVITY = """areacd,economic_activity_status_4a-001,economic_activity_status_4a-002,economic_activity_status_4a-003
E00900001,60.2,4.8,35
E00900002,33.3,33.3,33.3
E00900009,50,10,40
"""
FILES = {
    "census_economic_activity": {
        "census2021_nomis/town/census2021-ts067-oa.csv": """geography code,\
Highest level of qualification: Total: All usual residents aged 16 years and over,\
Highest level of qualification: No qualifications
E00900002,100,30
E00900001,83,20
E00900009,10,1
""",
        "census2021_onsvisual/oa_percent/economic_activity_status_4a.csv": ACTIVITY,
    },
    "census_english_proficiency": {
        "census2021_nomis/census2021-ts001.zip": zipped(
            {
                "census2021-ts001-oa.csv": f"{RESIDENTS}E00900002,300\nE00900001,100\nE00900009,50\n",
                "census2021-ts001-lsoa.csv": f"{RESIDENTS}E01900003,600\nE01900009,50\n",
            }
        ),
        "census2021_other/proficiency21_msoa21_town.csv": f"""msoa21_code,\
Main language is English (English or Welsh in Wales),\
{LANGUAGE}: Can speak English very well,{LANGUAGE}: Can speak English well,\
{LANGUAGE}: Cannot speak English well,{LANGUAGE}: Cannot speak English
E02900001,800,100,40,45,15
""",
        "census2021_onsvisual/oa_percent/english_proficiency_4a.csv": PERCENTAGES,
    },
    "census_car_availability": {
        "census2021_nomis/census2021-ts045.zip": zipped(
            {"census2021-ts045-oa.csv": CAR_OA, "census2021-ts045-lsoa.csv": CAR_LSOA}
        ),
    },
    "census_overcrowding": {
        "census2021_other/household_overcrowding21_oa21_town.csv": """oa21_code,total_households,occupancy_rating,n
E00900002,90.0,-1 (overcrowded),5.0
E00900002,90.0,-2 or less (overcrowded),1.0
E00900002,90.0,0 (ideal),20.0
E00900002,90.0,+1 (under-occupied),30.0
E00900002,90.0,+2 or more (under-occupied),34.0
E00900001,100.0,-1 (overcrowded),8.0
E00900001,100.0,-2 or less (overcrowded),2.0
E00900001,100.0,0 (ideal),25.0
E00900001,100.0,+1 (under-occupied),35.0
E00900001,100.0,+2 or more (under-occupied),30.0
""",
    },
}
