"""The tables of Census 2021 on Nomis that are read, and how their categories are identified.

Ids in circulation have been wrong, and codes are reused from table to table, so a category is identified by its label.
If Nomis words a label differently from its own files, the documented code of the category decides, and the label must
still share a word. A table with one category cannot be mistaken, so its code alone decides. Ids, dimensions and codes
are those of clients that used them (2022 to 2026). ``fetching`` requests the tables, and ``parsing`` and ``bulk`` read
them.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.rules.wording import listing

PUBLISHER = "Nomis"
TOTAL = "Total"
# Words that labels of any table may share.
_COMMON = frozenset({"all", "and", "for", "household", "households", "in", "not", "of", "or", "other", "than", "the"})

# The employed and the unemployed are each divided into full-time students and others.
_OTHERS = "Economically active (excluding full-time students)"
_STUDENTS = "Economically active and a full-time student"


@dataclass(frozen=True)
class Table:
    """One table of Census 2021.

    Attributes:
        dataset: its Nomis id.
        dimension: its one dimension.
        labels: by our column, the label of its category after the last ``": "``, or with its parents if other labels
            end in the same words. The label of a table with one category is unknown and not requested.
        codes: by our column, the code of the category, if it is documented.
        level: the areas it is read for.
        bulk: its name in the bulk download.
        sums: by our column, the columns of ``labels`` that it sums and replaces.
        derived: by our column, the columns that it is computed from and stands next to: their sum, in which those with
            a minus are subtracted.
    """

    dataset: str
    dimension: str
    labels: Mapping[str, str]
    codes: Mapping[str, int]
    bulk: str
    level: str = "output_areas"
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# The tables behind indicators come first, since a visit may leave out the last.
CENSUS: dict[str, Table] = {
    "census_residents": Table(
        "NM_2021_1", "c2021_restype_3",
        {"residents": TOTAL, "in_households": "Lives in a household",
         "in_communal_establishments": "Lives in a communal establishment"},
        {"residents": 0}, "ts001",
    ),
    "census_households": Table("NM_2059_1", "c2021_hh_1", {"households": ""}, {"households": 0}, "ts041"),
    "census_age": Table(
        "NM_2020_1", "c2021_age_19",
        {"residents": TOTAL, "aged_0_4": "Aged 4 years and under",
         **{f"aged_{age}_{age + 4}": f"Aged {age} to {age + 4} years" for age in range(5, 85, 5)},
         "aged_85_and_over": "Aged 85 years and over"},
        {"residents": 0, **{f"aged_{age}_{age + 4}": age // 5 + 1 for age in range(0, 85, 5)}, "aged_85_and_over": 18},
        "ts007a", "lsoas",
    ),
    "census_english_proficiency": Table(
        "NM_2048_1", "c2021_engprf_6",
        {"residents_3_and_over": TOTAL, "cannot_speak_well": "Cannot speak English well",
         "cannot_speak": "Cannot speak English"},
        {"residents_3_and_over": 0, "cannot_speak_well": 4, "cannot_speak": 5},
        "ts029", sums={"little_english": ("cannot_speak_well", "cannot_speak")},
    ),
    "census_general_health": Table(
        "NM_2055_1", "c2021_health_6",
        {"residents": TOTAL, "bad": "Bad health", "very_bad": "Very bad health", "fair": "Fair health",
         "good": "Good health", "very_good": "Very good health"},
        {"residents": 0, "very_good": 1, "good": 2, "fair": 3, "bad": 4, "very_bad": 5}, "ts037",
    ),
    "census_disability": Table(
        "NM_2056_1", "c2021_disability_5",
        {"residents": TOTAL, "limited_a_lot": "Day-to-day activities limited a lot",
         "limited_a_little": "Day-to-day activities limited a little"},
        {"residents": 0, "limited_a_lot": 1, "limited_a_little": 2}, "ts038",
    ),
    "census_unpaid_care": Table(
        "NM_2057_1", "c2021_carer_7",
        {"residents_5_and_over": TOTAL, "hours_20_to_34": "Provides 20 to 34 hours unpaid care a week",
         "hours_35_to_49": "Provides 35 to 49 hours unpaid care a week",
         "hours_50_or_more": "Provides 50 or more hours unpaid care a week"},
        {"residents_5_and_over": 0, "hours_20_to_34": 4, "hours_35_to_49": 5, "hours_50_or_more": 6},
        "ts039", sums={"hours_20_or_more": ("hours_20_to_34", "hours_35_to_49", "hours_50_or_more")},
    ),
    "census_accommodation_type": Table(
        "NM_2062_1", "c2021_acctype_9",
        {"households": TOTAL, "converted_or_shared_house": "Part of a converted or shared house, including bedsits",
         "detached": "Detached", "semi_detached": "Semi-detached", "terraced": "Terraced",
         "purpose_built_flat": "In a purpose-built block of flats or tenement",
         "other_converted_building":
             "Part of another converted building, for example, former school, church or warehouse",
         "commercial_building": "In a commercial building, for example, in an office building, hotel or over a shop",
         "caravan": "A caravan or other mobile or temporary structure"},
        {"households": 0}, "ts044",
    ),
    "census_car_availability": Table(
        "NM_2063_1", "c2021_cars_5",
        {"households": TOTAL, "none": "No cars or vans in household", "one": "1 car or van in household",
         "two": "2 cars or vans in household", "three_or_more": "3 or more cars or vans in household"},
        {"households": 0, "none": 1, "one": 2, "two": 3, "three_or_more": 4}, "ts045",
    ),
    "census_central_heating": Table(
        "NM_2064_1", "c2021_heating_13", {"households": TOTAL, "none": "No central heating"},
        {"households": 0, "none": 1}, "ts046",
    ),
    "census_overcrowding": Table(
        "NM_2070_1", "c2021_occrat_bedrooms_6",
        {"households": TOTAL, "minus_1": "-1", "minus_2_or_less": "-2 or less", "standard": "0", "plus_1": "+1",
         "plus_2_or_more": "+2 or more"},
        {"households": 0, "plus_2_or_more": 1, "plus_1": 2, "standard": 3, "minus_1": 4, "minus_2_or_less": 5}, "ts052",
    ),
    "census_tenure": Table(
        "NM_2072_1", "c2021_tenure_9",
        {"households": TOTAL, "owned": "Owned", "social_rented": "Social rented", "private_rented": "Private rented"},
        {"households": 0, "owned": 1001, "social_rented": 1003, "private_rented": 1004}, "ts054",
    ),
    "census_qualifications": Table(
        "NM_2084_1", "c2021_hiqual_8",
        {"residents_16_and_over": TOTAL, "none": "No qualifications",
         "level_1": "Level 1 and entry level qualifications", "level_2": "Level 2 qualifications",
         "apprenticeship": "Apprenticeship", "level_3": "Level 3 qualifications",
         "level_4_and_above": "Level 4 qualifications and above", "other": "Other qualifications"},
        {"residents_16_and_over": 0, "none": 1, "level_4_and_above": 6}, "ts067",
    ),
    "census_sex": Table(
        "NM_2028_1", "c_sex", {"residents": TOTAL, "female": "Female", "male": "Male"},
        {"residents": 0, "female": 1, "male": 2}, "ts008",
    ),
    "census_country_of_birth": Table(
        "NM_2024_1", "c2021_cob_12", {"residents": TOTAL, "born_in_uk": "United Kingdom"},
        {"residents": 0, "born_in_uk": 1}, "ts004", derived={"born_abroad": ("residents", "-born_in_uk")},
    ),
    "census_ethnic_group": Table(
        "NM_2041_1", "c2021_eth_20",
        {"residents": TOTAL, "asian": "Asian, Asian British or Asian Welsh",
         "black": "Black, Black British, Black Welsh, Caribbean or African",
         "mixed": "Mixed or Multiple ethnic groups", "white": "White", "other": "Other ethnic group"},
        {"residents": 0, "asian": 1001, "black": 1002, "mixed": 1003, "white": 1004, "other": 1005}, "ts021", "lsoas",
    ),
    "census_household_composition": Table(
        "NM_2023_1", "c2021_hhcomp_15",
        {"households": TOTAL, "one_person": "One-person household", "single_family": "Single family household",
         "other_kinds": "Other household types"},
        {"households": 0, "one_person": 1001, "single_family": 1002, "other_kinds": 1007}, "ts003",
    ),
    "census_household_size": Table(
        # Its total counts household spaces; households are counted without the empty ones.
        "NM_2037_1", "c2021_hhsize_10",
        {"one_person": "1 person in household", "two_people": "2 people in household",
         "three_people": "3 people in household",
         **{f"of_{size}": f"{size} people in household" for size in range(4, 8)},
         "of_8_or_more": "8 or more people in household"},
        {"one_person": 2, "two_people": 3, "three_people": 4, **{f"of_{size}": size + 1 for size in range(4, 8)},
         "of_8_or_more": 9},
        "ts017", sums={"four_or_more": (*(f"of_{size}" for size in range(4, 8)), "of_8_or_more")},
        derived={"households": ("one_person", "two_people", "three_people", "four_or_more")},
    ),
    "census_household_deprivation": Table(
        "NM_2031_1", "c2021_dep_6",
        {"households": TOTAL, "not_deprived": "Household is not deprived in any dimension",
         "deprived_in_one": "Household is deprived in one dimension",
         "deprived_in_two": "Household is deprived in two dimensions",
         "deprived_in_three": "Household is deprived in three dimensions",
         "deprived_in_four": "Household is deprived in four dimensions"},
        {"households": 0, "not_deprived": 1, "deprived_in_one": 2, "deprived_in_two": 3, "deprived_in_three": 4,
         "deprived_in_four": 5},
        "ts011",
    ),
    "census_occupation": Table(
        "NM_2080_1", "c2021_occ_10",
        {"residents_in_employment": TOTAL, "managers": "1. Managers, directors and senior officials",
         "professionals": "2. Professional occupations",
         "associate_professionals": "3. Associate professional and technical occupations",
         "administrative": "4. Administrative and secretarial occupations",
         "skilled_trades": "5. Skilled trades occupations",
         "caring_and_leisure": "6. Caring, leisure and other service occupations",
         "sales": "7. Sales and customer service occupations",
         "machine_operatives": "8. Process, plant and machine operatives", "elementary": "9. Elementary occupations"},
        {"residents_in_employment": 0, "managers": 1, "professionals": 2, "associate_professionals": 3,
         "administrative": 4, "skilled_trades": 5, "caring_and_leisure": 6, "sales": 7, "machine_operatives": 8,
         "elementary": 9},
        "ts063",
    ),
    "census_economic_activity": Table(
        "NM_2083_1", "c2021_eastat_20",
        {"residents_16_and_over": TOTAL, "in_employment_others": f"{_OTHERS}: In employment",
         "in_employment_students": f"{_STUDENTS}: In employment", "unemployed_others": f"{_OTHERS}: Unemployed",
         "unemployed_students": f"{_STUDENTS}: Unemployed", "inactive": "Economically inactive"},
        {"residents_16_and_over": 0, "in_employment_others": 1002, "in_employment_students": 1007,
         "unemployed_others": 7, "unemployed_students": 14, "inactive": 1011},
        "ts066", sums={"in_employment": ("in_employment_others", "in_employment_students"),
                       "unemployed": ("unemployed_others", "unemployed_students")},
        derived={"economically_active": ("in_employment", "unemployed")},
    ),
}  # fmt: skip


def census_table(source_id: str, scope: Scope) -> Table:
    """Return a table as it is read for our areas: by LSOA if no output area is known, as with placing by best fit."""
    table = CENSUS[source_id]
    return table if getattr(scope, table.level) else replace(table, level="lsoas")


def with_derived(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of ``Table.derived`` to a table."""
    for column, parts in table.derived.items():
        frame[column] = sum(-frame[part[1:]] if part.startswith("-") else frame[part] for part in parts)
    return frame


