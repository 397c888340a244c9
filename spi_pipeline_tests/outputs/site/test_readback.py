"""Every number and word of the site agrees with the tables, and reading the site back finds any that does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline_tests.outputs.site.conftest import BuiltSite, read_back


def test_every_number_and_word_agrees_with_the_tables(site: BuiltSite, facts: Facts) -> None:
    read = read_back(site.folder, facts)
    assert read.faults == []
    wards = sum(row["level"] == "ward" for row in facts.table("area"))
    assert read.wards >= wards, "the map with all wards is checked"
    # The first page alone has a score, a rank and the two ends of its range for each ward.
    assert read.numbers >= 4 * wards


# For each error: the right text, the wrong text, and the message that reports it.
WRONG = {
    "another value": ('value="58.', 'value="57.', "the tables say"),
    "wrong rounding": (">58.5</data> of 100", ">58.6</data> of 100", "digits is not 58.6"),
    "an extra digit": (">58.5</data> of 100", ">58.50</data> of 100", "digits is not 58.50"),
    "another row": ("edition=2026;profile=spi", "edition=2022;profile=spi", "the tables say"),
    "no row": ("edition=2026;profile=spi", "edition=1922;profile=spi", "0 rows of score"),
    "no column": ("score.score", "score.scores", "KeyError"),
    "a wrong ending": (">1st</data>", ">1th</data>", "is not 1th"),
    "another ward": (">Barnfield</data> comes first", ">Biscot</data> comes first", "is called Barnfield"),
    "not the first": ("ORDER BY rank, area_name", "ORDER BY rank DESC, area_name", "the tables say"),
    "another component": (">Safety</data>", ">Housing</data>", "“Safety” is not named around it"),
    "the other direction": (">fell</data>", ">rose</data>", "does not say that it fell"),
    "both directions": (">fell</data>", ">rose and fell</data>", "does not say that it fell"),
    "another verdict": ('value="fell"', 'value="rose"', "the tables say fell"),
    "an unmarked number": ("<h2>What is new</h2>", "<h2>What is new</h2><p>All 17 wards rose.</p>", "the number 17"),
    "a wrong row name": (">Barnfield</a></th>", ">Biscot</a></th>", "“Barnfield” is not named around it"),
    "a wrong map label": ("Barnfield: 1st, likely 1st", "Barnfield: 2nd, likely 1st", "map: Barnfield is"),
    "a wrong map colour": ('<path class="c3"', '<path class="c1"', "does not have the colour c3"),
    "a wrong count": ('>20</data> wards', '>21</data> wards', "is not 21"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_planted_errors_are_found(site: BuiltSite, facts: Facts, tmp_path: Path, fault: str) -> None:
    right, wrong, message = WRONG[fault]
    shutil.copy(site.folder / "index.html", tmp_path)
    page = tmp_path / "index.html"
    before = page.read_text("utf-8")
    assert right in before, f"the first page no longer holds {right!r}"
    page.write_text(before.replace(right, wrong), "utf-8")
    faults = read_back(tmp_path, facts).faults
    assert any(message in one for one in faults), faults


CHANGE = (
    '<data value="{}" data-from="change.change" data-digits="1" data-how="size" '
    'data-key="edition_from={};edition_to={};profile={};area_code={};level={};id={}">{}</data>'
)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("Stop and search in Central fell by {}.", None),
        ("Stop and search in Central moved by {}.", "without a word for its direction"),
        ("Stop and search in Central rose by {}.", "without a word for its direction"),
        ("Stop and search in Dallow fell by {}.", "“Central” is not named"),
        ("Burglary in Central fell by {}.", "“Stop and search (per 1,000 residents)” is not named"),
        ("Stop and search in Central fell by {} in 12 months.", "the number 12"),
    ],
)
def test_a_sentence_must_name_area_measure_and_direction(
    facts: Facts, tmp_path: Path, sentence: str, message: str | None
) -> None:
    """A size without a sign shows no direction, and a number alone does not show what it measures."""
    (code,) = (row["area_code"] for row in facts.table("area") if row["area_name"] == "Central")
    (row,) = (
        row for row in facts.rows("change", {"id": "stop_and_search", "area_code": code, "profile": "spi"})
        if (row["edition_from"], row["edition_to"]) == (2022, facts.newest[0])
    )  # fmt: skip
    assert row["change"] < -1
    key = [row[name] for name in ("edition_from", "edition_to", "profile", "area_code", "level", "id")]
    shown = CHANGE.format(row["change"], *key, f"{abs(row['change']):.1f}")
    (tmp_path / "one.html").write_text(f"<!doctype html><main><p>{sentence.format(shown)}</p></main>", "utf-8")
    faults = read_back(tmp_path, facts).faults
    assert faults == [] if message is None else any(message in one for one in faults), faults


SHARED = (
    '<data value="{}" data-from="own_area_overlap.shared" data-digits="0" '
    'data-key="own_area=edge;kind={};other={}">{:,.0f}</data>'
)


@pytest.mark.parametrize(
    ("kind", "other", "sentence", "message"),
    [
        ("ward", "E05014751", "{} people live in both The edge and Stopsley.", None),
        ("ward", "E05014751", "{} people live in both The edge and Vauxhall.", "“Stopsley” is not named"),
        ("ward", "E05014751", "{} people live in both The board and Stopsley.", "“The edge” is not named"),
        ("own_area", "board", "{} people live in both The edge and Stopsley.", "“Board "),
    ],
)
def test_a_number_of_a_councils_own_area_must_name_the_area(
    facts: Facts, tmp_path: Path, kind: str, other: str, sentence: str, message: str | None
) -> None:
    (row,) = facts.rows("own_area_overlap", {"own_area": "edge", "kind": kind, "other": other})
    shown = SHARED.format(row["shared"], kind, other, row["shared"])
    (tmp_path / "one.html").write_text(f"<!doctype html><main><p>{sentence.format(shown)}</p></main>", "utf-8")
    faults = read_back(tmp_path, facts).faults
    assert faults == [] if message is None else any(message in one for one in faults), faults
