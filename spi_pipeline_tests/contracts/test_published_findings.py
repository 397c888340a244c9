"""Findings published by others: the elements and wards they name must exist, and each needs a valid date and a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.contracts.mutation import assert_fault, case, change, faults

FILE = "published_findings.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "a ward twice", FILE,
            "wards: [E05014739, E05014750]",
            "wards: [E05014739, E05014739]",
            "finding a_report: ward E05014739 is named twice; keep one",
        ),
        case(
            "no room", FILE,
            "among: 3",
            "among: 1",
            "findings.a_report.claims.1: among is 1, but 2 wards are named; raise among",
            "among: 1",
        ),
        case(
            "an id twice", FILE,
            "id: of_another_town",
            "id: a_report",
            "the id 'a_report' is already used; choose another",
        ),
        case(
            "no source", FILE,
            "    url: https://example.org/a\n",
            "",
            "findings.a_report.url is missing",
            "id: a_report",
        ),
        case(
            "another end", FILE,
            "end: highest",
            "end: higher",
            "findings.of_another_town.claims.1.end: 'higher' is not a value of this key; nearest is 'highest', "
            "allowed are highest, lowest",
        ),
        case(
            "no date", FILE,
            "published: unknown",
            "published: last year",
            "findings.of_another_town.published: 'last year' is refused, state a day, month or year, such as "
            "2024-07-22, or unknown",
        ),
        case(
            "a day that there is not", FILE,
            "published: unknown",
            "published: 2024-02-31",
            "findings.of_another_town.published: '2024-02-31' is refused, state a day, month or year, such as "
            "2024-07-22, or unknown",
        ),
        case(
            "no claim", FILE,
            "    claims:\n      - {element: no_car, end: highest, wards: [E05999999], because: They count dogs.}\n",
            "    claims: []\n",
            "findings.of_another_town.claims: list should have at least 1 item after validation, not 0",
        ),
    ],
)  # fmt: skip
def test_a_broken_entry(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "element: safety",
            "element: safetey",
            "finding a_report: 'safetey' is not a score of the index; nearest is 'safety'",
        ),
        ("element: no_car", "element: no_cart", "finding of_another_town: 'no_cart' is not a score of the index"),
        ("E05014750]", "E05002198]", "finding a_report: 'E05002198' is not a ward of E06000032; nearest is"),
    ],
)
def test_an_unknown_name_is_refused(root: Path, old: str, new: str, message: str) -> None:
    line = change(root, FILE, old, new)
    (fault,) = faults(root)
    assert (fault.file, fault.line) == (FILE, line)
    assert fault.message.startswith(message)


def test_findings_about_another_authority_are_loaded(root: Path) -> None:
    assert [one.authority for one in load_contracts(root).published.findings] == ["E06000032", "E06000001"]
