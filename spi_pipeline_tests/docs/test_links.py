"""Every link in the documents leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spi_pipeline_tests.docs.documents import DOCUMENTS, REPOSITORY, text


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as the usual hosting sites generate them."""
    headings = re.findall(r"^#+ (.+)$", text(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_links(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(document)):
        assert not target.startswith("http"), (
            f"{target}: name the page in words, links to other sites cannot be checked"
        )
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        assert file.is_relative_to(REPOSITORY), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_paths_of_the_repository_exist(document: Path) -> None:
    named = re.findall(r"`((?:spi_pipeline(?:_tests)?|data_contracts|docs|\.ci)/[\w./]*)`", text(document))
    assert [path for path in named if not (REPOSITORY / path).exists()] == []
