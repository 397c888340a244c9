"""The script of Explore in Debian's Chromium, on the invented town: views, addresses, words, downloads."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spi_pipeline.outputs.site.build import build
from spi_pipeline.outputs.site.pages.explore import explore
from spi_pipeline_tests.outputs.site import town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABLES = ("#ranking", "#change", "#trend-table")
CELLS = "(table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page as a file."""
    folder: Path = tmp_path_factory.mktemp("explore")
    build(town.results(), folder, downloads=False, kinds=(explore,))
    return (folder / "explore.html").as_uri()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab that fails the test if the script raises an error or writes to the console."""
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda message: complaints.append(message.text))
    yield tab
    tab.close()
    assert complaints == []


def cells(tab: Page, table: str) -> list[list[str]]:
    return list(tab.eval_on_selector(table, CELLS))


def test_the_script_starts_with_the_view_of_the_page_without_it(tab: Page, address: str, browser: Browser) -> None:
    without_script = browser.new_context(java_script_enabled=False).new_page()
    without_script.goto(address)
    tab.goto(address)
    assert tab.inner_text("#status") == without_script.inner_text("#status")
    for table in TABLES:
        assert cells(tab, table) == cells(without_script, table)
    for selector in (".map a path", ".map text", ".trend path"):
        classes = [
            [one.get_attribute("class") or "" for one in page.query_selector_all(selector)]
            for page in (tab, without_script)
        ]
        assert classes[0] == classes[1]
        assert classes[0]
    assert tab.is_visible("#choices")
    assert not without_script.is_visible("#choices")
    without_script.context.close()


def test_an_address_opens_its_view(tab: Page, address: str) -> None:
    tab.goto(f"{address}#m=violent_crime&y=2023&w=zion")
    # Between goalposts of 60 and 5, 22.5 scores 68.2 points; the ward named like markup has 41, which scores 34.5.
    status = tab.inner_text("#status")
    assert "Violence (per 1,000 people at risk), edition 2023: Invented scores 63.0 of 100." in status
    assert "last <b>Môr</b> with 34.5 (3rd, likely 2nd to 3rd)" in status
    assert "Pointed out is Zion with 68.2 (2nd, likely 1st to 3rd)." in status
    assert [row[0] for row in cells(tab, "#ranking")[1:]] == ['Fern & "Hill"', "Zion", "<b>Môr</b>"]
    assert cells(tab, "#ranking")[2][3].startswith("22.5, from 22.0 to 23.0")
    assert tab.get_attribute('.map [data-ward="E05000002"] path', "class") == "c0"
    assert len(tab.query_selector_all(".map .halo")) == 2
    assert tab.get_attribute('.trend [data-ward="E05000003"]', "class") == "chosen"
    assert "2023 is the first edition" in tab.inner_text("#change caption")
    assert tab.eval_on_selector("tr.chosen th", "(cell) => cell.textContent") == "Zion"


def test_choices_by_keyboard_change_view_address_and_status(tab: Page, address: str) -> None:
    tab.goto(address)
    for control, name in (("#measure", "Basic Human Needs"), ("#edition", "2023"), ("#ward", "Zion")):
        before = tab.inner_text("#status")
        tab.focus(control)
        tab.keyboard.type(name)
        tab.wait_for_function("(before) => document.getElementById('status').innerText !== before", arg=before)
    assert tab.url.endswith("#m=basic_human_needs&y=2023&w=zion")
    assert tab.get_attribute("#status", "role") == "status"
    assert tab.get_attribute("#about a", "href") == "measures/basic_human_needs.html"
    status = tab.inner_text("#status")
    tab.reload()
    assert tab.inner_text("#status") == status


def test_changes_are_shown_with_their_ranges_only_if_measured(tab: Page, address: str) -> None:
    tab.goto(f"{address}#m=violent_crime&y=2024")
    changes = {row[0]: row[1] for row in cells(tab, "#change")[1:]}
    # The rate fell by 4.1 of the 55 between the goalposts.
    assert changes["<b>Môr</b>"] == "▲ rose: 7.5 points, likely 6.5 to 8.5"
    assert changes['Fern & "Hill"'] == "● no clear change: 2.3 points, likely 1.3 to 3.3"
    tab.goto(f"{address}#m=overcrowded_homes&y=2024")
    assert {row[1] for row in cells(tab, "#change")[1:]} == {"– cannot be told"}


@pytest.mark.parametrize("wrong", ["#m=<script>&y=1999&w=__proto__", "#%E0%A4%A", "#m=constructor", "#&&=&m"])
def test_an_invalid_address_opens_the_first_view(tab: Page, address: str, wrong: str) -> None:
    tab.goto(address + wrong)
    assert tab.inner_text("#status").startswith("Social Progress Index, edition 2024: ")
    assert len(cells(tab, "#ranking")) == 4


def test_the_downloaded_view_is_the_one_shown(tab: Page, address: str) -> None:
    tab.goto(f"{address}#m=violent_crime&y=2024")
    with tab.expect_download() as download:
        tab.click("#download")
    assert download.value.suggested_filename == "violent_crime-2024.csv"
    text = Path(download.value.path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["area_name"] for row in rows] == [*(row[0] for row in cells(tab, "#ranking")[1:]), "Invented"]
    table = town.tables()["score"].query("id == 'violent_crime' and edition == 2024").set_index("area_code")
    for row in rows:
        own = table.loc[row["area_code"]]
        assert float(row["score"]) == pytest.approx(own["score"], abs=0.051)
        assert float(row["value"]) == pytest.approx(town.value("violent_crime", row["area_code"], 2024), abs=0.051)
        if row["area_code"] != town.TOWN:
            for column in ("rank", "rank_low", "rank_high"):
                assert float(row[column]) == own[column]
        assert row["verdict_since_2023"] in ("rose", "no clear change")
        assert row["status"] == "measured in that year"


def test_no_name_is_a_formula_in_the_downloaded_view(tab: Page, tmp_path: Path) -> None:
    area = town.tables()["area"]
    area["area_name"] = area["area_name"].replace({"Invented": "=1+2"})
    build(town.results(area=area), tmp_path, downloads=False, kinds=(explore,))
    tab.goto(f"{(tmp_path / 'explore.html').as_uri()}#m=violent_crime&y=2024")
    with tab.expect_download() as download:
        tab.click("#download")
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert rows[-1]["area_name"] == "'=1+2"


def test_link_and_embedded_view_open_the_view_shown(tab: Page, address: str) -> None:
    tab.goto(f"{address}#m=safety&y=2023&w=zion")
    assert tab.input_value("#link") == tab.url
    code = tab.input_value("#embed")
    match = re.fullmatch(r'<iframe src="([^"]*)" title="([^"]*)" width="100%" height="900"></iframe>', code)
    assert match
    assert html.unescape(match[2]) == "Safety, edition 2023"
    status = tab.inner_text("#status")
    tab.goto("about:blank")
    tab.goto(html.unescape(match[1]))
    assert tab.inner_text("#status") == status
    assert not tab.is_visible(".top")
    assert tab.is_visible("#choices")
