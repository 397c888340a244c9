"""A council's own table: read from the inbox in either mode; a refused file leaves the last good version."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.cli.own.source import _places
from spi_pipeline.publishers.own.drafting import draft
from spi_pipeline.publishers.own.inspecting import DraftOptions, inspect
from spi_pipeline.publishers.own.placing import NEEDS
from spi_pipeline.run.code import code_reached
from spi_pipeline.run.freshness import judge_freshness, overdue
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.result import StepResult
from spi_pipeline.snapshot.embedded import read_embedded, write_snapshot
from spi_pipeline.snapshot.frozen import frozen_tables
from spi_pipeline.steps.sources.publishers import Publishers
from spi_pipeline.steps.sources.source import embedded, manual_uploads
from spi_pipeline.steps.step import Step
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.publishers.own.conftest import OPTIONS, filled

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
FIGURES = {"lower_is": "lower_is_better", "scores 0": "40", "scores 100": "0", "a ward above": "90"}


def place_in_inbox(sandbox: Sandbox, rows: str, name: str = "calls.csv") -> Path:
    file = sandbox.store.root / "inbox" / "night_calls" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(rows, encoding="utf-8")
    return file


def calls(sandbox: Sandbox, each: int = 3) -> str:
    """A file of calls in every ward, one postcode per line."""
    every = read_embedded(sandbox.settings.snapshot, "postcodes").table.to_pandas()
    first = every.groupby("ward_code")["postcode"].first()
    return "Postcode\n" + "".join(f"{code}\n" * (each + index) for index, code in enumerate(first))


@pytest.fixture
def owner(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose contracts include a council's own table; its file is in the inbox but not read yet."""
    return with_own_table(sandbox, calls(sandbox))


def with_own_table(sandbox: Sandbox, rows: str) -> Sandbox:
    """Add contracts for a table of calls to the sandbox; the file is in the inbox but not read yet."""
    options = DraftOptions(name="night_calls", component="safety", period=("2025-01-01", "2025-12-31"), **OPTIONS)  # type: ignore[arg-type]
    contracts, known = sandbox.contracts, _places(sandbox.settings, sandbox.contracts, list(NEEDS))
    inspected = inspect(place_in_inbox(sandbox, rows), options, known)
    for path, text in draft(inspected, options, contracts, known).items():
        (sandbox.settings.contracts / path).parent.mkdir(exist_ok=True)
        for question, answer in FIGURES.items():
            text = re.sub(rf'"FILL IN: [^"]*{question}[^"]*"', answer, text)
        (sandbox.settings.contracts / path).write_text(filled(text), encoding="utf-8")
    return sandbox


def read(sandbox: Sandbox) -> StepResult:
    """Run only the step of the table and return its result."""
    [step] = [step for step in build_plan(sandbox.contracts) if step.outputs == ("night_calls",)]
    assert step.does is manual_uploads
    [outcome] = sandbox.runner.run([step], "own", NOW)
    return outcome


def step_of(sandbox: Sandbox, label: str) -> Step:
    return next(step for step in build_plan(sandbox.contracts) if step.label == label)


def test_it_is_placed_suppressed_and_traced_to_its_file(owner: Sandbox) -> None:
    outcome = read(owner)
    assert outcome.state == "written", outcome.message
    table = owner.store.read("night_calls").to_pandas().set_index("area_code")["counted"]
    expected = [None if count < 5 else count for count in range(3, 23)]
    assert [None if pd.isna(count) else count for count in table] == expected
    [origin] = owner.runner.reader.origins("night_calls")
    assert origin["file"] == "inbox/night_calls/calls.csv"
    assert origin["period"] == "2025-01-01/2025-12-31"
    assert not (owner.store.root / "raw" / "night_calls").exists(), "the file may hold more than the table"


def test_its_lineage_is_in_the_plan_and_its_code_in_the_digest(owner: Sandbox) -> None:
    assert step_of(owner, "source/night_calls").inputs == ("supplied/night_calls", "postcodes")
    assert "night_calls" in step_of(owner, "indicator/night_calls").inputs
    assert ("spi_pipeline.publishers.own.reading", "read_own") in code_reached([manual_uploads])
    assert ("spi_pipeline.publishers.own.persons", "refuse_persons") in code_reached([manual_uploads])


