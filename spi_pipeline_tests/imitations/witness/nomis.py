"""Nomis: `/api/v01/dataset/NM_….data.csv`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import pandas as pd

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import Request, Response, not_found

GUEST_ROWS = 25_000
NEWEST_CLAIMANTS = "2026-08"

ALL = "Total: All usual residents"
HOUSEHOLDS = "Total: All households"
AGES = [
    "Total",
    "Aged 4 years and under",
    *(f"Aged {low} to {low + 4} years" for low in range(5, 85, 5)),
    "Aged 85 years and over",
]

OCCUPATIONS = [
    "Managers, directors and senior officials",
    "Professional occupations",
    "Associate professional and technical occupations",
    "Administrative and secretarial occupations",
    "Skilled trades occupations",
    "Caring, leisure and other service occupations",
    "Sales and customer service occupations",
    "Process, plant and machine operatives",
    "Elementary occupations",
]
ACTIVE = "Economically active (excluding full-time students)"
STUDENT = "Economically active and a full-time student"


@dataclass(frozen=True)
class Dataset:
    """A data set: each dimension in capitals with its categories by code; `figure` returns a count, or None."""

    dimensions: Mapping[str, Mapping[int, str]]
    figure: Callable[[str, str, Mapping[str, int]], int | None]
    dates: tuple[tuple[str, str], ...] = (("2021", "2021"),)


def _census(
    name: str, dimension: str, categories: Mapping[int, tuple[str, str | Callable[[pd.Series], float]]]
) -> Dataset:
    """A census table from an embedded one: each category has a label and a column, or a function of the row."""

    def figure(area: str, _date: str, cell: Mapping[str, int]) -> int | None:
        row = _row(name, area)
        wanted = categories[cell[dimension]][1]
        return None if row is None else round(row[wanted] if isinstance(wanted, str) else wanted(row))

    return Dataset({dimension: {code: label for code, (label, _) in categories.items()}}, figure)


@cache
def _rows(name: str) -> dict[str, pd.Series]:
    """The rows of an embedded table, and their sums by LSOA, by MSOA and for the town."""
    held = town.table(name).set_index("area_code")
    rows = {str(code): row for code, row in held.iterrows()}
    if str(held.index[0]).startswith("E00"):
        areas = town.lookup().set_index("oa")
        for level in ("lsoa_code", "msoa_code", "authority_code"):
            for code, row in held.groupby(areas[level]).sum().iterrows():
                rows[str(code)] = row
    return rows


def _row(name: str, area: str) -> pd.Series | None:
    return _rows(name).get(area)


def _others(*columns: str) -> Callable[[pd.Series], float]:
    """The first column minus all the others."""
    return lambda row: row[columns[0]] - sum(row[column] for column in columns[1:])


def _share(column: str, share: float) -> Callable[[pd.Series], float]:
    return lambda row: row[column] * share


def _no_cell(_: pd.Series) -> float:
    return 0.0


def _claimants(area: str, date: str, cell: Mapping[str, int]) -> int | None:
    """Claimants, in multiples of five."""
    if area not in town.wards() and area not in town.lsoas():
        return None
    scale = 1 if area in town.lsoas() else 8
    month = int(date[:4]) * 12 + int(date[5:])
    return 5 * ((int(area[-4:]) * 7 + month * 3) % 9 + 3) * scale


def _population(area: str, _date: str, cell: Mapping[str, int]) -> int | None:
    row = _row("census_age", area)
    if row is None:
        return None
    young = row.aged_0_4 + row.aged_5_9 + row.aged_10_14 + round(row.aged_15_19 / 5)
    old = row.aged_65_69 + row.aged_70_74 + row.aged_75_79 + row.aged_80_84 + row.aged_85_and_over
    residents = row.residents
    return int(
        {200: residents, 0: residents, 201: young, 202: residents - young, 203: residents - young - old, 209: old}[
            cell["C_AGE"]
        ]
    )


DATASETS: Mapping[str, Dataset] = {
    "NM_2021_1": _census(
        "census_residents",
        "C2021_RESTYPE_3",
        {
            0: (ALL, "residents"),
            1: ("Lives in a household", "in_households"),
            2: ("Lives in a communal establishment", "in_communal_establishments"),
        },
    ),
    "NM_2059_1": _census("census_households", "C2021_HH_1", {0: ("Total households", "households")}),
    "NM_2020_1": _census(
        "census_age",
        "C2021_AGE_19",
        {
            code: (label, column)
            for code, (label, column) in enumerate(zip(AGES, town.table("census_age").columns[1:], strict=True))
        },
    ),
    "NM_2048_1": _census(
        "census_english_proficiency",
        "C2021_ENGPRF_6",
        {
            0: ("Total: All usual residents aged 3 and over", "residents_3_and_over"),
            1: ("Main language is English (English or Welsh in Wales)", _share("residents_3_and_over", 0.7)),
            1001: ("Main language is not English (English or Welsh in Wales)", _share("residents_3_and_over", 0.3)),
            2: (
                "Main language is not English (English or Welsh in Wales): Can speak English very well",
                _share("residents_3_and_over", 0.14),
            ),
            3: (
                "Main language is not English (English or Welsh in Wales): Can speak English well",
                _share("residents_3_and_over", 0.1),
            ),
            4: (
                "Main language is not English (English or Welsh in Wales): Cannot speak English well",
                _share("little_english", 0.8),
            ),
            5: (
                "Main language is not English (English or Welsh in Wales): Cannot speak English",
                _share("little_english", 0.2),
            ),
        },
    ),
    "NM_2055_1": _census(
        "census_general_health",
        "C2021_HEALTH_6",
        {
            0: (ALL, "residents"),
            1: ("Very good health", "very_good"),
            2: ("Good health", "good"),
            3: ("Fair health", "fair"),
            4: ("Bad health", "bad"),
            5: ("Very bad health", "very_bad"),
        },
    ),
    "NM_2056_1": _census(
        "census_disability",
        "C2021_DISABILITY_5",
        {
            0: (ALL, "residents"),
            1001: ("Disabled under the Equality Act", lambda row: row.limited_a_lot + row.limited_a_little),
            1: ("Disabled under the Equality Act: Day-to-day activities limited a lot", "limited_a_lot"),
            2: ("Disabled under the Equality Act: Day-to-day activities limited a little", "limited_a_little"),
            1002: ("Not disabled under the Equality Act", _others("residents", "limited_a_lot", "limited_a_little")),
            3: (
                "Not disabled under the Equality Act: Has long term physical or mental health condition",
                _share("residents", 0.05),
            ),
            4: (
                "Not disabled under the Equality Act: No long term physical or mental health conditions",
                _share("residents", 0.8),
            ),
        },
    ),
    "NM_2057_1": _census(
        "census_unpaid_care",
        "C2021_CARER_7",
        {
            0: ("Total: All usual residents aged 5 and over", "residents_5_and_over"),
            1: ("Provides no unpaid care", _share("residents_5_and_over", 0.9)),
            101: ("Provides 19 hours or less unpaid care a week", _share("residents_5_and_over", 0.05)),
            2: ("Provides 9 hours or less unpaid care a week", _share("residents_5_and_over", 0.03)),
            3: ("Provides 10 to 19 hours unpaid care a week", _share("residents_5_and_over", 0.02)),
            102: ("Provides 20 to 49 hours unpaid care a week", _share("hours_20_or_more", 0.4)),
            4: ("Provides 20 to 34 hours unpaid care a week", _share("hours_20_or_more", 0.2)),
            5: ("Provides 35 to 49 hours unpaid care a week", _share("hours_20_or_more", 0.2)),
            6: ("Provides 50 or more hours unpaid care a week", _share("hours_20_or_more", 0.6)),
        },
    ),
    "NM_2062_1": _census(
        "census_accommodation_type",
        "C2021_ACCTYPE_9",
        {
            0: (HOUSEHOLDS, "households"),
            1: ("Detached", "detached"),
            2: ("Semi-detached", "semi_detached"),
            3: ("Terraced", "terraced"),
            4: ("In a purpose-built block of flats or tenement", "purpose_built_flat"),
            5: ("Part of a converted or shared house, including bedsits", "converted_or_shared_house"),
            6: (
                "Part of another converted building, for example, former school, church or warehouse",
                "other_converted_building",
            ),
            7: (
                "In a commercial building, for example, in an office building, hotel or over a shop",
                "commercial_building",
            ),
            8: ("A caravan or other mobile or temporary structure", "caravan"),
        },
    ),
    "NM_2063_1": _census(
        "census_car_availability",
        "C2021_CARS_5",
        {
            0: (HOUSEHOLDS, "households"),
            1: ("No cars or vans in household", "none"),
            2: ("1 car or van in household", "one"),
            3: ("2 cars or vans in household", "two"),
            4: ("3 or more cars or vans in household", "three_or_more"),
        },
    ),
    "NM_2064_1": _census(
        "census_central_heating",
        "C2021_HEATING_13",
        {
            0: (HOUSEHOLDS, "households"),
            1: ("No central heating", "none"),
            2: ("Mains gas only", _others("households", "none")),
            **{code: (f"Another kind of central heating ({code})", _no_cell) for code in range(3, 13)},
        },
    ),
    "NM_2070_1": _census(
        "census_overcrowding",
        "C2021_OCCRAT_BEDROOMS_6",
        {
            0: (HOUSEHOLDS, "households"),
            1: ("Occupancy rating of bedrooms: +2 or more", "plus_2_or_more"),
            2: ("Occupancy rating of bedrooms: +1", "plus_1"),
            3: ("Occupancy rating of bedrooms: 0", "standard"),
            4: ("Occupancy rating of bedrooms: -1", "minus_1"),
            5: ("Occupancy rating of bedrooms: -2 or less", "minus_2_or_less"),
        },
    ),
    "NM_2072_1": _census(
        "census_tenure",
        "C2021_TENURE_9",
        {
            0: (HOUSEHOLDS, "households"),
            1001: ("Owned", "owned"),
            1: ("Owned: Owns outright", _share("owned", 0.5)),
            2: ("Owned: Owns with a mortgage or loan", _share("owned", 0.5)),
            9996: ("Owned: Owns with a mortgage or loan or shared ownership", _share("owned", 0.5)),
            1002: ("Shared ownership", _no_cell),
            3: ("Shared ownership: Shared ownership", _no_cell),
            1003: ("Social rented", "social_rented"),
            4: ("Social rented: Rents from council or Local Authority", _share("social_rented", 0.6)),
            5: ("Social rented: Other social rented", _share("social_rented", 0.4)),
            1004: ("Private rented", "private_rented"),
            6: ("Private rented: Private landlord or letting agency", _share("private_rented", 0.9)),
            7: ("Private rented: Other private rented", _share("private_rented", 0.1)),
            8: ("Lives rent free", _no_cell),
            9997: ("Private rented or lives rent free", "private_rented"),
        },
    ),
    "NM_2084_1": _census(
        "census_qualifications",
        "C2021_HIQUAL_8",
        {
            0: ("Total: All usual residents aged 16 years and over", "residents_16_and_over"),
            1: ("No qualifications", "none"),
            2: ("Level 1 and entry level qualifications", "level_1"),
            3: ("Level 2 qualifications", "level_2"),
            4: ("Apprenticeship", "apprenticeship"),
            5: ("Level 3 qualifications", "level_3"),
            6: ("Level 4 qualifications and above", "level_4_and_above"),
            7: ("Other qualifications", "other"),
        },
    ),
    "NM_2028_1": _census(
        "census_sex", "C_SEX", {0: ("All persons", "residents"), 1: ("Female", "female"), 2: ("Male", "male")}
    ),
    "NM_2024_1": _census(
        "census_country_of_birth",
        "C2021_COB_12",
        {
            0: (ALL, "residents"),
            1: ("Europe: United Kingdom", "born_in_uk"),
            1002: ("Europe: EU countries", _share("born_abroad", 0.3)),
            6: ("Europe: Non-EU countries: All other non-EU countries", _share("born_abroad", 0.1)),
            7: ("Africa", _share("born_abroad", 0.2)),
            8: ("Middle East and Asia", _share("born_abroad", 0.3)),
            9: ("The Americas and the Caribbean", _share("born_abroad", 0.1)),
            10: ("Antarctica and Oceania (including Australasia) and Other", _no_cell),
            11: ("British Overseas", _no_cell),
        },
    ),
    "NM_2041_1": _census(
        "census_ethnic_group",
        "C2021_ETH_20",
        {
            0: (ALL, "residents"),
            1001: ("Asian, Asian British or Asian Welsh", "asian"),
            12: ("Asian, Asian British or Asian Welsh: Bangladeshi", _share("asian", 0.4)),
            14: ("Asian, Asian British or Asian Welsh: Other Asian", _share("asian", 0.6)),
            1002: ("Black, Black British, Black Welsh, Caribbean or African", "black"),
            17: ("Black, Black British, Black Welsh, Caribbean or African: Other Black", "black"),
            1003: ("Mixed or Multiple ethnic groups", "mixed"),
            9: ("Mixed or Multiple ethnic groups: Other Mixed or Multiple ethnic groups", "mixed"),
            1004: ("White", "white"),
            1: ("White: English, Welsh, Scottish, Northern Irish or British", _share("white", 0.8)),
            5: ("White: Other White", _share("white", 0.2)),
            1005: ("Other ethnic group", "other"),
            18: ("Other ethnic group: Arab", _share("other", 0.2)),
            19: ("Other ethnic group: Any other ethnic group", _share("other", 0.8)),
        },
    ),
    "NM_2023_1": _census(
        "census_household_composition",
        "C2021_HHCOMP_15",
        {
            0: (HOUSEHOLDS, "households"),
            1001: ("One-person household", "one_person"),
            1: ("One-person household: Aged 66 years and over", _share("one_person", 0.4)),
            2: ("One-person household: Other", _share("one_person", 0.6)),
            1002: ("Single family household", "single_family"),
            3: ("Single family household: All aged 66 years and over", _share("single_family", 0.1)),
            1005: ("Single family household: Lone parent family", _share("single_family", 0.2)),
            10: ("Single family household: Lone parent family: With dependent children", _share("single_family", 0.1)),
            1006: ("Single family household: Other single family household", _no_cell),
            1007: ("Other household types", "other_kinds"),
            13: ("Other household types: With dependent children", _share("other_kinds", 0.5)),
            14: (
                "Other household types: Other, including all full-time students and all aged 66 years and over",
                _share("other_kinds", 0.5),
            ),
        },
    ),
    "NM_2037_1": _census(
        "census_household_size",
        "C2021_HHSIZE_10",
        {
            # The total includes a category of households with no people.
            0: (HOUSEHOLDS, lambda row: row.households + 3),
            1: ("0 people in household", lambda _: 3.0),
            2: ("1 person in household", "one_person"),
            3: ("2 people in household", "two_people"),
            4: ("3 people in household", "three_people"),
            5: ("4 people in household", _others("four_or_more")),
            **{code: (f"{code - 1} people in household", _no_cell) for code in (6, 7, 8)},
            9: ("8 or more people in household", _no_cell),
        },
    ),
    "NM_2031_1": _census(
        "census_household_deprivation",
        "C2021_DEP_6",
        {
            0: (HOUSEHOLDS, "households"),
            1: ("Household is not deprived in any dimension", "not_deprived"),
            2: ("Household is deprived in one dimension", "deprived_in_one"),
            3: ("Household is deprived in two dimensions", "deprived_in_two"),
            4: ("Household is deprived in three dimensions", "deprived_in_three"),
            5: ("Household is deprived in four dimensions", "deprived_in_four"),
        },
    ),
    "NM_2080_1": _census(
        "census_occupation",
        "C2021_OCC_10",
        {
            0: (
                "Total: All usual residents aged 16 years and over in employment the week before the census",
                "residents_in_employment",
            ),
            **{
                code: (f"{code}. {label}", column)
                for code, (label, column) in enumerate(
                    zip(OCCUPATIONS, town.table("census_occupation").columns[2:], strict=True), 1
                )
            },
        },
    ),
    "NM_2083_1": _census(
        "census_economic_activity",
        "C2021_EASTAT_20",
        {
            0: ("Total: All usual residents aged 16 years and over", "residents_16_and_over"),
            1001: (ACTIVE, _share("economically_active", 0.9)),
            1002: (f"{ACTIVE}:In employment", _share("in_employment", 0.9)),
            1: (f"{ACTIVE}: In employment: Employee: Part-time", _share("in_employment", 0.3)),
            7: (f"{ACTIVE}: Unemployed", _share("unemployed", 0.9)),
            1006: (STUDENT, _share("economically_active", 0.1)),
            1007: (f"{STUDENT}:In employment", _share("in_employment", 0.1)),
            14: (f"{STUDENT}: Unemployed", _share("unemployed", 0.1)),
            1011: ("Economically inactive", "inactive"),
            15: ("Economically inactive: Retired", _share("inactive", 0.6)),
            16: ("Economically inactive: Student", _share("inactive", 0.4)),
        },
    ),
    "NM_162_1": Dataset(
        {
            "GENDER": {0: "Total", 1: "Male", 2: "Female"},
            "AGE": {0: "All categories: Age 16+"},
            "MEASURE": {1: "Claimant count", 2: "Claimants as a proportion of residents aged 16-64"},
        },
        _claimants,
        tuple((month, pd.Period(month, "M").strftime("%B %Y")) for month in town.months(NEWEST_CLAIMANTS, 164)),
    ),
    "NM_2014_1": Dataset(
        {
            "GENDER": {0: "Total"},
            "C_AGE": {
                0: "All Ages",
                200: "All Ages",
                201: "Aged 0 to 15",
                202: "Aged 16+",
                203: "Aged 16 to 64",
                209: "Aged 65+",
            },
        },
        _population,
        tuple((str(year), str(year)) for year in range(2011, 2025)),
    ),
}

# Other measures are percentages, which no source requests.
MEASURES = {20100: "Value"}
CONTROLS = {
    "geography",
    "date",
    "time",
    "measures",
    "select",
    "recordlimit",
    "recordoffset",
    "excludemissingvalues",
    "uid",
    "freq",
}


def respond(request: Request) -> Response:
    found = re.fullmatch(r"/api/v01/dataset/(NM_\d+_1)\.data\.csv", request.path, re.IGNORECASE)
    if not found or found[1].upper() not in DATASETS:
        return not_found()
    dataset = DATASETS[found[1].upper()]
    given = {key.lower(): value for key, value in (*request.query.items(), *request.form.items())}
    unknown = set(given) - CONTROLS - {name.lower() for name in dataset.dimensions}
    rows = [] if unknown else _cells(dataset, given)
    if not rows:
        return Response(b"", "text/csv")
    for offset, row in enumerate(rows):
        row["RECORD_OFFSET"], row["RECORD_COUNT"] = offset, len(rows)
    start = int(given.get("recordoffset", 0))
    limit = min(int(given.get("recordlimit", GUEST_ROWS)), GUEST_ROWS)
    columns = [name.strip().upper() for name in given["select"].split(",")] if given.get("select") else list(rows[0])
    page = rows[start : start + limit]
    if not page or not set(columns) <= set(rows[0]):
        return Response(b"", "text/csv")
    lines = [",".join(f'"{name}"' for name in columns)]
    lines += [",".join(_written(row[name]) for name in columns) for row in page]
    return Response(("\n".join(lines) + "\n").encode(), "text/csv")


def _cells(dataset: Dataset, given: Mapping[str, str]) -> list[dict[str, str | int | None]]:
    """A row for every known area, date and category requested; a dimension left out means all its categories."""
    wanted = {name: _codes(given.get(name.lower()), known) for name, known in dataset.dimensions.items()}
    areas = [area for area in _areas(given.get("geography", "")) if _known(area)]
    rows: list[dict[str, str | int | None]] = []
    for date, date_name in _dates(dataset, given.get("date") or given.get("time") or "latest"):
        for area in areas:
            for codes in product(*wanted.values()):
                cell = dict(zip(wanted, codes, strict=True))
                value = dataset.figure(area, date, cell)
                if value is not None:
                    rows.append(_full(dataset, date, date_name, area, cell, value))
    return rows


def _known(area: str) -> bool:
    return (
        area in town.wards()
        or area in town.lsoas()
        or area in town.msoas()
        or area in set(town.lookup().oa)
        or area == town.CODE
    )


def _areas(geography: str) -> list[str]:
    """Area codes from codes, ranges of codes, and types within the town."""
    kinds = {"TYPE150": sorted(town.lookup().oa), "TYPE151": list(town.lsoas()), "TYPE152": list(town.msoas())}
    codes: list[str] = []
    for part in geography.split(","):
        inside = re.fullmatch(rf"(?:{town.CODE})?(TYPE\d+)", part)
        if inside:
            codes += kinds.get(inside[1], [])
        elif "..." in part:
            first, last = part.split("...")
            codes += [code for code in town.wards() if first <= code <= last]
        else:
            codes.append(part)
    return codes


def _codes(given: str | None, known: Mapping[int, str]) -> list[int]:
    if given is None:
        return list(known)
    wanted: list[int] = []
    for part in given.split(","):
        first, _, last = part.partition("...")
        wanted += range(int(first), int(last) + 1) if last else [int(first)]
    return [code for code in wanted if code in known]


def _dates(dataset: Dataset, wanted: str) -> list[tuple[str, str]]:
    chosen: list[tuple[str, str]] = []
    for part in wanted.split(","):
        back = re.fullmatch(r"latest(?:MINUS(\d+))?(-latest)?", part)
        if back:
            steps = int(back[1] or 0)
            held = dataset.dates[-1 - steps :]
            chosen += held if back[2] else held[:1]
        else:
            chosen += [date for date in dataset.dates if date[0] == part]
    return chosen


def _full(
    dataset: Dataset, date: str, date_name: str, area: str, cell: Mapping[str, int], value: int
) -> dict[str, str | int | None]:
    """A row with all columns: six each for the date, the area and every dimension."""
    monthly = "-" in date
    row: dict[str, str | int | None] = {
        "DATE": date,
        "DATE_NAME": date_name,
        "DATE_CODE": date,
        "DATE_TYPE": "date",
        "DATE_TYPECODE": 0,
        "DATE_SORTORDER": 0,
        "GEOGRAPHY": 700_000_000 + int(area[-6:]),
        "GEOGRAPHY_NAME": _name(area),
        "GEOGRAPHY_CODE": area,
        "GEOGRAPHY_TYPE": KINDS[area[:3]][0],
        "GEOGRAPHY_TYPECODE": KINDS[area[:3]][1],
        "GEOGRAPHY_SORTORDER": 0,
    }
    for name, code in cell.items():
        row |= {
            name: code,
            f"{name}_NAME": dataset.dimensions[name][code],
            f"{name}_CODE": f"_{code}" if name.startswith("C2021") else code,
            f"{name}_TYPE": dataset.dimensions[name][code],
            f"{name}_TYPECODE": code,
            f"{name}_SORTORDER": list(dataset.dimensions[name]).index(code),
        }
    measures = next(iter(MEASURES.items()))
    row |= {
        "MEASURES": measures[0],
        "MEASURES_NAME": measures[1],
        "OBS_VALUE": value,
        "OBS_STATUS": "A",
        "OBS_STATUS_NAME": "Normal Value",
        "OBS_CONF": "F",
        "OBS_CONF_NAME": "Free (free for publication)",
        "URN": f"Nm-{'162' if monthly else '2021'}d1d{area}",
    }
    return row


KINDS = {
    "E00": ("2021 output areas", 150),
    "E01": ("2021 super output areas - lower layer", 151),
    "E02": ("2021 super output areas - middle layer", 152),
    "E05": ("wards", 182),
    "E06": ("local authorities: district / unitary (as of April 2023)", 424),
}


def _name(area: str) -> str:
    return {**town.wards(), **town.lsoas(), **town.msoas(), town.CODE: town.NAME}.get(area, area)


def _written(value: str | int | None) -> str:
    return f'"{value}"' if isinstance(value, str) else "" if value is None else str(value)


PATH = "/api/v01/dataset/NM_….data.csv"
EVIDENCE = (
    Evidence(
        PATH,
        "TS041 is NM_2059_1 with the dimension C2021_HH_1, category 0",
        "incontrolapps/15minutes `src/nomis_datasets.js`; ONSdigital's Build a Custom Area Profile, "
        "`README.md`; a fetcher of parishes that says it asked on 2026-09-30. Another project says of "
        "February 2026 that NM_2059_1 gives nothing for output areas: the later word is followed",
    ),
    Evidence(
        PATH,
        "The dimensions of all census tables",
        "incontrolapps/15minutes `src/nomis_datasets.js`",
    ),
    Evidence(
        PATH,
        "Codes of categories (0 total, 1001… subtotals, 101 and 102 of unpaid care, tenure 0, 1001…1004, 8, "
        "9996, 9997)",
        "public clients that name them: a builder of TS029 with all its codes, a profile of London boroughs, "
        "traffordDataLab",
    ),
    Evidence(
        PATH,
        "Codes of TS003 (1001 one person, 1002 single family, 1005 lone parent, 1007 others), TS004 (1 United Kingdom, "
        "1002, 6…11 elsewhere), TS008 (1 female, 2 male) and TS011 (0…5)",
        "clients that ask for them: a server of a dashboard with a list of data sets, dimensions and codes; an atlas "
        "of 2026 with another; a client that pairs codes of NM_2024_1 with names; traffordDataLab/open_data "
        "`census2021/population/pre-processing.R`",
    ),
    Evidence(
        PATH,
        "TS008's total is `All persons`; female comes before male",
        "traffordDataLab/open_data `census2021/population/2021_population_by_sex_la_gm.csv`; a client that says its "
        "live check gave all, female, male",
    ),
    Evidence(
        PATH,
        "TS003 says `One-person household` and `Other household types` (`One person household` in the zip)",
        "PolicyEngine/chronicle issue 237; a script that shortens the three labels of C2021_HHCOMP_15_NAME; a "
        "catalogue of the zips' columns",
    ),
    Evidence(
        PATH,
        "TS017: 0 is the total, 1 `0 people in household`, 2…9 one person to eight or more",
        "a test of a public project that read the data set's definition; "
        "traffordDataLab/open_data `census2021/population/pre-processing.R`, which leaves out the homes of nobody",
    ),
    Evidence(
        PATH,
        "TS021: 1001 Asian, 1002 Black, 1003 Mixed, 1004 White, 1005 Other, with their labels",
        "a public test of a live answer of NM_2041_1, with labels by code; traffordDataLab/open_data "
        "`census2021/ethnicity/pre-processing.R`",
    ),
    Evidence(
        PATH,
        "TS063: 1…9 are the major groups, labels begin with their number",
        "traffordDataLab/open_data `census2021/labour_market_travel_to_work/pre-processing.R`, which cuts it off",
    ),
    Evidence(
        PATH,
        "TS066: 1002 and 7 in employment and unemployed, full-time students 1007 and 14, 1011 inactive; no "
        "blank behind some colons",
        "clients that ask for 1002, 7, 1006, 1007, 14 and 1011; a profile of Sussex that filters by "
        "`Economically active (excluding full-time students):In employment`",
    ),
    Evidence(
        PATH,
        "Column names and their order without `select`",
        "the list of all 34 columns in a public query of NM_2010_1 (written out by its author); ropensci/nomisr README",
    ),
    Evidence(
        PATH,
        "`select` gives the named columns in the order asked, in upper case",
        'a public example answer of TS021, `"GEOGRAPHY_NAME","C2021_ETH_20_NAME","OBS_VALUE"`',
    ),
    Evidence(
        PATH,
        "Text is quoted, numbers are not; a missing figure is empty with status Q",
        'a test fixture `The shape NOMIS returns` of a public dashboard: `"2019","N09000001","Antrim and '
        'Newtownabbey",,"Q","These figures are missing."`',
    ),
    Evidence(
        PATH,
        "DATE is written as quoted text",
        'fixtures of three public clients (`"2024","E01…"`); a schema that demands the text 2021',
    ),
    Evidence(
        PATH,
        "`C2021_…_CODE` begins with an underscore",
        "an R script that selects `_4` and `_5` of C2021_OCCRAT_BEDROOMS_6_CODE; against it "
        "another client compares C2021_HH_1_CODE with 0",
    ),
    Evidence(
        PATH,
        "25,000 rows for a guest, the rest cut off with status 200",
        "clients of 2026 that page by RECORD_COUNT (`pull_ts041` of a public test file: 188,880 output areas "
        "came as 25,000), ropensci/nomisr `R/data_download.R`",
    ),
    Evidence(
        PATH,
        "RECORD_COUNT is the size of the whole query, RecordOffset pages",
        "clients of 2026 that page by RECORD_COUNT (`pull_ts041` of a public test file: 188,880 output areas "
        "came as 25,000), ropensci/nomisr `R/data_download.R`",
    ),
    Evidence(
        PATH,
        "Codes of areas can be given in lists; those of the wards of 2023 are known to NM_162_1",
        "traffordDataLab/ward_data; a client of London boroughs that falls back to lists of 50 LSOAs",
    ),
    Evidence(
        PATH,
        "Unknown areas or dimensions: status 200, empty body",
        "a client of London boroughs: City of London by parent `answers with an empty set`; ropensci/nomisr issue 24",
    ),
    Evidence(
        PATH,
        "Content-Type `text/csv`, without a charset",
        "ropensci/nomisr `R/utils-get-data.R`, and its issue 31: `No encoding supplied: defaulting to UTF-8`",
    ),
    Evidence(
        PATH,
        "DATE_NAME of months is `August 2026`",
        'traffordDataLab/open_data, which reads it as day, month, year; a test of 2026: `"August 2026","E01000001",55`',
    ),
    Evidence(
        PATH,
        "Claimants are multiples of five and none is missing",
        "Autonomy-Data-Unit/annual-deprivation-index, audit of 2014 to 2025",
    ),
    Evidence(
        PATH,
        "Order of rows",
    ),
    Evidence(
        PATH,
        "Line ends",
    ),
    Evidence(
        PATH,
        "ETag or Last-Modified (none is sent here)",
    ),
    Evidence(
        PATH,
        "What is answered for a column that does not exist (here an empty body)",
    ),
)
