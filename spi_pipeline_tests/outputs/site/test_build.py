"""The same tables give the same site, unchanged files are not written again, and no name breaks a page."""

from __future__ import annotations

import hashlib
from pathlib import Path

import html5lib
import pytest
from lxml import html

from spi_pipeline.outputs.site.build import MANIFEST, build
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.outputs.site.conftest import BuiltSite, results_of

NAMES = ('<b>Bold</b> & "Quoted"', "O'Brien's {{ 7 * 7 }}", "Llŷn a’r Ŵyl Tŷ-croes", "Long" + "name" * 60)


def files(folder: Path) -> dict[str, str]:
    """Digests of all files but the manifest, the report and the database, whose blocks differ each time."""
    paths = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    return {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in paths.items()
            if path not in (MANIFEST, "downloads/spi.duckdb", "report.pdf")}  # fmt: skip


def test_the_same_tables_give_the_same_bytes_and_unchanged_files_are_not_rewritten(
    site: BuiltSite, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    build(results_of(site.sandbox), folder)
    assert files(folder) == files(site.folder)
    written = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}
    changed, obsolete = folder / "index.html", folder / "wards" / "no-ward-any-more.html"
    changed.write_text("spoilt", "utf-8")
    obsolete.parent.mkdir(exist_ok=True)
    obsolete.write_text("of an older site", "utf-8")
    (folder / MANIFEST).write_text("\n".join([*files(folder), "wards/no-ward-any-more.html"]), "utf-8")
    build(results_of(site.sandbox), folder)
    assert files(folder) == files(site.folder)
    rewritten = {file for file, when in written.items() if file.stat().st_mtime_ns != when}
    assert rewritten == {changed, folder / MANIFEST}


@pytest.fixture
def with_awkward_names(refreshed: Sandbox) -> Results:
    """The results, with four wards given names that could break a page."""
    results = results_of(refreshed)
    area = results.tables["area"].copy()
    wards = area.index[area["level"] == "ward"][: len(NAMES)]
    area.loc[wards, "area_name"] = NAMES
    return Results({**results.tables, "area": area}, results.boundaries, results.contracts, results.postcodes)


def test_names_with_markup_quotes_welsh_letters_or_great_length_break_no_page(
    with_awkward_names: Results, tmp_path: Path
) -> None:
    build(with_awkward_names, tmp_path)
    pages = sorted(tmp_path.rglob("*.html"))
    for file in pages:
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(file.read_text("utf-8"))
        assert parser.errors == [], file
        assert not html.fromstring(file.read_bytes()).xpath("//b"), file
        assert file.name.isascii()
        assert len(file.name) < 255
    first = html.fromstring((tmp_path / "index.html").read_bytes())
    assert set(NAMES) <= {node.text_content() for node in first.xpath("//tbody//th")}
