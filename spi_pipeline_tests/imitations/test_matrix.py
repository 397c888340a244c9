"""A sample of the fault matrix; the whole matrix takes a while and is run by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spi_pipeline_tests.imitations.faults import KINDS
from spi_pipeline_tests.imitations.matrix import FAULT_CASES, Bench, as_tables, bench

# The fastest publisher: exit code, effect on the table, number of requests, and part of the message.
SAMPLE = {
    "503 twice": (0, "same", 3, ""),
    "503 for good": (1, "kept", 4, "responded with 503 Service Unavailable (503); tried 4 times, try again later"),
    "header drips": (1, "kept", 4, "no complete response in 2 seconds; tried 4 times, try again later"),
    "body drips": (1, "kept", 4, "the body is too slow: "),
    "403": (1, "kept", 1, "if the publisher blocks programs, place the file in the inbox of this source"),
    "page in place of data": (1, "kept", 4, "a web page came in place of csv data"),
    "a column renamed": (1, "kept", 1, "lacks the columns total_electorate of Democracy Club"),
    "every row twice": (0, "new", 1, ""),
}


@pytest.fixture(scope="module")
def democracy_club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    with bench(folder) as served:
        yield Bench(folder, served, "democracy_club")


@pytest.mark.parametrize("title", SAMPLE)
def test_each_fault_has_the_outcome_in_the_matrix(democracy_club: Bench, title: str) -> None:
    (case,) = [one for one in FAULT_CASES if one.title == title]
    outcome = democracy_club.run_with(case)
    code, table, requests, text = SAMPLE[title]
    assert (outcome.code, outcome.table, outcome.requests) == (code, table, requests), outcome.message
    assert text in outcome.message
    assert bool(outcome.message) == bool(text)
    if table == "kept":
        assert "the last good version, " in outcome.message
        assert "`democracy_club` | local_elections: " in as_tables({("democracy_club", title): outcome})


def test_the_matrix_names_every_kind_of_fault() -> None:
    kinds = {kind for case in FAULT_CASES for kind in (case.kind, case.then) if kind and not kind.isdigit()}
    assert kinds == set(KINDS) - {"<status>"}
