"""Refreshing: the job runs every stale step and no other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.contracts.models.contracts import contract_of
from spi_pipeline.orchestration.refresh import refresh
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.run.result import COMPUTED
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox, refreshed_once

FREEDOM = "indicators/freedom_and_choice.yaml"


def test_the_first_refresh_builds_every_table(
    refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> None:
    first = refreshed_once(tmp_path_factory.getbasetemp(), worker_id)[1]
    plan = build_plan(refreshed.contracts)
    assert (first.state, first.faults, first.stale) == ("succeeded", [], plan)
    written = [outcome.table for outcome in first.outcomes if outcome.state == "written"]
    tables = [name for step in plan for name in step.outputs if is_table(name)]
    assert sorted(written) == sorted(tables)
    assert [(o.table, o.state) for o in first.outcomes if o.table not in tables] == [(PUBLICATION, "published")]
    assert first.outcomes[-1].table == PUBLICATION
    assert set(refreshed.store.versions()) == set(tables)


def test_every_rule_of_every_table_is_recorded(refreshed: Sandbox) -> None:
    contracts = refreshed.contracts
    rules = {
        (table, rule.id)
        for step in build_plan(contracts)
        for table in filter(is_table, step.outputs)
        for rule in (COMPUTED, *contract_of(table, contracts).rules)
    } | {(name, "fresh") for name in contracts.sources if name not in contracts.unavailable}
    recorded = refreshed.query("SELECT table_name, rule, outcome FROM check_result")
    assert len(recorded) == len(rules)
    assert {(table, rule) for table, rule, _ in recorded} == rules
    assert {outcome for _, _, outcome in recorded} <= {"passed", "skipped"}


def test_a_second_refresh_writes_one_row_and_reports_that_nothing_was_done(sandbox: Sandbox, spi: Command) -> None:
    def files() -> set[Path]:
        return {path for path in Path(sandbox.settings.store).rglob("*") if path.is_file()}

    before, digests = files(), sandbox.digests()
    result = spi(sandbox, "refresh")
    assert result.code == 0
    assert "Nothing had changed: no step was run." in result.out
    assert result.err == ""
    (new,) = {path for path in files() - before if path.name != "refresh.lock"}
    assert new.parent == Path(sandbox.settings.store) / "runs" / "run"
    assert sandbox.digests() == digests
    runs = sandbox.store.read_runs("run")
    assert runs is not None
    assert sorted(runs["state"].to_pylist()) == ["nothing to do", "succeeded"]


def test_a_refresh_with_nothing_stale_imports_no_slow_library(sandbox: Sandbox) -> None:
    script = (
        "import sys\n"
        "from spi_pipeline.cli import main\n"
        "sys.argv = ['spi', 'refresh']\n"
        "try:\n    main()\n"
        "except SystemExit as left:\n    assert not left.code, left.code\n"
        "heavy = {'dagster', 'great_expectations', 'requests', 'scipy'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))\n"
    )
    environment = os.environ | sandbox.environment
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert "no step was run" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_help_imports_no_heavy_library() -> None:
    """With too little memory the command reports that itself, before any library fails."""
    script = "import sys\nfrom spi_pipeline.cli import app\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "typer" in done.stdout.split()
    heavy = {"dagster", "duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "requests"}
    assert heavy.isdisjoint(done.stdout.split())


def test_the_same_content_in_other_bytes_rewrites_nothing_downstream(sandbox: Sandbox) -> None:
    before = sandbox.digests()
    sandbox.rewrite("census_central_heating", lambda table: table, compression="none")
    done = sandbox.refresh()
    assert done.faults == []
    stale = [step.label for step in done.stale]
    assert stale[:3] == ["source/census_central_heating", "decade/decade", "indicator/no_central_heating"]
    states = {outcome.table: outcome.state for outcome in done.outcomes}
    assert {table for table, state in states.items() if state == "written"} == {"census_central_heating"}
    assert {state for table, state in states.items()} == {"written", "unchanged", "published"}
    assert sandbox.digests() == before


def test_a_moved_goalpost_changes_only_what_depends_on_it(sandbox: Sandbox) -> None:
    before = sandbox.digests()
    sandbox.amend(FREEDOM, "goalposts: {worst: 0, best: 24", "goalposts: {worst: 0, best: 30")
    done = sandbox.refresh()
    assert done.faults == []
    stale = {step.label for step in done.stale}
    assert {
        "indicator/bus_service", "basis/basis", "component/freedom_and_choice", "publication/outputs",
    } <= stale  # fmt: skip
    assert not {label for label in stale if label.startswith(("source/", "allocation/", "area/"))}
    assert {"indicator/turnout", "indicator/violent_crime"}.isdisjoint(stale)
    changed = {name for name, digest in sandbox.digests().items() if before[name] != digest}
    above = ("freedom_and_choice", "opportunity", "social_progress_index")
    assert {f"element_score.{name}" for name in above} <= changed
    others = {
        "change", "scorecard", "rank_interval", "sensitivity", "doubt", "score", "comparison", "constant", "neighbours",
        "opposed", "redundant", "what_would_it_take", "composition", "residual", "published_finding",
    }  # fmt: skip
    assert {name.split(".")[-1] for name in changed} - others == {*above, "indicator"}
    goalpost = sandbox.query("SELECT best FROM indicator WHERE indicator_id = 'bus_service'")
    assert goalpost == [(30.0,)]


def test_an_indicator_removed_from_the_contracts_is_removed_from_the_database(sandbox: Sandbox) -> None:
    """Its tables stay in the store, but the database holds only the tables in the plan."""
    file = sandbox.settings.contracts / "indicators" / "environmental_quality.yaml"
    text = file.read_text(encoding="utf-8")
    start, end = text.index("  - id: residents_flooded"), text.index("  - id: outdoor_environment")
    file.write_text(text[:start] + text[end:], encoding="utf-8")
    assert sandbox.refresh().faults == []
    indicators = {name for (name,) in sandbox.query("SELECT DISTINCT indicator_id FROM observation")}
    assert indicators == set(sandbox.contracts.indicators)
    assert sandbox.store.current("indicator_value.residents_flooded")


def test_a_contract_saved_during_a_run_does_not_affect_that_run(sandbox: Sandbox) -> None:
    runner = sandbox.runner
    step = next(step for step in build_plan(runner.contracts) if step.label == "component/freedom_and_choice")
    before = runner.fingerprint(step)
    sandbox.amend(FREEDOM, "goalposts: {worst: 0, best: 24", "goalposts: {worst: 0, best: 30")
    assert runner.fingerprint(step) == before
    assert sandbox.runner.fingerprint(step) != before


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("vocabulary.yaml", "title: people,", "title: persons,", "basis/basis"),
        ("vocabulary.yaml", "title: people,", "title: persons,", "publication/outputs"),
        ("products/score.yaml", "Scores and ranks of every ward", "Every ward's scores and ranks", "joined/score"),
        ("products/element_score.yaml", "Rank within the", "The rank within the", "index/social_progress_index"),
        ("sources/wards.yaml", "Code of the ward", "The code of the ward", "source/wards"),
        ("framework.yaml", "Do people have homes", "Have people homes", "component/housing"),
    ],
)
def test_a_step_is_stale_when_a_contract_it_reads_changes(
    sandbox: Sandbox, file: str, old: str, new: str, stale: str
) -> None:
    sandbox.amend(file, old, new)
    assert stale in {step.label for step in due_steps(build_plan(sandbox.contracts), sandbox.runner)}


def test_a_comment_in_a_contract_makes_nothing_stale(sandbox: Sandbox) -> None:
    for path in sandbox.settings.contracts.rglob("*.yaml"):
        path.write_text(path.read_text(encoding="utf-8") + "# reviewed\n", encoding="utf-8")
    assert due_steps(build_plan(sandbox.contracts), sandbox.runner) == []


def test_selecting_runs_the_selection_and_what_it_reads(sandbox: Sandbox) -> None:
    for source in ("census_central_heating", "census_overcrowding"):
        sandbox.rewrite(source, lambda table: table, compression="none")
    done = sandbox.refresh("indicator/no_central_heating")
    assert [step.label for step in done.stale] == ["source/census_central_heating", "indicator/no_central_heating"]
    left = due_steps(build_plan(sandbox.contracts), sandbox.runner, ["indicators"])
    assert [step.label for step in left][:1] == ["source/census_overcrowding"]


def test_a_name_shared_by_a_source_and_an_indicator_selects_either_by_its_key(sandbox: Sandbox) -> None:
    sandbox.rewrite("private_outdoor_space", lambda table: table, compression="none")
    plan, runner = build_plan(sandbox.contracts), sandbox.runner

    def selected(name: str) -> list[str]:
        return [step.label for step in due_steps(plan, runner, [name])]

    both = ["source/private_outdoor_space", "indicator/private_outdoor_space"]
    assert selected("source/private_outdoor_space") == both[:1]
    assert selected("indicator/private_outdoor_space") == both
    assert selected("private_outdoor_space") == both


def test_an_unknown_selection_names_the_nearest(sandbox: Sandbox) -> None:
    with pytest.raises(UnknownNameError, match="no step or group 'turnuot'; did you mean 'turnout'"):
        refresh(sandbox.settings, sandbox.contracts, ["turnuot"])


def test_a_dry_run_lists_stale_steps_and_changes_nothing(sandbox: Sandbox, spi: Command) -> None:
    assert spi(sandbox, "refresh", "--dry-run").out == "Nothing is stale.\n"
    sandbox.rewrite("census_central_heating", lambda table: table, compression="none")
    before = {path: path.stat().st_mtime_ns for path in Path(sandbox.settings.store).rglob("*")}
    result = spi(sandbox, "refresh", "--dry-run", "--json")
    assert result.code == 0
    assert json.loads(result.out)["stale"][:3] == [
        "source/census_central_heating",
        "decade/decade",
        "indicator/no_central_heating",
    ]
    lines = spi(sandbox, "refresh", "--dry-run", "--select", "no_central_heating").out.splitlines()
    assert lines == ["source/census_central_heating", "indicator/no_central_heating"]
    assert {path: path.stat().st_mtime_ns for path in Path(sandbox.settings.store).rglob("*")} == before


def test_a_refresh_prints_a_summary_without_a_terminal(sandbox: Sandbox, spi: Command) -> None:
    sandbox.rewrite("census_central_heating", lambda table: table, compression="none")
    result = spi(sandbox, "refresh", "--select", "no_central_heating")
    assert result.code == 0
    assert result.err.splitlines() == ["sources: 1 done", "indicators: 1 done"]
    lines = result.out.splitlines()
    assert lines[-3].startswith("2 steps in ")
    assert lines[-3].endswith(": 1 unchanged, 1 written.")
    assert re.fullmatch(r"2 tables, \d+ rules: \d+ passed, 0 failed, 0 errored, \d+ skipped\.", lines[-2])
    assert lines[-1] == f"Database: {sandbox.store.database}"
