"""The pages in ``OTHER_PAGES``: the text they show for three invented wards; every number can be recomputed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from lxml import html

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.contracts.models.targets import Target, Targets
from spi_pipeline.contracts.root import Root
from spi_pipeline.outputs.site.build import build
from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.contracts.mutation import CONTRACTS
from spi_pipeline_tests.outputs.site.conftest import read_back
from spi_pipeline_tests.outputs.site.small import INDICATOR, OTHER_PAGES, TOWN, published, rows

PAGES = ("economy", "progress", "certainty", "found", "quality", "method", "targets", "accessibility", "about", "404")


def parsed(file: Path) -> html.HtmlElement:
    return html.parse(str(file), parser=html.HTMLParser(encoding="utf-8")).getroot()


def text_of(file: Path) -> str:
    """The words of a page, with cells and paragraphs separated."""
    tree = parsed(file)
    for one in tree.iter("td", "th", "p", "li", "caption", "br", "dt", "dd"):
        one.tail = f" {one.tail or ''}"
    return " ".join(tree.text_content().split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    contracts = load_contracts(CONTRACTS)
    build(published(contracts, folder / "spi.duckdb", rows(contracts)), folder / "site", kinds=OTHER_PAGES)
    return folder


def test_every_number_and_verdict_agrees_with_the_tables(site: Path) -> None:
    read = read_back(site / "site", Facts(site / "spi.duckdb", Root(CONTRACTS)))
    assert read.faults == []
    assert read.numbers > 0


@pytest.mark.parametrize(
    ("page", "right", "wrong", "message"),
    [
        ("method", 'value="500.0" data-declared', 'value="501.0" data-declared', "the tables say 500"),
        ("method", "uncertainty draws", "uncertainty drawn", "KeyError"),
        ("certainty", 'value="1.0" data-reach="dimension.best"', 'value="2.0" data-reach="dimension.best"', "say 1"),
        ("downloads", 'data-file="downloads/dictionary.csv"', 'data-file="downloads/spi.xlsx"', "the tables say"),
        ("economy", ">better than suggested</data>", ">worse than suggested</data>", "does not say that it more than"),
        ("progress", ">Ash</data>", ">Yew</data>", "is called Ash"),
        ("progress", ">▲ more than before</data>", ">▼ fewer than before</data>", "does not say that it rise"),
    ],
)
def test_planted_errors_are_found(site: Path, tmp_path: Path, page: str, right: str, wrong: str, message: str) -> None:
    before = (site / "site" / f"{page}.html").read_text("utf-8")
    assert right in before, f"{page} no longer holds {right!r}"
    (tmp_path / f"{page}.html").write_text(before.replace(right, wrong), "utf-8")
    shutil.copytree(site / "site/downloads", tmp_path / "downloads")
    faults = read_back(tmp_path, Facts(site / "spi.duckdb", Root(CONTRACTS))).faults
    assert any(message in one for one in faults), faults


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_one_heading_and_names_stay_text(site: Path, page: str) -> None:
    tree = parsed(site / "site" / f"{page}.html")
    assert len(tree.findall(".//h1")) == 1
    assert tree.findall(".//b") == []
    assert len(tree.xpath("//@id")) == len(set(tree.xpath("//@id")))


def test_economy_names_wards_beyond_chance_and_no_cause(site: Path) -> None:
    text = text_of(site / "site/economy.html")
    assert (
        "Of 3 wards, 2 lie beyond what chance explains: Ash is better than suggested (6.0 points, 2.0 to 10.0); Yew is "
        "worse than suggested (−7.5 points, −11.5 to −3.5)." in text
    )
    assert "Where it is higher, scores are lower. Between wards alike in income this cannot be told." in text
    assert "We cannot tell whether scores go with it." in text
    assert (
        "Where it is higher among all wards of England, scores are higher. Between wards alike in income they are "
        "lower instead." in text
    )
    assert "−0.50 (−0.75 to −0.25) 0.10 (−0.20 to 0.40) 0.24 (0.21 to 0.26) −0.23 (−0.25 to −0.21)" in text
    assert "−0.20 (−0.75 to 0.25) held equal no figures no figures" in text
    assert "None of this says what causes what." in text
    assert "Oak & <b>Elm</b>" in text


def test_progress_names_changes_and_says_that_a_change_of_the_index_is_unknown(site: Path) -> None:
    text = text_of(site / "site/progress.html")
    assert "only 12% of the index was measured again" in text
    assert "So nobody can tell for any ward whether the index as a whole" in text
    assert "1: Ash 2: Oak & <b>Elm</b> and Yew 0" in text
    assert "In June 2026, the newest month, 1 of 2 ward counts depart" in text
    assert "▲ more than before April 2026 May 2026" in text
    assert "Largest rises beyond chance" in text
    assert "900 1,000 100 2 0 1 no" in text


def test_certainty_counts_overlapping_pairs_and_the_reach_of_weights(site: Path) -> None:
    text = text_of(site / "site/certainty.html")
    assert "In 1 of 3 pairs of wards the likely ranges overlap." in text
    assert (
        "Which indicators stand for a component It has a part in 0.75 of the doubt about the ranks (0.65 to 0.85)."
        in text
    )
    assert "By the 3 dimensions: Ash can be first; Oak & <b>Elm</b> and Yew can be last." in text
    assert "Ash 1st, likely 1st 1st 1st" in text
    assert "Yew 2nd, likely 2nd to 3rd 2nd to 3rd 2nd to 3rd" in text


def test_published_findings_say_where_we_differ_and_why(site: Path) -> None:
    text = text_of(site / "site/found.html")
    assert "Of 2 statements we agree with 1 and differ from 1; 0 cannot be compared." in text
    assert "A paper, July 2024" in text
    assert "≠ we differ, but within the likely ranges Yew 2 (2 to 3), of 3 They count dogs." in text


def test_quality_shows_the_newest_run_only(site: Path) -> None:
    text = text_of(site / "site/quality.html")
    assert "carried 2, imputed 1" in text
    assert "The newest run was on 24 November 2026" in text
    assert "area bounds error failed 7 > 3 all" in text
    assert "twice" not in text
    assert "error 1 1 0 1" in text
    assert "1 of 1 lie within what is allowed" in text
    assert "oa21 2 1 postcodes" in text
    assert "Yew 50.0" in text
    assert "ab" * 32 in text
    assert "Open Government Licence v3.0" in text
    assert "21 March 2021 12 2033" in text


def test_method_agrees_with_the_contracts(site: Path) -> None:
    text = text_of(site / "site/method.html")
    assert "Overcrowded households (%) % 31.6 0.48 the wards of England –" in text
    assert "Least share of parts that must have a figure 50%" in text
    assert "Overcrowded households (%) Housing equal 0.50 0.60" in text
    assert "Overcrowded households (%) Yew mean 5.0 1.5" in text
    assert "Buses: fetched alone" in text
    assert "more than 1 point." in text


def test_the_page_without_targets_says_how_to_set_them(site: Path) -> None:
    text = text_of(site / "site/targets.html")
    assert "No targets are set in this copy of the site" in text
    assert f"authority: {TOWN} indicator: " in text
    assert parsed(site / "site/targets.html").findall(".//data") == []


def test_the_page_of_targets_shows_distance_and_pace(tmp_path: Path) -> None:
    contracts = load_contracts(CONTRACTS)
    target = Target(id="less", authority=TOWN, indicator=INDICATOR, value=2, year=2040, source="A plan")
    with_target = replace(contracts, targets=Targets(targets=[target]))
    results = published(with_target, tmp_path / "spi.duckdb", rows(contracts))
    build(results, tmp_path / "site", downloads=False, kinds=OTHER_PAGES)
    text = text_of(tmp_path / "site/targets.html")
    assert "Overcrowded households (%): 2.0 by the end of 2040" in text
    assert "Hexham has 5.0 (21 March 2021), −3.0 away: not on course." in text
    assert "Ash 5.0 21 March 2021 −3.0 measured once −0.16 ? cannot be told" in text
    facts = Facts(tmp_path / "spi.duckdb", Root(CONTRACTS))
    assert [fault for fault in read_back(tmp_path / "site", facts).faults if fault.startswith("targets")] == []


def test_the_citation_includes_the_checksum_of_the_scores(site: Path) -> None:
    text = text_of(site / "site/about.html")
    assert hashlib.sha256((site / "site/downloads/score.csv").read_bytes()).hexdigest() in text
    assert "figures taken on 23 November 2026" in text


def test_pages_without_rows_are_not_written(tmp_path: Path) -> None:
    contracts = load_contracts(CONTRACTS)
    few = rows(contracts)
    kept = ("area", "edition", "indicator", "score", "observation")
    results = published(contracts, tmp_path / "spi.duckdb", {name: few[name] for name in kept})
    build(results, tmp_path / "site", kinds=OTHER_PAGES)
    written = {file.stem for file in (tmp_path / "site").glob("*.html")}
    assert written.isdisjoint({"found", "economy"})
    assert {"progress", "certainty", "quality", "about", "404"} <= written
    assert "economy.html" not in parsed(tmp_path / "site/progress.html").xpath("//@href")
    assert "No run is recorded here." in text_of(tmp_path / "site/quality.html")
    assert INDICATOR in "".join(parsed(tmp_path / "site/quality.html").xpath("//@href"))
    assert TOWN not in text_of(tmp_path / "site/quality.html")


def test_a_council_sets_its_name_colours_logo_and_texts(tmp_path: Path) -> None:
    root = tmp_path / "contracts"
    root.mkdir()
    (root / "crest.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    named = SitePublication.model_validate(
        {
            "name": "How <Hexham> fares",
            "colours": {"brand": "#550000", "link": "#003366"},
            "logo": {"file": "crest.svg", "alt": "Hexham"},
            "contact": {"name": "The team", "email": "team@example.org"},
            "texts": {"about": "Made by <us>.", "foot": "Thank you."},
        }
    )
    contracts = replace(load_contracts(CONTRACTS), publication=named, root=Root(root))
    results = published(contracts, tmp_path / "spi.duckdb", rows(contracts))
    build(results, tmp_path / "site", downloads=False, kinds=OTHER_PAGES)
    about = text_of(tmp_path / "site/about.html")
    assert "How <Hexham> fares" in about
    assert "Made by <us>." in about
    assert "Thank you." in about
    assert {"mailto:team@example.org", "static/crest.svg", "static/theme.css"} <= set(
        parsed(tmp_path / "site/about.html").xpath("//@href|//@src")
    )
    assert (tmp_path / "site/static/theme.css").read_text() == ":root { --brand: #550000; --link: #003366; }\n"
    assert (tmp_path / "site/static/crest.svg").is_file()


def test_a_database_from_an_older_version_is_refused(tmp_path: Path) -> None:
    contracts = load_contracts(CONTRACTS)
    file = tmp_path / "spi.duckdb"
    before = published(contracts, file, rows(contracts))
    with duckdb.connect(str(file)) as connection:
        connection.execute("DROP TABLE target")
    with pytest.raises(SpiError, match="lacks the table target, since an older version wrote it; run spi refresh"):
        Results.of_database(file, before.boundaries, contracts, before.postcodes)
