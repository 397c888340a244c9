"""Explore and the pages of measures: the script gets the tables' figures, and the pages are readable without it."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.build import STATIC, build
from spi_pipeline.outputs.site.pages.explore import explore
from spi_pipeline.outputs.site.pages.measure import measure
from spi_pipeline.outputs.site.pages.measures import measures
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.outputs.site import town

SCRIPT = STATIC / "explore.js"


def build_pages(results: Results, folder: Path) -> Path:
    build(results, folder, downloads=False, kinds=(explore, measures, measure))
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return build_pages(town.results(), tmp_path)


def explore_data(folder: Path) -> Any:
    own = {file.stem: script_data(folder, f"measures/{file.stem}") for file in (folder / "static/measures").iterdir()}
    return script_data(folder, "explore/all") | {"measures": own}


def script_data(folder: Path, name: str) -> Any:
    begin = f'DATA["{name}"]='
    text = (folder / f"static/{name}.js").read_text("utf-8")
    assert text.startswith(begin)
    return json.loads(text.removeprefix(begin).removesuffix(";\n"))


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


def test_the_script_receives_the_scores_and_ranks_of_the_tables(site: Path) -> None:
    data = explore_data(site)
    codes = [code for code, _, _ in data["areas"]]
    assert codes[0] == town.TOWN
    table = town.tables()["score"].set_index(["id", "edition", "area_code"])
    for (name, year, code), row in table.iterrows():  # type: ignore[misc]
        entry = data["measures"][name]["s"][str(year)][codes.index(code)]
        assert f"{entry[0]:.1f}" == f"{row['score']:.1f}"
        difference = row["score"] - table.loc[(name, year, town.TOWN), "score"]
        assert entry[1] == sum(difference >= least for least in (-15, -5, 5, 15))
        assert entry[2:] == ([] if code == town.TOWN else [row["rank"], row["rank_low"], row["rank_high"]])


def test_the_script_receives_values_and_changes_of_the_tables(site: Path) -> None:
    data = explore_data(site)
    codes = [code for code, _, _ in data["areas"]]
    for row in town.tables()["observation"].to_dict("records"):
        if row["indicator_id"] in town.GOALPOSTS:
            own = data["measures"][row["indicator_id"]]
            value, low, high, status = own["v"][str(row["edition"])][codes.index(row["area_code"])]
            for shown, column in ((value, "value"), (low, "lower"), (high, "upper")):
                assert shown == pytest.approx(row[column], abs=0.5 * 10 ** -own["digits"] + 1e-9)
            assert data["statuses"][status] == words.STATUSES[row["status"]]
    for row in town.tables()["change"].to_dict("records"):
        entry = data["measures"][row["id"]]["c"]["2024"]["2023"][codes.index(row["area_code"])]
        if row["verdict"] == "cannot_tell":
            assert entry == 0
        else:
            assert entry[0] == pytest.approx(row["change"], abs=0.05 + 1e-9)
            assert data["verdicts"][entry[3]] == words.VERDICTS[row["verdict"]]


def test_missing_figures_are_passed_as_missing(tmp_path: Path) -> None:
    score, observation = town.tables()["score"], town.tables()["observation"]
    crowding = (score["id"] == "overcrowded_homes") & (score["area_code"] == "E05000003")
    score.loc[crowding, ["score", "rank", "rank_low", "rank_high"]] = None
    crowding = (observation["indicator_id"] == "overcrowded_homes") & (observation["area_code"] == "E05000003")
    observation.loc[crowding, ["value", "lower", "upper"]] = None
    folder = build_pages(town.results(score=score, observation=observation), tmp_path)
    own = explore_data(folder)["measures"]["overcrowded_homes"]
    assert own["s"]["2024"][3] == 0
    assert own["v"]["2024"][3] == 0


def test_the_same_tables_give_the_same_data(tmp_path: Path) -> None:
    shuffled = {
        name: table.sample(frac=1, random_state=7) for name, table in town.tables().items() if name != "indicator"
    }
    one, other = (
        build_pages(results, tmp_path / name)
        for name, results in (("one", town.results()), ("other", town.results(**shuffled)))
    )
    assert explore_data(one) == explore_data(other)


def test_the_page_without_the_script_shows_the_index_and_links_every_measure(site: Path) -> None:
    page = (site / "explore.html").read_text("utf-8")
    assert "Social Progress Index by ward, edition 2024" in text_of(page)
    assert re.search(r'<div id="choices"[^>]* hidden>', page)
    assert re.search(r'<div id="take" hidden>', page)
    linked = set(re.findall(r'href="(measures/[^"]*)"', page))
    assert {file.relative_to(site).as_posix() for file in (site / "measures").glob("*.html")} == linked


def test_a_rank_is_never_shown_without_its_likely_range(site: Path) -> None:
    for file in site.rglob("*.html"):
        page = text_of(file.read_text("utf-8"))
        ranks = re.findall(r"(?<!likely )(?<!to )\b\d+(?:st|nd|rd|th)\b", page)
        assert ranks or file.name == "index.html"
        assert len(ranks) == len(re.findall(r"\b\d+(?:st|nd|rd|th), likely \d", page))


def test_names_stay_text(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert "<b>Môr" not in file.read_text("utf-8")
    assert [name for _, name, _ in explore_data(site)["areas"]][1:] == sorted(
        name for code, name in town.NAMES.items() if code != town.TOWN
    )
    assert '<option value="b-mor-b">&lt;b&gt;Môr&lt;/b&gt;</option>' in (site / "explore.html").read_text("utf-8")


def test_the_script_is_short_and_neither_writes_markup_nor_sends_requests() -> None:
    script = SCRIPT.read_text("utf-8")
    assert len(script.splitlines()) < 230
    assert not re.search(
        r"innerHTML|insertAdjacent|document\.write|eval\(|fetch\(|XMLHttp|\bimport\b|\bexport\b|https?:", script
    )


def test_the_page_of_a_measure_lists_its_parts_with_weights(site: Path) -> None:
    page = text_of((site / "measures/housing.html").read_text("utf-8"))
    assert "Overcrowded households (%) 0.500 0.500" in page
    assert 'href="../indicators/overcrowded_homes.html"' in (site / "measures/housing.html").read_text("utf-8")


def test_rises_unclear_changes_and_unmeasured_wards_are_listed_separately(site: Path) -> None:
    # Crime fell by a tenth: for 41 in a thousand that is 7.5 points of safety, for 12.5 it is 2.3.
    safety = text_of((site / "measures/safety.html").read_text("utf-8"))
    assert "Rose beyond what chance explains: <b>Môr</b> and Zion." in safety
    assert 'No change that stands out from chance: Fern & "Hill".' in safety
    housing = text_of((site / "measures/housing.html").read_text("utf-8"))
    assert "was measured again: every ward." in housing


def test_first_and_last_wards_change_and_trend_equal_the_tables(site: Path) -> None:
    page = (site / "measures/safety.html").read_text("utf-8")
    # The rate is 22.8 in the town, 11.25 in the best ward and 36.9 in the worst; the goalposts are 60 and 5.
    assert (
        'Safety, edition 2024: Invented scores 67.6 of 100. First comes Fern & "Hill" with 88.6 (1st, likely 1st to '
        "2nd), last <b>Môr</b> with 42.0 (3rd, likely 2nd to 3rd)."
    ) in text_of(page)
    assert "Invented from 2023 to 2024: ▲ rose: 4.6 points, likely 3.6 to 5.6." in text_of(page)
    # The scale runs 250 pixels up from 262; the points are at 34.5 and 42.0.
    assert '<path data-ward="E05000002" d="M44.0,175.6L612.0,157.0"/>' in page


def test_one_edition_has_no_change(tmp_path: Path) -> None:
    only = {
        name: table[table["edition"] == 2024]
        for name, table in town.tables().items()
        if "edition" in table
    } | {"change": town.tables()["change"].iloc[:0]}  # fmt: skip
    folder = build_pages(town.results(**only), tmp_path)
    assert "There is one edition so far" in text_of((folder / "measures/housing.html").read_text("utf-8"))
    assert 'id="change"' not in (folder / "explore.html").read_text("utf-8")
    assert explore_data(folder)["measures"]["housing"]["c"] == {}
