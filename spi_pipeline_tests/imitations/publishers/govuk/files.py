"""The attachments on GOV.UK: files of the Indices of Deprivation 2025 and the fuel poverty workbook."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline_tests.imitations.messages import csv_text
from spi_pipeline_tests.imitations.tables import areas, embedded, noise, required

_LSOAS = 33_755
_IDENTITY = [
    "LSOA code (2021)",
    "LSOA name (2021)",
    "Local Authority District code (2024)",
    "Local Authority District name (2024)",
]
_RANK, _DECILE = "Rank (where 1 is most deprived)", "Decile (where 1 is most deprived 10% of LSOAs)"
# Domains as named in the header, with the unit of the score; then sub-domains with their embedded columns.
_DOMAINS = [
    "Index of Multiple Deprivation (IMD) Score", "Income Score (rate)", "Employment Score (rate)",
    "Education, Skills and Training Score", "Health Deprivation and Disability Score", "Crime Score",
    "Barriers to Housing and Services Score", "Living Environment Score",
    "Income Deprivation Affecting Children Index (IDACI) Score (rate)",
    "Income Deprivation Affecting Older People (IDAOPI) Score (rate)",
]  # fmt: skip
SUBDOMAINS = {
    "Children and Young People Sub-domain Score": "children_and_young_people",
    "Adult Skills Sub-domain Score": "adult_skills",
    "Geographical Barriers Sub-domain Score": "geographical_barriers",
    "Wider Barriers Sub-domain Score": "wider_barriers",
    "Indoors Sub-domain Score": "indoors",
    "Outdoors Sub-domain Score": "outdoors",
}
_PEOPLE = ["Total population: mid 2022", "Dependent Children aged 0-15: mid 2022"]
_PEOPLE += ["Older population aged 60 and over: mid 2022", "Working age population 18-66: mid 2022"]
# Sheet of file 8 -> embedded column -> heading. No document describes these sheets, so the headings are ours.
_SHEETS = {
    "IoD2025 Income": {"income_deprived_people": "Income Domain numerator",
        "income_deprived_children": "Income Deprivation Affecting Children Index (IDACI) numerator",
        "income_deprived_older_people": "Income Deprivation Affecting Older People Index (IDAOPI) numerator"},
    "IoD2025 Employment": {"employment_deprived_people": "Employment Domain numerator"},
    "IoD2025 Education": {"adult_skills_lacking": "Adult skills and English language proficiency indicator",
        "not_entering_higher_education": "Entry to higher education indicator"},
    "IoD2025 Health": {"acute_morbidity": "Acute morbidity indicator",
        "illness_and_disability": "Comparative illness and disability ratio indicator",
        "mental_health": "Mental health indicator", "potential_life_lost": "Years of potential life lost indicator"},
    "IoD2025 Crime": {"violence_with_injury": "Violence with injury rate per 1,000 at risk population",
        "violence_without_injury": "Violence without injury rate per 1,000 at risk population",
        "stalking_and_harassment": "Stalking and harassment rate per 1,000 at risk population",
        "burglary": "Burglary rate per 1,000 at risk properties", "theft": "Theft rate per 1,000 at risk population",
        "criminal_damage": "Criminal damage rate per 1,000 at risk population",
        "public_order": "Public order and possession of weapons rate per 1,000 at risk population",
        "anti_social_behaviour": "Anti-social behaviour rate per 1,000 at risk population"},
    "IoD2025 Barriers": {"connectivity": "Connectivity score", "patients_per_gp": "Patient-to-GP ratio",
        "broadband": "Digital connectivity: broadband download and upload speeds",
        "core_homelessness": "Core homelessness rate (percent of households)",
        "homelessness": "Homelessness indicator (rate per 1,000 households)",
        "overcrowding_rooms": "Household overcrowding indicator (rooms)",
        "overcrowding_bedrooms": "Household overcrowding indicator (bedrooms)",
        "owner_affordability": "Owner-occupation affordability (component of housing affordability indicator)",
        "rental_affordability": "Private rental affordability (component of housing affordability indicator)",
        "housing_affordability": "Housing affordability indicator"},
}  # fmt: skip


@cache
def _lsoas() -> pd.DataFrame:
    """LSOAs with their names, authorities and residents, and `need`: deprivation as a standard score."""
    oas = areas().output_areas
    table = oas.groupby("lsoa").agg(residents=("residents", "sum"), ltla=("ltla", "first"))
    table["name"], table["town"] = areas().table.name.reindex(table.index), table.ltla.map(areas().table.name)
    deprived = required("deprivation_2025").set_index("area_code").income_deprived_people.reindex(table.index)
    rate = (deprived / table.residents).fillna(0.1)
    table["income"] = rate
    table["need"] = (rate - rate.mean()) / rate.std()
    return table


def _identity() -> list[list[Any]]:
    return [[code, row["name"], row.ltla, row.town] for code, row in _lsoas().iterrows()]


def _ranked(score: np.ndarray, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Plausible ranks and deciles of these scores among all LSOAs of England."""
    order = (-score).argsort().argsort()
    step = _LSOAS // len(score)
    rank = 1 + order * step + int(noise("rank", key) * (step - 1))
    return rank, np.ceil(rank / _LSOAS * 10).astype(int)


