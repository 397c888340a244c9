"""The audit finds a fault in any file of the site before a reader sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.root import Root
from spi_pipeline.outputs.site.audit import audited
from spi_pipeline.outputs.site.build import MANIFEST, build, site_files
from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline.outputs.site.pages.page import SiteFile
from spi_pipeline_tests.contracts.mutation import CONTRACTS
from spi_pipeline_tests.outputs.site.small import OTHER_PAGES, published, rows


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    file = tmp_path_factory.mktemp("published") / "spi.duckdb"
    contracts = load_contracts(CONTRACTS)
    published(contracts, file, rows(contracts))
    return Facts(file, Root(CONTRACTS))


@pytest.fixture(scope="module")
def files(facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> list[SiteFile]:
    contracts = load_contracts(CONTRACTS)
    results = published(contracts, tmp_path_factory.mktemp("again") / "spi.duckdb", rows(contracts))
    # The first page is not built here, and only has to exist.
    return [
        *site_files(results, kinds=OTHER_PAGES),
        SiteFile("index.html", b"<html><main><h1>First</h1></main></html>", "First"),
    ]


def with_change(files: list[SiteFile], path: str, change: Callable[[bytes], bytes]) -> list[SiteFile]:
    result = [replace(file, content=change(file.content)) if file.path == path else file for file in files]
    assert result != files, f"{path} was not changed"
    return result


HEAD = b"</h1>"
# For each fault: the file, the right text, the wrong text, the column that reports the fault, and its message.
FAULTS: dict[str, tuple[str, bytes, bytes, str, str]] = {
    "an unmarked number": ("progress.html", HEAD, b"</h1><p>17 rose.</p>", "unread", "17"),
    "a link to a missing file": ("about.html", b"quality.html", b"qualities.html", "broken", "to no file"),
    "a link to a missing place": (
        "about.html", b"quality.html#", b"quality.html#no", "broken", "to no place in quality.html",
    ),
    "a picture from elsewhere": (
        "about.html", HEAD, b'</h1><img src="https://example.org/a.png" alt="">', "outside",
        "https://example.org/a.png is loaded from elsewhere",
    ),
    "an inline script": ("about.html", HEAD, b"</h1><script>1</script>", "outside", "a script element is"),
    "an inline style": ("about.html", b"<h1>", b'<h1 style="color:red">', "outside", "h1 has a style"),
    "a requesting script": ("static/site.js", b"(function", b"fetch('x');(function", "outside", "fetch( makes a"),
    "a requesting style": ("static/site.css", b"body {", b"a{b:url(x.png)}body {", "outside", "url(x.png) makes a"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_reported_for_its_file_only(files: list[SiteFile], facts: Facts, fault: str) -> None:
    path, right, wrong, column, message = FAULTS[fault]
    faulty_files = with_change(files, path, lambda old: old.replace(right, wrong, 1))
    result = (audited(each, facts, {}).set_index("path")[column].astype(object) for each in (files, faulty_files))
    before, after = (column.fillna("") for column in result)
    assert message in after[path]
    assert after.drop(path).tolist() == before.drop(path).tolist()


def test_low_contrast_is_reported_with_its_rule(files: list[SiteFile], facts: Facts) -> None:
    row = audited(with_change(files, "static/site.css", lambda old: old + b".pale{color:#999}"), facts, {}).set_index(
        "path"
    )
    assert row.loc["static/site.css", "contrast"] == pytest.approx(2.55, abs=0.01)
    assert row.loc["static/site.css", "lowest_contrast_at"] == ".pale on #f3f2f1"


def test_the_size_of_a_page_includes_its_styles_and_scripts(files: list[SiteFile], facts: Facts) -> None:
    before = audited(files, facts, {}).set_index("path")["transferred"]
    after = audited(
        with_change(files, "static/site.js", lambda old: old + Random(5).randbytes(999).hex().encode()), facts, {}
    ).set_index("path")
    pages = [file.path for file in files if file.title and file.path != "index.html"]
    assert (after["transferred"][pages] > before[pages] + 200).all()
    assert before["index.html"] < 100


def test_a_site_with_a_fault_is_not_written(facts: Facts, tmp_path: Path) -> None:
    contracts = load_contracts(CONTRACTS)
    results = published(contracts, tmp_path / "spi.duckdb", rows(contracts))
    with pytest.raises(SpiError, match=r"was not written: economy\.html: \S*index\.html leads to no file"):
        build(results, tmp_path / "site", downloads=False, kinds=OTHER_PAGES, facts=facts)
    assert not (tmp_path / "site").exists()


def test_files_that_are_not_from_a_site_are_kept(facts: Facts, tmp_path: Path) -> None:
    contracts = load_contracts(CONTRACTS)
    results = published(contracts, tmp_path / "spi.duckdb", rows(contracts))
    site = tmp_path / "site"
    build(results, site, downloads=False, kinds=OTHER_PAGES)
    (site / "notes.txt").write_text("mine", "utf-8")
    (site / MANIFEST).write_text((site / MANIFEST).read_text("utf-8") + "\nwards/gone.html", "utf-8")
    (site / "wards").mkdir()
    (site / "wards/gone.html").touch()
    build(results, site, downloads=False, kinds=OTHER_PAGES)
    assert (site / "notes.txt").exists()
    assert not (site / "wards").exists()
    with pytest.raises(SpiError, match="holds files that are not from a site; name a new or an empty folder"):
        build(results, tmp_path, downloads=False, kinds=OTHER_PAGES)
