"""The tables in docs/context.md, recomputed from a refreshed store and, if available, from publishers' files."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table
from spi_pipeline_tests.docs.test_methodology import rows_of

DOCUMENT = REPOSITORY / "docs" / "context.md"
LUTON = "E06000032"
DATA = REPOSITORY.parent / "shared" / "data"


def shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def test_measures(contracts: Contracts, refreshed: Path) -> None:
    measured = {
        name: cells
        for name, *cells in rows_of(
            refreshed,
            """
            SELECT measure_id, period_end, any_value(value) FILTER (area_code LIKE 'E06%'),
                   min(value) FILTER (area_code LIKE 'E05%'), max(value) FILTER (area_code LIKE 'E05%')
            FROM context JOIN (SELECT measure_id, max(period_end) AS period_end FROM context GROUP BY ALL)
            USING (measure_id, period_end) GROUP BY ALL
            """,
        )
    }
    rows = []
    for name, measure in contracts.context.items():
        period, *values = measured[name]
        rows.append([f"`{name}`", measure.title, period, *map(shown, values), f"`{measure.source}`"])
    header = ["Measure", "Title", "To", "Luton", "Lowest ward", "Highest ward", "Source"]
    assert_table(DOCUMENT, "context", markdown_table(header, rows, numbers=header[3:6]))
    assert measured.keys() == contracts.context.keys()


def test_ten_years(refreshed: Path) -> None:
    changes = rows_of(
        refreshed,
        f"""
        WITH told AS (
            SELECT measure_id, count(*) FILTER (verdict = 'rose') AS rose, count(*) FILTER (verdict = 'fell') AS fell,
                   count(*) FILTER (verdict = 'cannot be told') AS unsure
            FROM decade WHERE area_code LIKE 'E05%' GROUP BY ALL
        )
        SELECT title, earlier, later, change, rose, fell, unsure
        FROM decade JOIN told USING (measure_id) WHERE area_code = '{LUTON}' ORDER BY in_index DESC, title
        """,
    )
    rows = [
        [title, shown(earlier), shown(later), ("+" if change > 0 else "−") + shown(abs(change)), *counts]
        for title, earlier, later, change, *counts in changes
    ]
    header = ["Measure or indicator", "2011", "2021", "Change in Luton", "Wards that rose", "fell", "cannot be told"]
    assert_table(DOCUMENT, "decade", markdown_table(header, rows, numbers=header[1:]))


# The publisher's own count for Luton, by measure: a file and its columns, named without the table's name.
PUBLISHED = {
    "residents": ("ts001", "Total"),
    "households": ("ts041", "Number of households"),
    "households_not_deprived": ("ts011", "Household is not deprived in any dimension"),
    "bad_health": ("ts037", "(Bad|Very bad) health"),
    "disabled_a_lot": ("ts038", "Disabled under the Equality Act: Day-to-day activities limited a lot"),
    "households_without_car": ("ts045", "No cars or vans in household"),
    "owned_homes": ("ts054", "Owned"),
    "social_rented_homes": ("ts054", "Social rented"),
    "private_rented_homes": ("ts054", "Private rented"),
    "professional_occupations": ("ts063", r"[1-3]\. .*"),
    "skilled_and_office_occupations": ("ts063", r"[4-7]\. .*"),
    "elementary_occupations": ("ts063", r"[89]\. .*"),
    "middling_qualifications": ("ts067", "(Level [1-3]|Apprenticeship).*"),
}
# Counts from files that others have kept, by file name; each file has one row for every authority.
RETAINED = {
    "female": ("TS008_sex_2021", "Female"),
    "born_abroad": ("TS004_country_of_birth_3a_2021", "Born outside the UK"),
}
# Counts also published for MSOAs in another table, whose small counts were perturbed separately.
BY_MSOA = {
    "asian": ("ethnicity", "Ethnic group (6 categories)", "Asian, Asian British or Asian Welsh"),
    "black": ("ethnicity", "Ethnic group (6 categories)", "Black, Black British, Black Welsh, Caribbean or African"),
    "households_of_four_or_more": ("household_size", "Household size (5 categories)", "4 or more people in household"),
}


def published(measure: str) -> int:
    if measure in PUBLISHED:
        table, column = PUBLISHED[measure]
        row = pd.read_csv(DATA / f"census2021_nomis/luton/census2021-{table}-ltla.csv").iloc[0]
        named = {str(name).split(": ", 1)[-1].removesuffix("; measures: Value"): name for name in row.index}
        return sum(int(row[name]) for category_name, name in named.items() if re.fullmatch(column, category_name))
    if measure in RETAINED:
        table, column = RETAINED[measure]
        rows = pd.read_csv(DATA / f"census2021_onsvisual/{table}_luton.csv.gz")
        return int(rows.loc[rows["Geography code"] == LUTON, column].iloc[0])
    table, column, category = BY_MSOA[measure]
    rows = pd.read_csv(DATA / f"census2021_other/{table}_msoa_luton.csv")
    return int(rows.loc[rows[column] == category, "Observation"].sum())


@pytest.mark.skipif(not DATA.is_dir(), reason="the publishers' files in ../shared/data are not available")
def test_counts_sum_to_the_publishers_figures_for_the_town(contracts: Contracts, refreshed: Path) -> None:
    counted = dict(rows_of(refreshed, f"SELECT measure_id, numerator FROM context WHERE area_code = '{LUTON}'"))
    rows, furthest = [], {}
    for name in (*PUBLISHED, *RETAINED, *BY_MSOA):
        ours, theirs = counted[name], published(name)
        furthest[name] = abs(ours / theirs - 1)
        rows.append([contracts.context[name].title, f"{ours:,.0f}", theirs, f"{ours - theirs:+,.0f}".replace("-", "−")])
    header = ["Counted", "Wards added up", "Published", "Difference"]
    assert_table(DOCUMENT, "town", markdown_table(header, rows, numbers=header[1:]))
    # The text below the table states these limits.
    assert max(furthest[name] for name in (*PUBLISHED, *RETAINED)) < 0.0022
    assert 0.01 < max(furthest[name] for name in BY_MSOA) < 0.02
