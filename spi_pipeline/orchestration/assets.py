"""The plan as Dagster assets: one plain factory that turns an operation of the plan into a multi-asset.

Contracts are checked inside the step, before the write, and reported as check results; a check that Dagster runs after
the write would come too late, the good table already replaced.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.orchestration.asset_checks import check_results, check_specs
from spi_pipeline.orchestration.grouping import nearest_inputs
from spi_pipeline.orchestration.metadata import run_metadata, spec_metadata
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.runner import Runner

KINDS = {"source": "parquet", "database": "duckdb"}


def asset_key(step: Step) -> dg.AssetKey:
    """The key of a step's asset."""
    return dg.AssetKey(list(step.key))


def table_keys(plan: Sequence[Step]) -> dict[str, dg.AssetKey]:
    """The asset each table belongs to."""
    return {table: asset_key(step) for step in plan for table in step.outputs}


def operation_asset(
    name: str,
    steps: Sequence[Step],
    contracts: Contracts,
    plan: Sequence[Step],
    policies: Mapping[str, dg.FreshnessPolicy],
) -> dg.AssetsDefinition:
    """One operation of the plan as a multi-asset.

    Args:
        name: the operation.
        steps: its steps, one asset each.
        contracts: all contracts.
        plan: every step, to tell the asset of each table.
        policies: of sources that a publisher promises to renew.

    Returns:
        The assets, with a check for each rule of their tables.
    """
    keys = table_keys(plan)
    specs = [_spec(step, contracts, plan, policies.get(step.name) if step.kind == "source" else None) for step in steps]
    checks = [spec for step in steps for spec in check_specs(step, contracts, asset_key(step))]

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
                yield from check_results(step, own, asset_key(step))  # type: ignore[misc]
                continue
            for message in dict.fromkeys(outcome.message for outcome in own if outcome.message):
                context.log.error(message)
            yield dg.MaterializeResult(
                asset_key=asset_key(step),
                metadata=run_metadata(step, own, contracts, runner.reader, keys, context.run.run_id),
                data_version=dg.DataVersion(own[0].version.sha256) if own[0].version else None,
                check_results=check_results(step, own, asset_key(step)),
            )
        if lost:
            reasons = "; ".join(sorted({outcome.message for outcome in lost}))
            raise dg.Failure(f"no good version of {', '.join(o.table for o in lost)}: {reasons}", allow_retries=False)

    return operation


def _spec(step: Step, contracts: Contracts, plan: Sequence[Step], policy: dg.FreshnessPolicy | None) -> dg.AssetSpec:
    keys = table_keys(plan)
    inputs = nearest_inputs(step, plan) if step.kind == "database" else step.inputs
    deps = list(dict.fromkeys(keys[table] for table in inputs))
    return dg.AssetSpec(
        key=asset_key(step),
        deps=deps,
        group_name=step.group,
        description=f"**{step.title}**\n\n{step.description}",
        owners=[_owner(step, contracts)],
        kinds={KINDS.get(step.kind, "pandas")},
        metadata=spec_metadata(step, contracts),
        freshness_policy=policy,
    )


def _owner(step: Step, contracts: Contracts) -> str:
    """Who answers for the contract of what a step writes; the database is the publication's."""
    if not step.outputs:
        return contracts.framework.publication.owner
    return f"team:{contract_of(step.outputs[0], contracts).owner}"
