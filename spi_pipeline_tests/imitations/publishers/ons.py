"""Estimates and prices as files in a folder; every figure is invented."""

from __future__ import annotations

AGES = ",".join([*map(str, range(90)), "90+"])
FILES = {
    "population_2020": {
        "population/population20_msoa11_syoa_town.csv": f"msoa11_code,total_population,{AGES}\n"
        + f"E02900001,{91 * 10},{','.join(['10'] * 91)}\nE02900009,91,{','.join(['1'] * 91)}\n",
    },
    "house_prices": {
        "housing/hpssa_median_price_lsoa11_2020_2021_town.csv": """lsoacode,hpmd202003,hpmd202103
E01800001,380000,"396,500"
E01900003,250000,
E01900009,1,1
""",
    },
}