def _scores(label: str) -> np.ndarray:
    table = _lsoas()
    if label in SUBDOMAINS:
        found = required("deprivation_2025_subdomains").set_index("area_code")[SUBDOMAINS[label]]
        return found.reindex(table.index).fillna(0.0).to_numpy()
    if label.startswith("Income Score"):
        return table.income.round(3).to_numpy()
    own = np.array([noise("iod", label, code) for code in table.index]) - 0.5
    score = table.need.to_numpy() + own
    return (0.15 + 0.05 * score if label.endswith("(rate)") else 25 + 10 * score).round(3)


def file_7_header() -> list[str]:
    """Names, then score, rank and decile for each domain and sub-domain, then populations."""
    header = list(_IDENTITY)
    for number, label in enumerate([*_DOMAINS, *SUBDOMAINS]):
        stem = label.removesuffix(" (rate)").removesuffix(" Score")
        header += [label, f"{stem} {_RANK}", f"{stem} {_DECILE}"[: -2 if number % 5 == 4 else None]]
    return [*header, *_PEOPLE]


@cache
def file_7() -> bytes:
    """Scores, ranks, deciles and denominators: 56 columns, with some headings cut short as in the real file."""
    columns = []
    for label in [*_DOMAINS, *SUBDOMAINS]:
        score = _scores(label)
        columns += [score, *_ranked(score, label)]
    residents = _lsoas().residents.to_numpy()
    columns += [
        residents,
        (residents * 0.22).astype(int),
        (residents * 0.17).astype(int),
        (residents * 0.62).astype(int),
    ]
    figures = [[column[n].item() for column in columns] for n in range(len(residents))]
    rows = (identity + line for identity, line in zip(_identity(), figures, strict=True))
    return csv_text(file_7_header(), rows, end="\r\n").encode()


@cache
def file_1() -> bytes:
    """Ranks and deciles of the index, after a sheet of notes."""
    rank, decile = _ranked(_scores(_DOMAINS[0]), _DOMAINS[0])
    stem = _DOMAINS[0].removesuffix(" Score")
    header = [*_IDENTITY, f"{stem} {_RANK}", f"{stem} {_DECILE}"[:-2]]
    rows = [[*identity, int(r), int(d)] for identity, r, d in zip(_identity(), rank, decile, strict=True)]
    return _workbook({"Notes": [["English Indices of Deprivation 2025"]], "IMD25": [header, *rows]})


@cache
def file_8() -> bytes:
    """Underlying indicators, a sheet for each domain."""
    table = required("deprivation_2025").set_index("area_code").reindex(_lsoas().index).astype(object)
    table = table.where(table.notna(), None)
    sheets: dict[str, list[list[Any]]] = {"Notes": [["English Indices of Deprivation 2025: underlying indicators"]]}
    for name, columns in _SHEETS.items():
        figures = table[list(columns)].to_numpy().tolist()
        lines = (identity + line for identity, line in zip(_identity(), figures, strict=True))
        sheets[name] = [[*_IDENTITY, *columns.values()], *lines]
    return _workbook(sheets)


@cache
def fuel_poverty() -> bytes:
    """The fuel poverty workbook, with every LSOA."""
    households = required("census_households").set_index("area_code").households
    by_lsoa = households.groupby(areas().output_areas.lsoa.reindex(households.index)).sum()
    known = embedded("fuel_poverty_lilee")
    poor = None if known is None else known.sort_values("year").groupby("area_code").fuel_poor.last()
    rows = []
    for code, row in _lsoas().iterrows():
        homes = int(by_lsoa.get(code, 200))
        count = round(homes * float(np.clip(0.11 + 0.03 * row.need, 0.02, 0.3)))
        count = int(poor[code]) if poor is not None and code in poor else count
        rows.append(
            [code, row["name"], row.ltla, row.town, "East of England", homes, count, round(100 * count / homes, 1)]
        )
    return fuel_workbook(rows)


def fuel_workbook(rows: Iterable[list[Any]], year: str = "2024", households: str = "Number of households1") -> bytes:
    """Table 3: two rows before the header, headings with footnote digits at the end, footnotes below."""
    poor, share = "Number of households in fuel poverty1", "Proportion of households fuel poor (%)"
    lines = [
        [f"Table 3: Sub-regional fuel poverty, England {year} (LSOA)"],
        ["This table holds one table and notes."],
        ["LSOA Code", "LSOA Name", "LA Code", "LA Name", "Region", households, poor, share],
        *rows,
        [None],
        ["1. Households are estimated; not for comparison of single LSOAs over time."],
    ]
    return _workbook({"Cover sheet": [["Sub-regional fuel poverty"]], "Table 3": lines})


def _workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
