"""The tables of Census 2021 on Nomis that are read, and which of a table's categories is which.

Ids that circulate have been wrong and codes are reused from table to table, so a category is told by its label. Where
Nomis words a label otherwise than its own files do, the code decides that is documented for it, and the label must
still speak of the same thing. How tables are asked for and read is in ``answers``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed

TOTAL = "Total"
# Words that labels of any table may share.
_COMMON = frozenset({"all", "and", "for", "household", "households", "in", "not", "of", "or", "other", "than", "the"})


@dataclass(frozen=True)
class Table:
    """One table of Census 2021.

    Attributes:
        dataset: Nomis's id of it.
        dimension: its one dimension; empty where it has none, or its name is not documented.
        labels: by our column the label of its category, as far as it follows the last ``": "``.
        codes: by our column the category's code, where it is documented.
        level: the areas it is read for.
        bulk: its name in the bulk download; empty where it is in no snapshot from there.
        sums: by our column the columns of ``labels`` that it adds up and takes the place of.
    """

    dataset: str
    dimension: str
    labels: Mapping[str, str]
    codes: Mapping[str, int]
    level: str = "output_areas"
    bulk: str = ""
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


CENSUS: dict[str, Table] = {
    "census_residents": Table(
        "NM_2021_1", "c2021_restype_3",
        {"residents": TOTAL, "in_households": "Lives in a household",
         "in_communal_establishments": "Lives in a communal establishment"},
        {"residents": 0}, bulk="ts001",
    ),
    "census_households": Table("NM_2059_1", "", {"households": ""}, {}, bulk="ts041"),
    "census_age": Table(
        "NM_2020_1", "c2021_age_19",
        {"residents": TOTAL, "aged_0_4": "Aged 4 years and under",
         **{f"aged_{age}_{age + 4}": f"Aged {age} to {age + 4} years" for age in range(5, 85, 5)},
         "aged_85_and_over": "Aged 85 years and over"},
        {"residents": 0, **{f"aged_{age}_{age + 4}": age // 5 + 1 for age in range(0, 85, 5)}, "aged_85_and_over": 18},
        "lsoas",
    ),
    "census_english_proficiency": Table(
        "NM_2048_1", "",
        {"residents_3_and_over": TOTAL, "cannot_speak_well": "Cannot speak English well",
         "cannot_speak": "Cannot speak English"},
        {}, sums={"little_english": ("cannot_speak_well", "cannot_speak")},
    ),
    "census_general_health": Table(
        "NM_2055_1", "c2021_health_6",
        {"residents": TOTAL, "bad": "Bad health", "very_bad": "Very bad health", "fair": "Fair health",
         "good": "Good health", "very_good": "Very good health"},
        {"residents": 0, "very_good": 1, "good": 2, "fair": 3, "bad": 4, "very_bad": 5}, bulk="ts037",
    ),
    "census_disability": Table(
        "NM_2056_1", "c2021_disability_5",
        {"residents": TOTAL, "limited_a_lot": "Day-to-day activities limited a lot",
         "limited_a_little": "Day-to-day activities limited a little"},
        {"residents": 0, "limited_a_lot": 1, "limited_a_little": 2}, bulk="ts038",
    ),
    "census_unpaid_care": Table(
        "NM_2057_1", "c2021_carer_7",
        {"residents_5_and_over": TOTAL, "hours_20_to_34": "Provides 20 to 34 hours unpaid care a week",
         "hours_35_to_49": "Provides 35 to 49 hours unpaid care a week",
         "hours_50_or_more": "Provides 50 or more hours unpaid care a week"},
        {"residents_5_and_over": 0, "hours_50_or_more": 6},
        sums={"hours_20_or_more": ("hours_20_to_34", "hours_35_to_49", "hours_50_or_more")},
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
        {"households": 0}, bulk="ts044",
    ),
    "census_car_availability": Table(
        "NM_2063_1", "c2021_cars_5",
        {"households": TOTAL, "none": "No cars or vans in household", "one": "1 car or van in household",
         "two": "2 cars or vans in household", "three_or_more": "3 or more cars or vans in household"},
        {"households": 0, "none": 1, "one": 2, "two": 3, "three_or_more": 4}, bulk="ts045",
    ),
    "census_central_heating": Table(
        "NM_2064_1", "c2021_heating_13", {"households": TOTAL, "none": "No central heating"},
        {"households": 0, "none": 1}, bulk="ts046",
    ),
    "census_overcrowding": Table(
        "NM_2070_1", "c2021_occrat_bedrooms_6",
        {"households": TOTAL, "minus_1": "-1", "minus_2_or_less": "-2 or less", "standard": "0", "plus_1": "+1",
         "plus_2_or_more": "+2 or more"},
        {"households": 0, "plus_2_or_more": 1, "plus_1": 2, "standard": 3, "minus_1": 4, "minus_2_or_less": 5},
    ),
    "census_tenure": Table(
        "NM_2072_1", "c2021_tenure_9",
        {"households": TOTAL, "owned": "Owned", "social_rented": "Social rented", "private_rented": "Private rented"},
        {"households": 0, "owned": 1001, "social_rented": 1003, "private_rented": 1004}, bulk="ts054",
    ),
    "census_qualifications": Table(
        "NM_2084_1", "c2021_hiqual_8",
        {"residents_16_and_over": TOTAL, "none": "No qualifications",
         "level_1": "Level 1 and entry level qualifications", "level_2": "Level 2 qualifications",
         "apprenticeship": "Apprenticeship", "level_3": "Level 3 qualifications",
         "level_4_and_above": "Level 4 qualifications and above", "other": "Other qualifications"},
        {"residents_16_and_over": 0, "none": 1, "level_4_and_above": 6}, bulk="ts067",
    ),
}  # fmt: skip


def columns_of(table: Table, met: Mapping[str, int | None], name: str) -> dict[str, str]:
    """Our column of each published label that is wanted.

    Args:
        table: the table asked for.
        met: the labels in an answer, each with its code where the answer tells it.
        name: the answer, for the message.

    Raises:
        SpiError: when no category, or several, could be one that is wanted: it is another table.
    """
    columns = {}
    for column, wanted in table.labels.items():
        match = [label for label in met if _folded(label) == _folded(wanted)]
        if not match and column in table.codes:
            match = [label for label, code in met.items() if code == table.codes[column] and _akin(label, wanted)]
        if len(match) != 1:
            raise SpiError(
                f"{name} of Nomis has {len(match)} categories {wanted!r}, it has {listed(list(met))}; "
                "compare the table's id and labels with spi_pipeline/publishers/nomis/tables.py"
            )
        columns[match[0]] = column
    return columns


def _folded(label: str) -> str:
    """What of a label tells its category: no variable or parent before it, no remark after it; ``total`` for totals."""
    parts = [part.strip() for part in _plain(label).split(": ")]
    if any(part.split(" ")[0] == "total" for part in parts):
        return "total"
    return re.sub(r"\s*\([^()]*\)$", "", parts[-1])


def _akin(label: str, wanted: str) -> bool:
    """Whether two labels speak of the same: they share a word that not every table has."""
    if wanted == TOTAL:
        return _folded(label) == "total" or label.casefold().startswith("all ")
    words, others = (frozenset(re.findall(r"[+-]?\d+|[a-z]+", _plain(text))) for text in (label, wanted))
    return bool((words & others) - _COMMON)


def _plain(label: str) -> str:
    return label.replace("−", "-").replace("–", "-").casefold().removesuffix("; measures: value")
