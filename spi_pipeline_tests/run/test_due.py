"""Edits of each kind of file make steps due: some to be recomputed, others only to be judged again."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.run.due import due
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.step import Step
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.run.edits import amended, appended, replaced

PUBLICATION = {"publication/outputs"}
EVERYTHING = ["source", "allocation", "area", "basis"]


def plan(sandbox: Sandbox) -> list[Step]:
    return build_plan(sandbox.contracts)


def due_steps(sandbox: Sandbox) -> tuple[set[str], set[str]]:
    due_now = list(due(plan(sandbox), sandbox.runner))
    return {step.label for step, computed in due_now if computed}, {
        step.label for step, computed in due_now if not computed
    }


def with_dependants(sandbox: Sandbox, *labels: str) -> set[str]:
    """The steps with these labels, kinds or functions, and every step that depends on them, even indirectly."""
    steps: set[str] = set()
    changed: set[str] = set()
    for step in plan(sandbox):
        if {step.label, step.kind, step.does.__name__}.intersection(labels) or changed.intersection(step.inputs):
            steps.add(step.label)
            changed.update(step.outputs)
    return steps | PUBLICATION


def test_without_an_edit_nothing_is_due(sandbox: Sandbox, source: Path) -> None:
    assert due_steps(sandbox) == (set(), set())


@pytest.mark.parametrize(
    "file",
    [
        "orchestration/sensors.py", "steps/pages/markdown.py", "contracts/lint/changes.py", "rules/wording.py",
        "scoring/component.py", "engine/aggregate/means.py", "snapshot/corrections.py", "outputs/database.py",
        "storage/store.py", "steps/step.py",
    ],
)  # fmt: skip
def test_a_comment_makes_nothing_due(sandbox: Sandbox, source: Path, file: str) -> None:
    appended(file, "\n# Read again.\n")(sandbox, source)
    assert due_steps(sandbox) == (set(), set())


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("orchestration/sensors.py", "LOOK_SECONDS = 30", "LOOK_SECONDS = 31"),
        ("steps/pages/markdown.py", "LONGEST_CELL = 120", "LONGEST_CELL = 121"),
        ("contracts/lint/references.py", "def check_sanity(", "def check_sanity(*, edited=0, "),
        ("alerts/folding.py", "def fold(", "def fold(*, edited=0, "),
        ("cli/console.py", "FAILED, BAD_USAGE, STOPPED = 1, 2, 130", "FAILED, BAD_USAGE, STOPPED = 1, 2, 131"),
        ("storage/atomic.py", "def sync(", "def sync(*, edited=0, "),
        ("run/runner.py", "_AT_ONCE = 6", "_AT_ONCE = 5"),
        ("publishers/defra.py", "def fetch", "def fetch_it"),
    ],
)  # fmt: skip
def test_code_that_computes_no_figures_makes_nothing_due(
    sandbox: Sandbox, source: Path, file: str, old: str, new: str
) -> None:
    replaced(file, old, new)(sandbox, source)
    assert due_steps(sandbox) == (set(), set())


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("snapshot/corrections.py", "    corrected = table\n", "    corrected = table.slice(0)\n", ["source"]),
        ("geography/allocation.py", "    wards: pd.DataFrame,\n", "    wards: object,\n", ["allocation"]),
        ("steps/indicator.py", "    return Wards(boundaries(", "    return Wards(+boundaries(",
         ["valued", "context", "ten_years", "recent", "completeness"]),
        ("scoring/analysis/scorecard.py", "def scorecards(", "def scorecards(*, edited=0, ", ["scorecard"]),
        ("scoring/analysis/sanity.py", "def opposed(", "def opposed(*, edited=0, ", ["sanity/opposed"]),
        ("engine/uncertainty/sensitivity.py", "def sensitivity(", "def sensitivity(*, edited=0, ", ["sensitivity"]),
        ("scoring/element.py", "def parent_tables(", "def parent_tables(*, edited=0, ", ["dimension", "index"]),
        ("outputs/database.py", "def _column(", "def _column(*, edited=0, ", ["publication"]),
        ("steps/joined.py", "filled = (joined", "filled = +(joined", ["joined/observation"]),
        ("contracts/reading/odcs.py", "def read_source(", "def read_source(*, edited=0, ", EVERYTHING),
    ],
)  # fmt: skip
def test_code_that_computes_figures_makes_its_steps_and_their_dependants_due(
    sandbox: Sandbox, source: Path, file: str, old: str, new: str, stale: list[str]
) -> None:
    replaced(file, old, new)(sandbox, source)
    computed, judged = due_steps(sandbox)
    assert computed == with_dependants(sandbox, *stale)
    assert judged == set()


@pytest.mark.parametrize(
    ("file", "old"), [("rules/evaluation.py", "def evaluate_parts("), ("rules/kinds/between.py", "    def message(")]
)
def test_code_of_rules_makes_every_table_due_to_be_checked_only(
    sandbox: Sandbox, source: Path, file: str, old: str
) -> None:
    replaced(file, old, f"{old}*, edited=0, " if old.startswith("def") else old.replace("message", "messages"))(
        sandbox, source
    )
    computed, judged = due_steps(sandbox)
    assert computed == PUBLICATION
    assert judged == {step.label for step in plan(sandbox)} - PUBLICATION


@pytest.mark.parametrize(
    ("file", "old", "new", "judged"),
    [
        ("indicators/safety.yaml", "plausible: {minimum: 0, maximum: 400}", "plausible: {minimum: 0, maximum: 600}",
         ["indicator", "component", "joined/observation"]),
        ("products/residual.yaml", "severity: error", "severity: warning", ["residual"]),
    ],
)  # fmt: skip
def test_a_rule_or_bound_makes_its_tables_due_to_be_checked_only(
    sandbox: Sandbox, file: str, old: str, new: str, judged: list[str]
) -> None:
    amended(file, old, new)(sandbox, Path())
    due_now = due_steps(sandbox)
    assert due_now[0] <= PUBLICATION
    assert {label.split("/")[0] for label in due_now[1]} | due_now[1] >= set(judged)
    assert {step.label for step in plan(sandbox) if step.label in due_now[1]} == {
        step.label for step in plan(sandbox) if {step.label, step.kind}.intersection(judged)
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("indicators/safety.yaml", "worst: 11", "worst: 12", ["basis", "safety", "recent", "completeness"]),
        ("indicators/safety.yaml", "title: Violence (", "title: Violent crime (",
         ["basis", "safety", "recent", "completeness"]),
        ("sources/house_prices.yaml", "value: OGL", "value: OPL", ["source/house_prices", "context"]),
        ("vocabulary.yaml", "{title: people, ", "{title: persons, ", EVERYTHING),
    ],
)  # fmt: skip
def test_contract_parts_that_affect_figures_make_their_steps_due(
    sandbox: Sandbox, file: str, old: str, new: str, stale: list[str]
) -> None:
    amended(file, old, new)(sandbox, Path())
    indicators = [
        f"indicator/{name}" for name, component in sandbox.contracts.component_of.items() if component in stale
    ]
    names = [*stale, *indicators]
    computed, judged = due_steps(sandbox)
    assert computed == with_dependants(sandbox, *names)
    assert judged == set()


def test_a_comment_in_a_contract_makes_nothing_due(sandbox: Sandbox) -> None:
    for path in sandbox.settings.contracts.rglob("*.yaml"):
        path.write_text("# reviewed\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert due_steps(sandbox) == (set(), set())


def test_embedded_figures_make_their_source_due(sandbox: Sandbox) -> None:
    sandbox.rewrite("census_car_availability", lambda table: table, compression="gzip")
    assert due_steps(sandbox) == (with_dependants(sandbox, "source/census_car_availability"), set())