@pytest.mark.parametrize(
    ("rows", "message"),
    [("Postcode,Surname\nLU1 1AA,Example\n",
      "column B: the name 'Surname' in row 1 suggests that it holds people's names"),
     ("Post code\nLU1 1AA\n", "holds no table with 'Postcode', which its contract names"),
     ("Postcode\nLU1 1AA\nMK45 1AA\n", "1 of 2 rows have no place in Luton"), ("", "calls.csv is empty")],
)  # fmt: skip
def test_a_file_that_is_refused_leaves_the_last_good_table(owner: Sandbox, rows: str, message: str) -> None:
    good = read(owner).version
    file = place_in_inbox(owner, rows)
    outcome = read(owner)
    assert outcome.state == "kept"
    assert message in outcome.message
    assert "\n" not in outcome.message
    assert outcome.version
    assert good
    assert outcome.version.sha256 == good.sha256
    assert file.exists()


def test_without_a_file_or_with_two_the_last_good_table_stays(owner: Sandbox) -> None:
    read(owner)
    other = place_in_inbox(owner, calls(owner, 9), "calls of 2026.csv")
    assert (
        "must hold exactly one file, but holds calls of 2026.csv, calls.csv; place only the file to read there"
        in read(owner).message
    )
    shutil.rmtree(other.parent)
    assert "night_calls" in owner.contracts.manual_uploads
    missing = read(owner)
    assert missing.state == "kept"
    assert "inbox/night_calls/ must hold exactly one file, but holds nothing" in missing.message
    place_in_inbox(owner, calls(owner, 9))
    assert read(owner).state == "written"
    assert owner.store.read("night_calls")["counted"].to_pylist() == list(range(9, 29))


def test_another_file_makes_it_stale(owner: Sandbox) -> None:
    read(owner)
    assert owner.runner.is_fresh(step_of(owner, "source/night_calls"))
    place_in_inbox(owner, calls(owner, 4))
    assert not owner.runner.is_fresh(step_of(owner, "source/night_calls"))


def test_without_any_file_its_indicator_is_missing_with_a_reason(owner: Sandbox) -> None:
    shutil.rmtree(owner.store.root / "inbox")
    contracts = owner.contracts
    assert "night_calls" in contracts.unavailable
    assert contracts.missing_because(contracts.indicators["night_calls"]) == [
        "Missing here: night_calls has no embedded figures, and its file is not in the inbox."
    ]


def test_after_its_last_day_it_is_reported_as_too_old(owner: Sandbox) -> None:
    read(owner)
    runner, source = owner.runner, owner.contracts.sources["night_calls"]
    assert judge_freshness(source, owner.settings, runner.reader, NOW).outcome == "passed"
    late = NOW.replace(year=2031)
    result = judge_freshness(source, owner.settings, runner.reader, late)
    assert (result.outcome, result.rule.severity) == ("failed", "warning")
    assert "today is 2031-03-01: too old by 60 days; place newer ones in the inbox" in str(result.observed)
    assert [one.id for one, _ in overdue(owner.settings, runner.reader, late)] == ["night_calls"]


def test_in_live_mode_its_file_belongs_to_a_known_source(owner: Sandbox) -> None:
    settings = owner.settings.model_copy(update={"mode": "live"})
    live = Sandbox(settings)
    assert "night_calls" in live.contracts.manual_uploads
    assert "night_calls" not in live.contracts.fetched
    publishers = Publishers(
        {}, None, live.contracts, live.store, settings.figures(live.contracts.geography), "drop", {}, 1
    )
    publishers.prepare()
    publishers.close()
    assert step_of(live, "source/night_calls").does is manual_uploads


def test_embedded_in_a_snapshot_it_needs_no_file(owner: Sandbox) -> None:
    read(owner)
    tables = {one.source_id: one for one in frozen_tables(owner.store, owner.contracts)}
    write_snapshot(owner.settings.snapshot, tables, owner.contracts.sources, dt.date(2026, 11, 23))
    shutil.rmtree(owner.store.root / "inbox")
    step = step_of(owner, "source/night_calls")
    assert step.does is embedded
    before = owner.store.read("night_calls")
    [outcome] = owner.runner.run([step], "own", NOW)
    assert outcome.state in ("written", "unchanged"), outcome.message
    assert owner.store.read("night_calls").equals(before)
