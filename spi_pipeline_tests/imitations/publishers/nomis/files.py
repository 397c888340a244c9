"""Census tables as a folder holds them: of the bulk download, and as others kept them."""

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
FILES = {
    "census_car_availability": {
        "census2021_nomis/census2021-ts045.zip": zipped(
            {"census2021-ts045-oa.csv": CAR_OA, "census2021-ts045-lsoa.csv": CAR_LSOA}
        ),
    },
    "census_overcrowding": {
        "census2021_other/household_overcrowding21_oa21_town.csv": "oa21_code,total_households,occupancy_rating,n\n"
        + "".join(
            f"{code},{sum(counts)}.0,{rating},{count}.0\n"
            for code, counts in (("E00900002", (5, 1, 20, 30, 34)), ("E00900001", (8, 2, 25, 35, 30)))
            for rating, count in zip(
                (
                    "-1 (overcrowded)",
                    "-2 or less (overcrowded)",
                    "0 (ideal)",
                    "+1 (under-occupied)",
                    "+2 or more (under-occupied)",
                ),
                counts,
                strict=True,
            )
        ),
    },
}
