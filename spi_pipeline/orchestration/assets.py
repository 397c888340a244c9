"""The plan as Dagster assets: one plain factory that turns an operation of the plan into a multi-asset.

Contracts are checked inside the step, before the write, and reported as check results; a check that Dagster runs after
the write would come too late, the good table already replaced.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.asset_checks import check_results, check_specs
from spi_pipeline.orchestration.metadata import run_metadata, spec_metadata
from spi_pipeline.run.freshness import with_freshness
from spi_pipeline.run.plan import owner_of
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

Yielded = dg.MaterializeResult[Any] | dg.AssetCheckResult


def asset_key(step: Step) -> dg.AssetKey:
    """The key of a step's asset."""
    return dg.AssetKey(list(step.key))


def table_keys(plan: Sequence[Step]) -> dict[str, dg.AssetKey]:
    """The asset each table belongs to."""
    return {table: asset_key(step) for step in plan for table in step.outputs}


@dataclass(frozen=True)
class Graph:
    """What the assets of all operations share.

    Attributes:
        keys: the asset of each table.
        drawn: the inputs of each step that are drawn as lines.
        policies: of sources that a publisher promises to renew.
        fetched: whether live sources are fetched.
    """

    keys: Mapping[str, dg.AssetKey]
    drawn: Mapping[Step, Sequence[str]]
    policies: Mapping[str, dg.FreshnessPolicy]
    fetched: bool


def operation_asset(
    name: str,
    steps: Sequence[Step],
    contracts: Contracts,
    graph: Graph,
    place: int,
) -> dg.AssetsDefinition:
    """One operation of the plan as a multi-asset.

    Args:
        name: the operation.
        steps: its steps, one asset each.
        contracts: all contracts.
        graph: what all assets share.
        place: its place in the order of the plan.

    Returns:
        The assets, with a check for each family of rules of their tables.
    """
    specs = [_spec(step, contracts, graph) for step in steps]
    checks = [spec for step in steps for spec in check_specs(step, contracts, asset_key(step), graph.fetched)]

    # The order of the plan holds where nothing selected lies between two operations too: the publication comes last,
    # also behind a table that is only judged again.
    order = {"dagster/priority": str(-place)}

    @dg.multi_asset(
        name=name,
        specs=specs,
        check_specs=checks,
        can_subset=True,
        required_resource_keys={"runner"},
        op_tags=order,
    )
    def operation(context: dg.AssetExecutionContext) -> Iterator[Yielded]:
        runner: Runner = context.resources.runner
        selected = context.selected_asset_keys
        picked = {check.asset_key for check in context.selected_asset_check_keys} - selected
        yield from _looked_at_again([step for step in steps if asset_key(step) in picked], context, runner)
        yield from _computed([step for step in steps if asset_key(step) in selected], context, runner)

    return operation


def _computed(steps: Sequence[Step], context: dg.AssetExecutionContext, runner: Runner) -> Iterator[Yielded]:
    """Run steps, and hand on what became of each of their tables."""
    if not steps:
        return
    started = dt.datetime.fromtimestamp(context.instance.get_run_stats(context.run.run_id).start_time or 0, dt.UTC)
    by_table = {outcome.table: outcome for outcome in runner.run(steps, context.run.run_id, started)}
    lost = []
    for step in steps:
        own = [by_table[table] for table in step.outputs]
        # What could not be fetched is told by the step that reads it, which may have embedded figures to fall back on.
        failed = [outcome for outcome in own if outcome.state == "failed" and step.cadence is None]
        lost += failed
        if failed:
            # Nothing to hand on: what depends on it stops. Its check results are yielded all the same.
            yield from check_results(step, own, asset_key(step))
            continue
        for message in dict.fromkeys(outcome.message for outcome in own if outcome.message):
            context.log.error(message)
        yield dg.MaterializeResult(
            asset_key=asset_key(step),
            metadata=run_metadata(step, own, runner.contracts, runner.reader, context.run.run_id),
            data_version=dg.DataVersion(own[0].version.sha256) if own[0].version else None,
            check_results=list(check_results(step, own, asset_key(step))),
        )
    if lost:
        reasons = "; ".join(sorted({outcome.message for outcome in lost}))
        raise dg.Failure(f"no good version of {', '.join(o.table for o in lost)}: {reasons}", allow_retries=False)


def _looked_at_again(
    steps: Sequence[Step], context: dg.AssetExecutionContext, runner: Runner
) -> Iterator[dg.AssetCheckResult]:
    """Checks that were picked in the UI without their assets: the rules are asked of the tables there are."""
    try:
        looked_at = runner.check(steps)
    except SpiError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    now = dt.datetime.now(dt.UTC)
    outcomes = {found.table: with_freshness(found, runner.settings, runner.reader, now) for found in looked_at}
    wanted = {(check.asset_key, check.name) for check in context.selected_asset_check_keys}
    for step in steps:
        found = check_results(step, [outcomes[table] for table in step.outputs], asset_key(step))
        yield from (result for result in found if (result.asset_key, result.check_name) in wanted)


def _spec(step: Step, contracts: Contracts, graph: Graph) -> dg.AssetSpec:
    deps = dict.fromkeys(graph.keys[table] for table in graph.drawn[step])
    return dg.AssetSpec(
        key=asset_key(step),
        deps=deps,
        group_name=step.group,
        description=f"**{step.title}**\n\n{step.description}",
        owners=[owner_of(step, contracts)],
        kinds={step.tool},
        metadata=spec_metadata(step, contracts, graph.keys),
        freshness_policy=graph.policies.get(step.outputs[0]),
    )
