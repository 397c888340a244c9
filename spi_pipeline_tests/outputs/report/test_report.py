"""The printable report: its metadata and tags are accessible, and all it says about a ward is in the tables."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from spi_pipeline.cli.entry import app
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.report.build import report
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.outputs.report.reading import Report
from spi_pipeline_tests.outputs.site.awkward_town import NAMES, PLAIN, SILENT, TOWN, town
from spi_pipeline_tests.outputs.site.conftest import results_of

# The structure types of ISO 32000-1, 14.8.4, that the report uses.
STANDARD = {
    "Document", "Div", "H1", "H2", "P", "L", "LI", "Lbl", "LBody", "Table", "THead", "TBody", "TR", "TH", "TD",
    "Figure", "Caption", "Link", "Span",
}  # fmt: skip


@pytest.fixture(scope="module")
def content() -> bytes:
    return report(town())


@pytest.fixture(scope="module")
def pdf(content: bytes) -> Report:
    return Report(content)


def pages_of(pdf: Report) -> dict[str, list[str]]:
    """The text of each ward's pages, by the name of its bookmark."""
    starts = [*pdf.bookmarks, ("", len(pdf.pages) + 1)]
    return {name: pdf.pages[first - 1 : second - 1] for (name, first), (_, second) in pairwise(starts[1:-1])}


def scores(results: Results) -> Mapping[str, Mapping[str, float]]:
    table = results.tables["score"]
    rows = table[
        (table["id"] == results.index.id)
        & (table["edition"] == table["edition"].max())
        & (table["profile"] == results.profile)
    ]
    return {row["area_code"]: row for row in rows.to_dict("records")}


def assert_wards_are_reported(pdf: Report, results: Results) -> None:
    """Assert that each ward has two pages with its name, and its score, rank and likely ranks from the tables."""
    ward_pages, ward_scores = pages_of(pdf), scores(results)
    area = results.tables["area"]
    wards = dict(area[area["level"] == "ward"][["area_name", "area_code"]].values)
    assert sorted(ward_pages) == sorted(wards)
    for name, pages in ward_pages.items():
        row = ward_scores[wards[name]]
        assert len(pages) == 2, name
        assert all(name in page for page in pages)
        # A very long name is broken over two lines.
        broken = r"\s*".join(map(re.escape, name))
        ranking = re.search(rf"{broken} (no score|[\d.]+) (no rank|\S+, likely \S+(?: to \d+\w\w)?)", " ".join(
            pdf.pages[: pdf.bookmarks[1][1] - 1]
        ).split("Rank, and where it is likely")[1])  # fmt: skip
        assert ranking
        if pd.isna(row["score"]):
            assert ranking.groups() == ("no score", "no rank")
            assert f"{name} has no score" in pages[0]
            continue
        summary = re.search(r"scores ([\d.]+) of 100 .*? It ranks (\S+), likely (.*?), among", pages[0])
        assert summary
        likely = words.likely(row["rank_low"], row["rank_high"])
        assert summary.groups() == (f"{row['score']:.1f}", words.ordinal(row["rank"]), likely)
        assert ranking.groups() == (f"{row['score']:.1f}", f"{words.ordinal(row['rank'])}, likely {likely}")


