"""After a rule or bound changes, stored tables are checked again but not recomputed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.run import runner
from spi_pipeline.steps.step import Step
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

SOURCE = "census_car_availability"
FILE = f"sources/{SOURCE}.yaml"
MOVED = ("maximum: 2500", "maximum: 2400")
REFUSING = ("maximum: 2500", "maximum: 2")
RULE = "      - {id: row_count,"
ADDED = "      - {id: many_areas, type: library, metric: rowCount, mustBeGreaterOrEqualTo: 1000, severity: warning}\n"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels of the computed steps; the list grows as steps run."""
    labels: list[str] = []
    whole = runner.compute

    def compute(step: Step, *rest: Any) -> Any:
        labels.append(step.label)
        return whole(step, *rest)

    monkeypatch.setattr(runner, "compute", compute)
    return labels


def written(sandbox: Sandbox) -> dict[str, tuple[str, str, str]]:
    """The content, time of writing and fingerprint of every table; rebuilding a table changes them."""
    versions = sandbox.store.versions().items()
    return {name: (version.sha256, version.written_at, version.fingerprint) for name, version in versions}


def verdicts(sandbox: Sandbox, run_id: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The published check results of a run: outcome and expectation by table and rule."""
    query = "SELECT table_name, rule, outcome, expected FROM check_result WHERE run_id = ?"
    return {(table, rule): (outcome, expected) for table, rule, outcome, expected in sandbox.query(query, run_id)}


@pytest.mark.parametrize(
    ("old", "new", "rule", "outcome", "bound"),
    [
        (*MOVED, "between_households", "passed", "2400"),
        (RULE, f"{ADDED}{RULE}", "many_areas", "failed", "1000"),
    ],
    ids=["bound", "rule"],
)
def test_a_table_is_checked_again_and_nothing_is_recomputed(
    sandbox: Sandbox, computed: list[str], old: str, new: str, rule: str, outcome: str, bound: str
) -> None:
    before, version = written(sandbox), sandbox.store.current(SOURCE)
    sandbox.amend(FILE, old, new)
    done = sandbox.refresh()
    assert (done.state, done.faults) == ("succeeded", [])
    assert [step.label for step in done.stale] == [f"source/{SOURCE}", "publication/outputs"]
    assert computed == ["publication/outputs"], "readers see the new results"
    assert written(sandbox) == before
    results = verdicts(sandbox, done.run_id)
    assert {table for table, _ in results} == {SOURCE}
    assert results[SOURCE, rule][0] == outcome
    assert bound in results[SOURCE, rule][1]
    now = sandbox.store.current(SOURCE)
    assert version
    assert now
    assert version.judged != now.judged
    assert sandbox.refresh().state == "nothing to do"


def test_a_bound_that_refuses_a_table_keeps_it_stale_until_the_bound_is_undone(
    sandbox: Sandbox, spi: Command, computed: list[str]
) -> None:
    before, scores = written(sandbox), sandbox.query("SELECT * FROM score ORDER BY ALL")
    sandbox.amend(FILE, *REFUSING)
    result = spi(sandbox, "refresh", "--json")
    assert result.code == 1
    report = json.loads(result.out)
    (fault,) = report["faults"]
    assert fault.startswith(f"table {SOURCE} breaks 1 rule: between_households")
    assert "stays in use" in fault
    assert "quarantine" not in fault, "the refused rows are those in use"
    assert written(sandbox) == before
    assert set(computed) <= {"publication/outputs"}
    version = sandbox.store.current(SOURCE)
    assert version
    assert version.stale_reason
    assert fault.startswith(version.stale_reason)
    assert version.stale_run_id == report["run_id"]
    assert verdicts(sandbox, report["run_id"])[SOURCE, "between_households"][0] == "failed"
    assert not (sandbox.store.root / "quarantine" / SOURCE).exists()
    assert sandbox.query("SELECT * FROM score ORDER BY ALL") == scores
    assert spi(sandbox, "refresh").code == 1, "nothing has changed since"
    assert sandbox.store.current(SOURCE).stale_since == version.stale_since  # type: ignore[union-attr]

    sandbox.amend(FILE, REFUSING[1], REFUSING[0])
    assert spi(sandbox, "refresh").code == 0
    assert written(sandbox) == before
    assert set(computed) <= {"publication/outputs"}
    assert status_of(sandbox.settings)["trouble"] == []
    assert sandbox.refresh().state == "nothing to do"


def test_a_bound_on_a_published_table_is_checked_before_publication(sandbox: Sandbox, computed: list[str]) -> None:
    before, published = written(sandbox), sandbox.store.published_version()
    file, bounds = "products/score.yaml", ("minimum: 1, maximum: 10000", "minimum: 2, maximum: 10000")
    sandbox.amend(file, *bounds)
    done = sandbox.refresh()
    assert done.state == "failed"
    assert done.faults[0].startswith("table score breaks 1 rule: between_rank")
    assert written(sandbox) == before
    assert sandbox.store.published_version() == published, "the database would state a bound that does not hold"
    sandbox.amend(file, *reversed(bounds))
    assert sandbox.refresh().state == "succeeded"
    assert set(computed) <= {"publication/outputs"}
    assert written(sandbox) == before
    assert sandbox.refresh().state == "nothing to do"
