"""The rules of a step as checks of its asset: one named check for each rule of each table the step writes.

Rules are evaluated before the write, by the runner; here their results are put into Dagster's terms. It knows two
outcomes, passed and failed, and a check that was planned and not evaluated: that is what becomes of a rule that was
skipped, since what did not run has not passed. A rule that could not be evaluated is failed and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from spi_pipeline.contracts.freshness import FRESH
from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.orchestration.markdown import markdown
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.runner import COMPUTED, Outcome
from spi_pipeline.rules.kinds import expected
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Rule

DRIFT = "drift"
# What is judged of a source beside the rules of its contract, by the kind of rule; comparisons with the version before
# depend on its columns and areas, so they are one check.
BESIDE = {
    FRESH: "Newer figures come when the publisher's calendar says; frozen sources are exempt.",
    DRIFT: "A fetched version differs from the one before by no more than revisions do.",
}
SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def check_name(step: Step, table: str, rule: Rule) -> str:
    """The name of a rule among the checks of an asset: its own; of a step's further tables with the product before.

    ``every_area`` of a component is the rule of its scores, ``weight_key`` one of its weights.
    """
    return rule.id if table in step.outputs[:1] else f"{table.split('.')[0]}_{rule.id}"


def check_specs(step: Step, contracts: Contracts, key: dg.AssetKey, fetched: bool) -> list[dg.AssetCheckSpec]:
    """The checks of a step's asset: whether each table could be computed, and every rule of its contract.

    Of a source also whether it is fresh, and of one that is fetched, as things are run, whether it drifts.
    """
    beside = [FRESH] if step.kind == "source" else []
    if fetched and step.kind == "source" and contracts.sources[step.name].properties.mode == "live":
        beside.append(DRIFT)
    about = {"table": step.name, "severity": "warning"}
    return [
        dg.AssetCheckSpec(name, asset=key, description=BESIDE[name], metadata={**about, "rule": name, "kind": name})
        for name in beside
    ] + [
        dg.AssetCheckSpec(
            check_name(step, table, rule),
            asset=key,
            description=f"{_sentence(rule.description)} Promised: {_promised(rule)} ({rule.severity}).",
            metadata={"table": table, "rule": rule.id, "kind": rule.kind, "severity": rule.severity},
        )
        for table in step.outputs
        for rule in (COMPUTED, *contract_of(table, contracts).rules)
    ]


def check_results(step: Step, outcomes: Sequence[Outcome], key: dg.AssetKey) -> list[dg.AssetCheckResult]:
    """What became of every rule that was evaluated, or could not be; the database has none, its run fails instead."""
    own = [outcome for outcome in outcomes if outcome.table in step.outputs]
    evaluated = [(outcome.table, r) for outcome in own for r in outcome.results if r.outcome != "skipped"]
    single = [
        _check_result(check_name(step, table, result.rule), result, key)
        for table, result in evaluated
        if result.rule.kind != DRIFT
    ]
    compared = [result for _, result in evaluated if result.rule.kind == DRIFT]
    return single + ([_drift_result(compared, key)] if compared else [])


def _drift_result(compared: Sequence[RuleResult], key: dg.AssetKey) -> dg.AssetCheckResult:
    wrong = [result for result in compared if result.outcome != "passed"]
    rows = [
        {"comparison": r.rule.description, "observed": r.observed, "expected": r.expected, "outcome": r.outcome}
        for r in compared
    ]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=DRIFT,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(r.observed for r in wrong) or f"{len(compared)} comparisons, nothing unusual",
        metadata={"comparisons": dg.MetadataValue.md(markdown(rows))},
    )


def _check_result(name: str, result: RuleResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        "outcome": result.outcome,
        "observed": result.observed,
        "expected": result.expected,
    }
    if result.failing_rows:
        metadata["failing_rows"] = dg.MetadataValue.md(markdown(list(result.failing_rows)))
    could_not = "could not be evaluated: " if result.outcome == "errored" else ""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=result.outcome == "passed",
        severity=SEVERITIES[result.rule.severity],
        description=f"{could_not}{result.observed}",
        metadata=metadata,
    )


def _promised(rule: Rule) -> str:
    return rule.description if rule == COMPUTED else expected(rule)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
