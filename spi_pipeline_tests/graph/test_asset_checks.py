"""An asset's page shows the rules of its step as one check for each family, as good as its worst rule."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg

from spi_pipeline.orchestration.asset_checks import check_results
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Outcome as RuleOutcome
from spi_pipeline.rules.rule import Rule, Severity
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.result import COMPUTED, StepResult
from spi_pipeline_tests.graph.snapshot import SETTINGS

KEY = dg.AssetKey(["component", "housing"])
TABLES = ("element_score.housing", "weight.housing")
STEP = next(step for step in build_plan(contracts_in_force(SETTINGS)) if step.label == "component/housing")


def result(rule: str, kind: str, outcome: RuleOutcome = "passed", severity: Severity = "error") -> RuleResult:
    return RuleResult(Rule(rule, kind, severity, ""), outcome, f"{rule} as it is", f"{rule} as it must be")


def checks_of(*of_scores: RuleResult, of_weights: tuple[RuleResult, ...] = ()) -> dict[str, dg.AssetCheckResult]:
    outcomes = [
        StepResult(table, "written", results) for table, results in zip(TABLES, (of_scores, of_weights), strict=True)
    ]
    return {str(check.check_name): check for check in check_results(STEP, outcomes, KEY)}


def numbers(check: dg.AssetCheckResult) -> dict[str, float]:
    return {
        name: value.value
        for name, value in check.metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue) and value.value is not None
    }


def rules(check: dg.AssetCheckResult, name: str = "rules") -> str:
    value = check.metadata[name]
    assert isinstance(value, dg.MarkdownMetadataValue)
    return str(value.value)


def test_checks_combine_the_rules_of_a_step_by_family() -> None:
    checks = checks_of(result("columns", "columns"), result("share", "between"), of_weights=(result("key", "key"),))
    assert list(checks) == ["form_and_keys", "values_and_plausibility"]
    assert rules(checks["form_and_keys"]) == "all passed"
    assert checks["form_and_keys"].passed
    assert checks["form_and_keys"].description is None


def test_a_check_is_as_bad_as_its_worst_rule_and_lists_failures_first() -> None:
    warning = result("share", "between", "failed", "warning")
    (check,) = checks_of(result("kinds", "not_constant"), warning).values()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == "share: share as it is"
    assert rules(check).splitlines()[2:] == ["| share | failed (warning) | share as it is | share as it must be |"]
    (check,) = checks_of(result("kinds", "not_constant", "errored"), warning).values()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert check.description == "kinds: could not be evaluated: kinds as it is; share: share as it is"


def test_skipped_rules_do_not_count_as_passed() -> None:
    skipped = result("every_area", "coverage", "skipped")
    assert checks_of(skipped) == {}
    (check,) = checks_of(skipped, result("row_count", "row_count")).values()
    assert check.passed
    assert rules(check) == "skipped: every_area"
    assert numbers(check) == {"passed": 1, "skipped": 1, "failing_rows": 0}


def test_a_table_that_could_not_be_computed_fails_only_the_check_of_its_form() -> None:
    (check,) = checks_of(RuleResult(COMPUTED, "errored", "no such file", COMPUTED.description)).values()
    assert (check.check_name, check.passed, check.severity) == ("form_and_keys", False, dg.AssetCheckSeverity.ERROR)
    assert check.description == "computed: could not be evaluated: no such file"


def test_numbers_of_single_rules_can_be_plotted_and_failing_rows_are_shown() -> None:
    failed = replace(
        result("row_count", "row_count", "failed"), failing_rows=({"ward": "E1"},), failing=3, number=18, bound=20.0
    )
    (check,) = checks_of(failed).values()
    assert numbers(check) == {
        "failed": 1, "failing_rows": 3, "row_count": 18, "row_count bound": 20.0,
    }  # fmt: skip
    assert rules(check, "rows failing row_count").splitlines()[2:] == ["| E1 |"]


def test_only_the_first_rules_that_fail_show_their_rows() -> None:
    failed = [replace(result(f"r{n}", "between", "failed"), failing_rows=({"ward": "E1"},)) for n in range(5)]
    (check,) = checks_of(*failed).values()
    assert [name for name in check.metadata if name.startswith("rows failing")] == [
        "rows failing r0", "rows failing r1", "rows failing r2",
    ]  # fmt: skip
