"""The page of an area of the council's own, in an invented town: all it says is in the tables."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.outputs.site.build import build
from spi_pipeline.outputs.site.pages import own_area, ward, wards
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.outputs.site.awkward_town import (
    EDITIONS,
    NAMES,
    PLAIN,
    PROFILE,
    TOWN,
    WARDS,
    boundaries,
    contracts,
    town,
)
from spi_pipeline_tests.outputs.site.test_ward import section, text

NAME = "Board <North> & 7"
FIRST, SECOND, THIRD, FOURTH = [item for item in contracts().active if item.direction == "lower_is_better"][:4]
INDEX = contracts().framework.id


def tables(**changed: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """One area across two wards; the value of the first indicator is far below the town's, that of the second near it.

    Args:
        changed: by table, the values that replace those in each of its rows.
    """
    newest = {"edition": EDITIONS[-1], "own_area": "board"}
    score = {
        **newest, "profile": PROFILE, "score": 62.5, "score_low": 40.25, "score_high": 70.25, "measured_low": 61.25,
        "measured_high": 63.75, "place": 2, "place_low": 1, "place_high": 4, "among": 6, "ward_median": 50.0,
        "difference": 12.5, "verdict": "strength",
    }  # fmt: skip
    elements = [(INDEX, "index"), ("safety", "component"), (FIRST.id, "indicator")]
    town_value = town().tables["observation"].query("area_code == @TOWN").set_index("indicator_id")["value"]
    value = {
        **newest, "period_start": pd.Timestamp("2021-03-21"), "period_end": pd.Timestamp("2021-03-21"),
        "allocation_error": 0.01, "status": "carried", "source_id": FIRST.source, "estimated": False,
    }  # fmt: skip
    known = [(FIRST.id, town_value[FIRST.id] - 0.08, False), (SECOND.id, town_value[SECOND.id] - 0.06, True)]
    empty = {"value": None, "lower": None, "upper": None, "period_start": None, "period_end": None}
    shared = [("ward", WARDS[0], 600.0, 300.0, False), ("ward", PLAIN, 700.0, 0.5, True),
              ("wards_touched", "touched", 1300.0, 300.5, False)]  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {
        "own_area": [
            {"own_area": "board", "area_name": NAME, "authority_code": TOWN, "drawn_by": "outline", "residents": 1300.0,
             "households": 500.0, "split_share": 0.25}
        ],
        "own_area_overlap": [
            {"own_area": "board", "kind": kind, "other": other, "other_name": NAMES.get(other, "all wards it touches"),
             "shared": both, "area_less_other": 1300 - both, "other_less_area": left, "thin": thin}
            for kind, other, both, left, thin in shared
        ],
        "own_area_score": [{**score, "id": name, "level": level} for name, level in elements],
        "own_area_value": [
            *({**value, "indicator_id": name, "value": at, "lower": at - 0.05, "upper": at + 0.05, "estimated": whole}
              for name, at, whole in known),
            {**value, **empty, "indicator_id": THIRD.id, "status": "suppressed"},
            {**value, **empty, "indicator_id": FOURTH.id, "status": "missing"},
        ],
    }  # fmt: skip
    return {
        name: pd.DataFrame([{**row, **changed.get(name, {})} for row in table_rows])
        for name, table_rows in rows.items()
    }


def area_page(folder: Path, own: dict[str, pd.DataFrame], **definition: Any) -> str:
    """The page of the area."""
    results = town(**own)
    areas = {"board": OwnArea(id="board", title=NAME, **definition)} if definition else {}
    results = Results(results.tables, boundaries(), replace(contracts(), own_areas=areas), results.postcodes)
    build(results, folder, downloads=False, kinds=(wards, ward, own_area))
    return (folder / "areas" / "board.html").read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    area_page(
        folder, tables(), outline="POLYGON ((-0.39 51.805, -0.3 51.805, -0.3 51.815, -0.39 51.815, -0.39 51.805))"
    )
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "areas" / "board.html").read_text("utf-8")


def test_the_summary_states_residents_score_and_uncertainty(page: str) -> None:
    content = text(page)
    assert f"1,300 people lived in {NAME} when the census of 2021 was taken." in content
    assert "It scores 62.5 of 100 for social progress in edition 2025, likely 40.2 to 70.2" in content
    assert "Set among the wards it would rank 2nd, likely 1st to 4th, of 6." in content
    assert "By errors of its own figures alone the score is likely 61.2 to 63.8." in content
    assert "no score or rank of a ward depends on it" in content


def test_the_page_shows_residents_by_ward_and_a_map(page: str) -> None:
    where = section(page, "where")
    assert f"{NAMES[WARDS[0]]} 600 300" in text(where)
    assert "25.0% of its residents come from small areas that lie partly in it" in text(where)
    assert where.count('class="there"') == 2
    assert where.count('class="drawn"') == 1


def test_strengths_exceed_chance_and_missing_scores_are_named(page: str) -> None:
    content = text(section(page, "strengths"))
    assert "Strong Safety (12.5 points above the middle ward)." in content
    assert "Weak Nothing beyond chance." in content
    assert re.search(
        r"Safety ▲ stronger than the middle ward 62.5 \(61.2 to 63.8\) 50.0 50.0 2nd, likely 1st to 4th", content
    )
    assert "Housing – no score no score no score 50.0 no rank" in content


def test_a_value_differs_from_the_town_only_beyond_its_range_and_allocation_error(page: str, tmp_path: Path) -> None:
    def comparison(markup: str, title: str) -> str:
        row = re.search(rf">{re.escape(title)}</a></th>.*?</tr>", markup, re.S)
        assert row
        return next(filter(None, re.findall("better|worse|too near to tell|cannot be told", text(row.group()))))

    assert comparison(page, FIRST.title) == "better"
    assert comparison(page, SECOND.title) == "too near to tell"
    assert comparison(page, THIRD.title) == "cannot be told"
    exact = area_page(tmp_path, tables(own_area_value={"allocation_error": 0.0}))
    assert comparison(exact, SECOND.title) == "better"


def test_withheld_missing_and_estimated_figures_are_listed(page: str) -> None:
    content = text(section(page, "withheld"))
    withheld, missing, estimated = (
        content.index(words)
        for words in ("figures are withheld. Too few", "there is no figure here", "known of whole wards")
    )
    assert withheld < content.index(THIRD.title) < missing < content.index(FOURTH.title) < estimated
    assert content.index(SECOND.title) > estimated
    assert content.count("are nearly one") == 1
    assert f"600 people live in {NAME} and not in Plain, fewer than 1,000." in content


def test_the_page_says_if_nothing_is_withheld(tmp_path: Path) -> None:
    content = text(area_page(tmp_path, tables(own_area_value={"status": "observed"}, own_area_overlap={"thin": False})))
    assert "No figure of this area is withheld." in content
    assert "nearly one" not in content


def test_an_area_without_a_score_or_definition_has_a_page(tmp_path: Path) -> None:
    own = tables()
    markup = area_page(tmp_path, {**own, "own_area_score": own["own_area_score"].iloc[:0]})
    assert "It has no score in edition 2025: too little is known of it." in text(markup)
    assert "<svg" not in section(markup, "where")
    assert f"{NAME} 1,300 no score no rank" in text((tmp_path / "wards" / "index.html").read_text("utf-8"))


def test_an_area_without_wards_to_compare_with_is_neither_strong_nor_weak(tmp_path: Path) -> None:
    alone = dict.fromkeys(("ward_median", "difference", "verdict"))
    content = text(section(area_page(tmp_path, tables(own_area_score=alone)), "strengths"))
    assert "Strong Nothing beyond chance." in content
    assert "Safety – no wards to compare with 62.5" in content


def test_the_page_is_linked_from_the_wards_that_it_overlaps(folder: Path) -> None:
    of_wards = (folder / "wards" / "index.html").read_text("utf-8")
    assert f"{NAME} 1,300 62.5 2nd, likely 1st to 4th" in text(section(of_wards, "areas"))
    named = {
        file.stem for file in (folder / "wards").glob("*.html") if "../areas/board.html" in file.read_text("utf-8")
    }
    assert named == {"index", *(town().areas[code].slug for code in (WARDS[0], PLAIN))}
    plain = (folder / "wards" / f"{town().areas[PLAIN].slug}.html").read_text("utf-8")
    assert f"{NAME} : 700 residents of Plain" in text(plain).replace(f"{NAME}:", f"{NAME} :")


def test_a_site_without_own_areas_does_not_mention_them(tmp_path: Path) -> None:
    build(town(), tmp_path, downloads=False, kinds=(wards, ward, own_area))
    assert not (tmp_path / "areas").exists()
    for file in tmp_path.rglob("*.html"):
        assert "council’s own" not in file.read_text("utf-8")
        assert "../areas/" not in file.read_text("utf-8")
