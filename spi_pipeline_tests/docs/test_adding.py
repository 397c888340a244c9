"""``docs/adding.md`` has a section for each likely change, and the files and names in files that it mentions exist."""

from __future__ import annotations

import re

import pytest

from spi_pipeline_tests.docs.documents import REPOSITORY, text

DOCUMENT = REPOSITORY / "docs" / "adding.md"
CHANGES = [
    "An indicator", "A source", "A council's own table", "A bound", "A kind of rule", "An output",
    "A page of the public site", "A page in the Dagster UI", "A schedule", "An alert route", "A council",
    "A mean", "A draw",
]  # fmt: skip
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text(DOCUMENT), re.MULTILINE | re.DOTALL))
PATH = re.compile(r"(?:spi_pipeline(?:_tests)?|data_contracts|docs)/[\w./-]*\w|README\.md")


def files(section: str) -> list[str]:
    """The items of the section's list of files."""
    return re.findall(r"^\* (.*?)(?=^\* |\n\n|\Z)", section, re.MULTILINE | re.DOTALL)


def test_every_likely_change_has_a_section() -> None:
    assert list(SECTIONS) == CHANGES


@pytest.mark.parametrize("change", CHANGES)
def test_every_path_exists(change: str) -> None:
    named = PATH.findall(SECTIONS[change])
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("change", CHANGES)
def test_every_file_contains_the_names_listed_for_it(change: str) -> None:
    items = files(SECTIONS[change])
    assert items
    for item in items:
        quoted = re.findall(r"`([^`]+)`", item)
        content = "".join(text(REPOSITORY / path) for path in quoted if PATH.fullmatch(path))
        # One or two words are a name in the file; a longer phrase is a command or a place in the store.
        names = [word for word in quoted if re.fullmatch(r"\w+(?: \w+)?", word)]
        assert [name for name in names if name not in content] == [], item


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_lists_the_commands_to_run(change: str) -> None:
    run = re.findall(r"`[^`]*\.venv/bin/pytest ([^`]+)`", SECTIONS[change])
    assert run
    assert [path for command in run for path in command.split() if not (REPOSITORY / path).exists()] == []