def test_metadata_declare_an_accessible_document_with_title_and_date(pdf: Report) -> None:
    assert pdf.root["/MarkInfo"]["/Marked"]
    assert pdf.root["/Lang"] == "en-GB"
    assert pdf.root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.reader.metadata.title == "Social progress in Treflan <Fach>: Social Progress Index, edition 2025"
    assert pdf.reader.metadata.creation_date.date().isoformat() == "2026-11-23", "the date is that of the figures"
    described = pdf.root["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in described
    assert all(page["/Tabs"] == "/S" for page in pdf.reader.pages if "/Annots" in page), (
        "the tab order follows the tags"
    )


def test_headings_are_in_order(pdf: Report) -> None:
    levels = [int(tag.name[1]) for tag in pdf.tags.all() if re.fullmatch(r"H\d", tag.name)]
    assert levels[0] == 1
    assert levels.count(1) == len(NAMES) + 2, "the town, each ward and what the figures are"
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_every_figure_has_a_text_alternative(pdf: Report) -> None:
    alternatives = [str(tag.node.get("/Alt", "")) for tag in pdf.tags.named("Figure")]
    assert len(alternatives) == 1 + len(NAMES) - 1, "the map, and recent crime where it is known"
    assert all(alternative.endswith(".") and re.search(r"\d", alternative) for alternative in alternatives)


def test_tables_have_headers_of_columns_and_rows(pdf: Report) -> None:
    tables = pdf.tags.named("Table")
    assert len(tables) == 2 + 3 * (len(NAMES) - 1) + 2
    for table in tables:
        (head,) = table.named("THead")
        assert {tag.name for row in head.named("TR") for tag in row.children} == {"TH"}
        assert {tag.scope for tag in head.named("TH")} == {"/Column"}
        for row in (row for body in table.named("TBody") for row in body.named("TR")):
            first, *others = row.children
            assert (first.name, first.scope) == ("TH", "/Row")
            assert {tag.name for tag in others} == {"TD"}
            assert not any("/Headers" in attribute for tag in others for attribute in tag.node["/A"]), (
                "headers are found by scope"
            )


def test_every_tag_is_standard_or_mapped_to_a_standard_one(pdf: Report) -> None:
    (document,) = pdf.tags.children
    assert document.name == "Document"
    role_map = {str(name).removeprefix("/"): str(meant).removeprefix("/") for name, meant in
             pdf.tags.node["/RoleMap"].get_object().items()}  # fmt: skip
    assert {role_map.get(tag.name, tag.name) for tag in document.all()} <= STANDARD


def test_fonts_are_those_of_the_packages_and_embedded(pdf: Report) -> None:
    fonts = {name.split("+")[1]: within for name, within in pdf.fonts.items()}
    assert {"SourceSansPro-Regular", "SourceSansPro-Semibold", "SourceSansPro-Bold"} >= set(fonts), fonts
    assert all(fonts.values())
    assert "Tŷ Gŵyr" in pdf.pages[0]


def test_every_ward_has_two_pages_a_bookmark_and_its_figures(pdf: Report) -> None:
    assert_wards_are_reported(pdf, town())


def test_names_are_never_read_as_markup(pdf: Report) -> None:
    for name in NAMES.values():
        assert any(page.count(name) >= 2 for page in pdf.pages), name


def test_figures_of_the_twelve_components_equal_the_tables(pdf: Report) -> None:
    results = town()
    (first, _) = pages_of(pdf)["Plain"]
    for element in results.elements.values():
        if element.level == "component":
            row, card = results.scores[element.id, PLAIN], results.newest("scorecard")
            peers = card[(card["area_code"] == PLAIN) & (card["id"] == element.id)]["peer_median"].item()
            whole = results.scores[element.id, TOWN]["score"]
            match = re.search(
                rf"{element.title} \S [a-z, ]+ ([\d.]+) \(([\d.]+) to ([\d.]+)\) ([\d.]+) ([\d.]+) (\S+), likely", first
            )
            assert match, element.title
            figures = [row["score"], row["measured_low"], row["measured_high"], peers, whole]
            assert match.groups() == (*(f"{one:.1f}" for one in figures), words.ordinal(row["rank"]))


def test_a_ward_without_figures_is_reported_as_such(pdf: Report) -> None:
    first, second = pages_of(pdf)[NAMES[SILENT]]
    assert "Silent has no score in edition 2025: too little is known of it." in first
    assert "There are no monthly figures." in second
    assert "There is no earlier edition to compare with." in second


def test_a_component_without_a_score_is_named_with_the_reason() -> None:
    table = town().tables["indicator"]
    own = table["component_id"] == "rights_and_voice"
    reasons = table["title"].where(own).map("{} was not counted.".format, na_action="ignore")
    pdf = Report(report(town(indicator=table.assign(in_basis=~own, not_in_basis_because=reasons))))
    sentence = "Rights and Voice has no score here: none of its indicators has figures of use."
    brief = without_spaces("".join(pdf.pages[: pdf.bookmarks[1][1] - 1]))
    assert without_spaces(sentence) in brief
    for title in table.loc[own, "title"]:
        assert without_spaces(f"{title}: {title} was not counted.") in brief
    for first, second in pages_of(pdf).values():
        assert without_spaces(sentence) in without_spaces(first)
        assert without_spaces(sentence) not in without_spaces(second)


def without_spaces(words: str) -> str:
    """Remove white space, since pages add their own line breaks."""
    return "".join(words.split())


def test_every_link_has_a_target(pdf: Report) -> None:
    links = pdf.links
    outside = [link for link in links if str(link).startswith("http")]
    assert outside
    assert all(str(link).startswith("https://") for link in outside)
    pages = {page.indirect_reference.idnum for page in pdf.reader.pages}
    named = pdf.reader.named_destinations
    for link in (link for link in links if link not in outside):
        target = named[str(link)].page if str(link) in named else link[0]
        assert (target.idnum if hasattr(target, "idnum") else target.indirect_reference.idnum) in pages


def test_the_same_tables_give_the_same_bytes(content: bytes) -> None:
    assert report(town()) == content


def test_a_name_too_long_for_its_pages_is_refused() -> None:
    area = town().tables["area"].copy()
    area.loc[area["area_code"] == PLAIN, "area_name"] = "Plain " * 400
    with pytest.raises(SpiError, match=f"the report cannot be laid out: the text on ward .*{PLAIN} does not fit"):
        report(town(area=area))


@pytest.mark.parametrize("package", ["typst", "pikepdf", "font_source_sans_pro"])
def test_a_missing_package_is_reported_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "spi_pipeline.outputs.report.headers", raising=False)
    with pytest.raises(SpiError, match=rf"the report needs {package}, .* pip install 'spi-pipeline\[report\]'"):
        report(town())


def test_the_command_writes_the_report_of_the_publication(
    refreshed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPI_STORE", str(refreshed.settings.store))
    file = tmp_path / "report.pdf"
    result = CliRunner().invoke(app, ["report", str(file)])
    assert result.exit_code == 0, result.output
    assert [one.name for one in tmp_path.iterdir()] == ["report.pdf"]
    results, pdf = results_of(refreshed), Report(file.read_bytes())
    assert_wards_are_reported(pdf, results)
    assert len(pdf.pages) <= 2 * len(results.wards) + 8
    assert file.stat().st_size < 2_000_000


def test_a_failed_command_leaves_the_existing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPI_STORE", str(tmp_path / "nothing"))
    file = tmp_path / "report.pdf"
    file.write_bytes(b"older")
    assert CliRunner().invoke(app, ["report", str(file)]).exit_code != 0
    assert file.read_bytes() == b"older"
    result = CliRunner().invoke(app, ["report", str(tmp_path / "no" / "report.pdf")])
    assert isinstance(result.exception, SpiError)
    assert "there is no folder" in str(result.exception)