def check_whole(codes: Iterable[str], areas: Collection[str], name: str) -> None:
    """Check that every area is present.

    Raises:
        SpiError: naming the missing areas.
    """
    absent = sorted(set(areas) - set(codes))
    if absent:
        raise SpiError(
            f"{name} of {PUBLISHER} lacks {len(absent)} of {len(areas)} areas, {listing(absent)}; download it again, "
            "or "
            "compare its geography with ours"
        )


def columns_of(table: Table, labels: Mapping[str, int | None], name: str) -> dict[str, str]:
    """Return our column of each published label that is read.

    Args:
        table: the table requested.
        labels: the labels in a response, each with its code if the response gives it.
        name: the response, for the message.

    Raises:
        SpiError: when none or several of the categories match one that is read, which means that it is another table.
    """
    if len(table.labels) == 1:
        (column,) = table.labels
        matches = [label for label, code in labels.items() if code in (None, table.codes[column])]
        if len(matches) != 1:
            raise SpiError(
                f"{name} of Nomis has {len(matches)} categories of code {table.codes[column]} where one belongs, "
                f"it has {listing([f'{code} {label}' for label, code in labels.items()])}; compare the table's id with "
                "spi_pipeline/publishers/nomis/tables.py"
            )
        return {matches[0]: column}
    columns = {}
    for column, wanted in table.labels.items():
        matches = [label for label in labels if _says(label, wanted)]
        if not matches and column in table.codes:
            matches = [label for label, code in labels.items() if code == table.codes[column] and _akin(label, wanted)]
        if len(matches) != 1:
            raise SpiError(
                f"{name} of Nomis has {len(matches)} categories {wanted!r}, it has {listing(list(labels))}; "
                "compare the table's id and labels with spi_pipeline/publishers/nomis/tables.py"
            )
        columns[matches[0]] = column
    return columns


def _says(label: str, wanted: str) -> bool:
    """Whether a label ends in the wanted one."""
    parts, last = _parts(label), _parts(wanted)
    return parts[-len(last) :] == last


def _parts(label: str) -> list[str]:
    """Split a label into its variable, parents and category, without remarks in brackets; a total is ``total`` alone.

    One table may contain both "One-person" and "One person", and colons with and without a blank after them.
    """
    plain = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", _plain(label))
    parts = [re.sub(r"\s*\([^()]*\)$", "", part.strip()) for part in plain.split(":")]
    return [TOTAL.lower()] if any(part.split(" ")[0] == "total" or part == "all persons" for part in parts) else parts


def _akin(label: str, wanted: str) -> bool:
    """Whether two labels mean the same thing: they share a word that is not common to all tables."""
    if wanted == TOTAL:
        return _says(label, TOTAL) or label.casefold().startswith("all ")
    words, others = (frozenset(re.findall(r"[+-]?\d+|[a-z]+", _plain(text))) for text in (label, wanted))
    return bool((words & others) - _COMMON)


def _plain(label: str) -> str:
    return label.replace("−", "-").replace("–", "-").casefold().removesuffix("; measures: value")
