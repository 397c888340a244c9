"""The plan as Dagster assets: one plain factory that turns an operation of the plan into a multi-asset.

Contracts are checked inside the step, before the write, and reported as check results; a check that Dagster runs after
the write would come too late, the good table already replaced.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.contracts.rules import RuleResult
from spi_pipeline.orchestration.compute import contract_of
from spi_pipeline.orchestration.grouping import nearest_inputs
from spi_pipeline.orchestration.metadata import check_metadata, run_metadata, spec_metadata
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.runner import Outcome, Runner

# What a rule of that severity is called as a check of the asset.
CHECKS = {"error": "contract", "warning": "warnings"}
KINDS = {"source": "parquet", "database": "duckdb"}


def asset_key(step: Step) -> dg.AssetKey:
    """The key of a step's asset."""
    return dg.AssetKey(list(step.key))


def table_keys(plan: Sequence[Step]) -> dict[str, dg.AssetKey]:
    """The asset each table belongs to."""
    return {table: asset_key(step) for step in plan for table in step.outputs}


def operation_asset(
    name: str, steps: Sequence[Step], contracts: Contracts, plan: Sequence[Step]
) -> dg.AssetsDefinition:
    """One operation of the plan as a multi-asset.

    Args:
        name: the operation.
        steps: its steps, one asset each.
        contracts: all contracts.
        plan: every step, to tell the asset of each table.

    Returns:
        The assets, with a check for each severity their rules have.
    """
    keys = table_keys(plan)
    specs = [_spec(step, contracts, plan) for step in steps]
    checks = [spec for step in steps for spec in _check_specs(step, contracts)]

    @dg.multi_asset(name=name, specs=specs, check_specs=checks, can_subset=True, required_resource_keys={"runner"})
    def operation(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        selected = [step for step in steps if asset_key(step) in context.selected_asset_keys]
        runner: Runner = context.resources.runner
        started = dt.datetime.fromtimestamp(context.instance.get_run_stats(context.run.run_id).start_time or 0, dt.UTC)
        outcomes = runner.run(selected, context.run.run_id, started)
        by_table = {outcome.table: outcome for outcome in outcomes}
        lost = []
        for step in selected:
            own = [by_table[table] for table in (step.outputs or (step.name,))]
            failed = [outcome for outcome in own if outcome.state == "failed"]
            lost += failed
            if failed:
                # Nothing to hand on: what depends on it stops. Its check results are yielded all the same.
                yield from (_check_result(step, severity, own) for severity in _severities(step, contracts))  # type: ignore[misc]
                continue
            for message in dict.fromkeys(outcome.message for outcome in own if outcome.message):
                context.log.error(message)
            yield dg.MaterializeResult(
                asset_key=asset_key(step),
                metadata=run_metadata(step, own, contracts, runner.reader, keys),
                data_version=dg.DataVersion(own[0].version.sha256) if own[0].version else None,
                check_results=[_check_result(step, severity, own) for severity in _severities(step, contracts)],
            )
        if lost:
            reasons = "; ".join(sorted({outcome.message for outcome in lost}))
            raise dg.Failure(f"no good version of {', '.join(o.table for o in lost)}: {reasons}", allow_retries=False)

    return operation


def _spec(step: Step, contracts: Contracts, plan: Sequence[Step]) -> dg.AssetSpec:
    keys = table_keys(plan)
    inputs = nearest_inputs(step, plan) if step.kind == "database" else step.inputs
    deps = list(dict.fromkeys(keys[table] for table in inputs))
    return dg.AssetSpec(
        key=asset_key(step),
        deps=deps,
        group_name=step.group,
        description=f"**{step.title}**\n\n{step.description}",
        owners=[contracts.framework.publication.owner],
        kinds={KINDS.get(step.kind, "pandas")},
        metadata=spec_metadata(step, contracts),
    )


def _severities(step: Step, contracts: Contracts) -> list[str]:
    rules = [rule for table in step.outputs for rule in contract_of(table, contracts).rules]
    return [severity for severity in CHECKS if any(rule.severity == severity for rule in rules)]


def _check_specs(step: Step, contracts: Contracts) -> list[dg.AssetCheckSpec]:
    specs = []
    for severity in _severities(step, contracts):
        rules = {
            rule.id: rule.description
            for t in step.outputs
            for rule in contract_of(t, contracts).rules
            if rule.severity == severity
        }
        described = "\n".join(f"* `{rule_id}`: {description}" for rule_id, description in rules.items())
        specs.append(dg.AssetCheckSpec(CHECKS[severity], asset=asset_key(step), description=described))
    return specs


def _check_result(step: Step, severity: str, outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    results: list[RuleResult] = [r for outcome in outcomes for r in outcome.results if r.rule.severity == severity]
    wrong = [result for result in results if result.outcome in ("failed", "errored")]
    return dg.AssetCheckResult(
        asset_key=asset_key(step),
        check_name=CHECKS[severity],
        # What did not run is not passed.
        passed=bool(results) and not wrong,
        severity=dg.AssetCheckSeverity.ERROR if severity == "error" else dg.AssetCheckSeverity.WARN,
        description="; ".join(dict.fromkeys(f"{result.rule.id}: {result.observed}" for result in wrong))
        or ", ".join(f"{count} {outcome}" for outcome, count in Counter(r.outcome for r in results).items())
        or "not evaluated: " + "; ".join(dict.fromkeys(outcome.message for outcome in outcomes)),
        metadata=check_metadata(results),
    )
