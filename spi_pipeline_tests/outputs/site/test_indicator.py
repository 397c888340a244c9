"""The page of an indicator: a reader can repeat every sum and learns how to interpret the figure."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.outputs.site.build import build
from spi_pipeline.outputs.site.pages.indicator import indicator
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.outputs.site import town

# Pages and downloads by path, made from given results.
PageBuilder = Callable[[Results], dict[str, str]]
DATUM = re.compile(r'<data value="([^"]*)"[^>]*>([^<]*)</data>')


@pytest.fixture
def pages(tmp_path: Path) -> PageBuilder:
    """Pages and downloads of indicators by path, made from given results."""

    def built(results: Results) -> dict[str, str]:
        build(results, tmp_path, downloads=False, kinds=(indicator,))
        files = (file for file in tmp_path.rglob("*") if file.suffix in (".html", ".csv"))
        return {file.relative_to(tmp_path).as_posix(): file.read_text("utf-8") for file in files}

    return built


def steps(page: str) -> list[str]:
    """The steps of the worked example, with their markup."""
    (chain,) = re.findall(r'<ol class="chain">(.*?)</ol>', page, re.S)
    return re.findall(r"<li>(.*?)</li>", chain, re.S)


def sums(page: str, printed: bool) -> list[tuple[float, float]]:
    """The computed and the stated result of every sum in the worked example, from the printed or the full numbers."""
    pairs = []
    for step in steps(page):
        page_text = re.sub(r",[^=]*, =", " =", DATUM.sub(lambda one: f"[{one[2 if printed else 1]}]", step))
        page_text = re.sub(r"<[^>]*>", "", page_text.split("</strong>", 1)[1])
        for left, right in re.findall(r"((?:\S*\d\S*|[×÷−() ])+) = (\[[^]]*\])", page_text):
            plain = left.replace("×", "*").replace("÷", "/").replace("] − [", "] - [")
            plain = re.sub(r"\[([^]]*)\]", lambda one: f"({number(one[1])!r})", plain)
            pairs.append((float(pd.eval(plain)), number(right.strip("[]"))))
    return pairs


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.parametrize(
    ("name", "equations"), [("overcrowded_homes", 5), ("indoor_environment", 4), ("violent_crime", 4)]
)
def test_every_sum_of_the_worked_example_follows_from_the_printed_numbers(
    pages: PageBuilder, name: str, equations: int
) -> None:
    page = pages(town.results())[f"indicators/{name}.html"]
    assert len(steps(page)) == 5
    for printed, close in ((True, 0.02), (False, 1e-9)):
        pairs = sums(page, printed)
        assert len(pairs) == equations
        for result, expected in pairs:
            assert result == pytest.approx(expected, abs=close)


def test_the_worked_example_ends_with_the_contribution_to_the_index(pages: PageBuilder) -> None:
    page = pages(town.results())["indicators/overcrowded_homes.html"]
    # Zion is in the middle: 330 of 2,100 homes are 15.714 %, or 51.02 points, half of housing, which is half of all.
    assert "From the figure to the score: Zion" in page
    assert "It is the ward in the middle among those whose value is no estimate" in words_of(page)
    assert sums(page, printed=False)[-1][1] == pytest.approx(100 * (100 * 330 / 2100 - 30) / (2 - 30) / 4)


def test_the_worked_example_uses_a_measured_ward(pages: PageBuilder) -> None:
    observation = town.tables()["observation"]
    observation.loc[(observation["area_code"] == "E05000003"), "status"] = "imputed"
    page = pages(town.results(observation=observation))["indicators/overcrowded_homes.html"]
    assert "From the figure to the score: Zion" not in page
    assert "From the figure to the score" in page
    assert "It is one of the two wards in the middle among" in words_of(page)


def test_a_value_beyond_a_goalpost_is_described_as_such(pages: PageBuilder) -> None:
    stated = town.tables()["indicator"]
    stated.loc[stated["indicator_id"] == "overcrowded_homes", "worst"] = 15.0
    assert (
        "The value lies beyond a goalpost" in pages(town.results(indicator=stated))["indicators/overcrowded_homes.html"]
    )
    assert "The value lies beyond a goalpost" not in pages(town.results())["indicators/overcrowded_homes.html"]


def test_another_method_of_scoring_is_named_instead_of_an_invalid_sum(pages: PageBuilder) -> None:
    stated = town.tables()["indicator"]
    stated["methods"] = stated["methods"].astype(object)
    stated.loc[stated["indicator_id"] == "overcrowded_homes", "methods"] = '{"transform": "log"}'
    page = pages(town.results(indicator=stated))["indicators/overcrowded_homes.html"]
    assert '{"transform": "log"}' in words_of(page)
    assert len(sums(page, printed=True)) == 4


def test_sums_end_at_the_published_score_where_a_part_is_missing(pages: PageBuilder) -> None:
    contribution = town.tables()["contribution"]
    other = (contribution["id"] == "indoor_environment") & (contribution["area_code"] == "E05000003")
    contribution.loc[other, "contribution"] = None
    page = pages(town.results(contribution=contribution))["indicators/overcrowded_homes.html"]
    assert "Housing is not the plain weighted mean of all its parts here" in words_of(page)
    assert len(steps(page)) == 3


def test_each_edition_states_the_period_and_status_of_its_figures(pages: PageBuilder) -> None:
    observation = town.tables()["observation"]
    crime = (observation["indicator_id"] == "violent_crime") & (observation["edition"] == 2024)
    one = crime & (observation["area_code"] == "E05000003")
    observation.loc[one, ["status", "period_start", "period_end"]] = ["imputed", None, None]
    page_text = words_of(pages(town.results(observation=observation))["indicators/violent_crime.html"])
    assert "2023 2023: measured in that year 2024 2024: measured in that year estimated (Zion)" in page_text


def test_town_and_wards_are_compared_with_england_where_figures_exist(pages: PageBuilder) -> None:
    built = pages(town.results())
    # Scores stand in for shares: two of three wards are above a half, and the town has 44 %.
    page_text = words_of(built["indicators/overcrowded_homes.html"])
    assert "It does better than 44 of 100 wards of England." in page_text
    assert (
        "has come from the worst that counts, 30.0 , to the best, 2.0 , wherever the wards of England stand"
        in page_text
    )
    assert "half of the wards of England: 2 of 3 (21 March 2021)" in page_text
    assert "There are no figures for the wards of England" in words_of(built["indicators/violent_crime.html"])


@pytest.mark.parametrize(
    ("share", "ends", "zion", "expected"),
    [
        # Zion's 15.7 % of crowded homes show that the middle of England is at or above that figure, or at or below it.
        (60.0, (15.0, 15.5), 50.0, "does better than the middle ward of England"),
        (60.0, (15.0, 16.0), 50.0, "is too near to the middle ward of England to tell"),
        (40.0, (16.0, 18.0), 50.0, "does worse than the middle ward of England"),
        (40.0, (15.0, 18.0), 50.0, "is too near to the middle ward of England to tell"),
        (40.0, (16.0, 18.0), 51.0, "is too near to the middle ward of England to tell"),
        (40.0, (None, None), 51.0, "does worse than the middle ward of England"),
    ],
)
def test_wards_are_better_or_worse_than_england_only_beyond_the_interval(
    pages: PageBuilder, share: float, ends: tuple[float | None, float | None], zion: float, expected: str
) -> None:
    score, observation = town.tables()["score"], town.tables()["observation"]
    crowding = score["id"] == "overcrowded_homes"
    for code, percentile in ((town.TOWN, share), ("E05000001", 99.0), ("E05000002", 1.0), ("E05000003", zion)):
        score.loc[crowding & (score["area_code"] == code), "england_percentile"] = percentile
    own = (observation["indicator_id"] == "overcrowded_homes") & (observation["area_code"] == town.TOWN)
    observation.loc[own, ["lower", "upper"]] = ends
    page_text = words_of(pages(town.results(score=score, observation=observation))["indicators/overcrowded_homes.html"])
    assert f"In “ Overcrowded households ” Invented as a whole {expected}" in page_text


def test_highest_and_lowest_ward_are_named_first(pages: PageBuilder) -> None:
    page_text = words_of(pages(town.results())["indicators/overcrowded_homes.html"])
    assert (
        'The highest value is that of <b>Môr</b> with 35.0 %, the lowest that of Fern & "Hill" with 5.0 %' in page_text
    )


def test_a_publication_year_is_not_presented_as_the_year_measured(pages: PageBuilder) -> None:
    page_text = words_of(pages(town.results())["indicators/indoor_environment.html"])
    assert "published in 2021: an older figure, used again" in page_text
    assert "A year given here is that in which the figures were published" in page_text
    observation = town.tables()["observation"]
    observation["status"] = "observed"
    page_text = words_of(pages(town.results(observation=observation))["indicators/indoor_environment.html"])
    assert "published in 2021: measured before" in page_text
    assert "measured in that year" not in page_text


def test_one_figure_in_all_editions_is_described_without_a_flat_line(pages: PageBuilder) -> None:
    built = pages(town.results())
    same, moved = built["indicators/overcrowded_homes.html"], built["indicators/violent_crime.html"]
    assert "All editions from 2023 to 2024 use the same figure in each area (2021)." in words_of(same)
    assert ('id="trend-table"' in same, 'id="trend-table"' in moved) == (False, True)


def test_a_rate_updated_by_counts_is_not_presented_as_a_ratio(pages: PageBuilder) -> None:
    page_text = words_of(pages(town.results())["indicators/violent_crime.html"])
    assert "dividing the count does not give it" in page_text


def test_the_download_contains_every_value_with_its_score(pages: PageBuilder) -> None:
    rows = list(csv.DictReader(io.StringIO(pages(town.results())["downloads/indicator/overcrowded_homes.csv"])))
    assert len(rows) == len(town.EDITIONS) * len(town.NAMES)
    assert {row["area_name"] for row in rows} == set(town.NAMES.values())
    for row in rows:
        assert float(row["value"]) == pytest.approx(100 * float(row["numerator"]) / float(row["denominator"]))
        assert float(row["score"]) == pytest.approx(max(100 * (float(row["value"]) - 30) / (2 - 30), 0))
        assert (row["period_end"], row["status"]) == ("2021-12-31", "carried")


def test_an_indicator_outside_the_scores_says_why_and_names_its_replacement(pages: PageBuilder) -> None:
    built = pages(town.results())
    page = built["indicators/homes_in_poor_condition.html"]
    assert 'href="../indicators/indoor_environment.html"' in page
    assert "There are no figures, so" in page
    assert "downloads/indicator/homes_in_poor_condition.csv" not in built
    stated = town.tables()["indicator"]
    alone = stated["indicator_id"] == "homes_in_poor_condition"
    stated.loc[alone, ["slot_id", "not_in_basis_because"]] = [
        "homes_in_poor_condition",
        "Its newest values are too old.",
    ]
    assert (
        "Its newest values are too old."
        in pages(town.results(indicator=stated))["indicators/homes_in_poor_condition.html"]
    )


def test_names_stay_text(pages: PageBuilder) -> None:
    for page in pages(town.results()).values():
        assert "<b>Môr" not in page or page.startswith("indicator_id,")
