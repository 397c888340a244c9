"""The documentation site builds from the documents without warnings or a network, and version numbers agree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from spi_pipeline_tests.docs.documents import DOCUMENTS, REPOSITORY, text

INDEX = REPOSITORY / "docs" / "index.md"
# A Sphinx build that cannot reach other machines: looking up an address or connecting fails.
OFFLINE = """
import socket, sys
def refused(*_): raise OSError("no network here")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = refused
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-c", OFFLINE, "-W", "--keep-going", "-q", "-c", "docs", "-d", str(folder / "read"), ".",
         str(folder / "pages")],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    return folder / "pages"


def test_every_document_has_a_page_and_a_sidebar_entry(built: Path) -> None:
    sidebar = (built / "docs" / "index.html").read_text(encoding="utf-8").split('<div class="main">')[0]
    for document in DOCUMENTS:
        page = document.relative_to(REPOSITORY).with_suffix(".html")
        assert (built / page).exists()
        link = page.name if page.parent.name else f"../{page.name}"
        assert document == INDEX or f'href="{link}"' in sidebar, page


def test_pages_load_nothing_from_other_hosts(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    loads = re.compile(r'(?:src|<link[^>]*href)="(https?:[^"]+)"')
    loaded = [(page.name, *loads.findall(page.read_text(encoding="utf-8"))) for page in pages]
    assert pages
    assert [page for page in loaded if page[1:]] == []


def test_the_interfaces_are_documented_from_docstrings(built: Path) -> None:
    page = (built / "docs" / "api.html").read_text(encoding="utf-8")
    for name in ("engine.score", "engine.draw", "steps.step.Step", "rules.kind.Kind", "storage.store.Store"):
        assert f'id="spi_pipeline.{name}"' in page


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads(text(REPOSITORY / "pyproject.toml"))["project"]
    citation = yaml.safe_load(text(REPOSITORY / "CITATION.cff"))
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text(REPOSITORY / "CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert (project["version"], citation["version"]) == (newest[1], newest[1])
    assert str(citation["date-released"]) == newest[2]
