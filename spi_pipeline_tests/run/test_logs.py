"""The operator's log: one line per event, with facts that a program can read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from spi_pipeline.run.logs import log_context, note, set_up


@pytest.fixture(autouse=True)
def logging_off() -> Iterator[None]:
    yield
    set_up("")


def test_json_lines_hold_their_context(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json")
    with log_context(run="r1"):
        with log_context(step="source/turnout"):
            note('it said "no"\nand went', source="turnout", rows=20)
        note("done")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert {name: first[name] for name in ("level", "message", "run", "step", "source", "rows")} == {
        "level": "info", "message": 'it said "no"\nand went', "run": "r1", "step": "source/turnout",
        "source": "turnout", "rows": 20,
    }  # fmt: skip
    assert (second["run"], "step" in second) == ("r1", False)
    assert second["time"] >= first["time"]


def test_text_keeps_an_event_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("text")
    with log_context(run="r1"):
        note("one\r\n2026 error forged", source="turnout")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("info one\\r\\n2026 error forged [run=r1 source=turnout]")


def test_without_a_format_nothing_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("")
    note("done")
    assert capsys.readouterr().err == ""
