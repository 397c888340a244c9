"""The plan as Dagster assets: one plain factory that turns an operation of the plan into a multi-asset.

Contracts are checked inside the step, before the write, and what was found is logged as the evaluation of the asset's
checks; a check that Dagster runs after the write would come too late, the good table already replaced.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.asset_checks import check_results, check_specs, evaluation
from spi_pipeline.orchestration.metadata import run_metadata, spec_metadata
from spi_pipeline.run.freshness import with_freshness
from spi_pipeline.run.plan import owner_of
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

Yielded = dg.MaterializeResult[Any] | dg.AssetObservation


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
    """

    keys: Mapping[str, dg.AssetKey]
    drawn: Mapping[Step, Sequence[str]]
    policies: Mapping[str, dg.FreshnessPolicy]


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
        The assets.
    """
    # The order of the plan holds where nothing selected lies between two operations too: the publication comes last,
    # also behind a table that is only judged again.
    order = {"dagster/priority": str(-place)}
    specs = [_spec(step, contracts, graph) for step in steps]

    @dg.multi_asset(name=name, specs=specs, can_subset=True, required_resource_keys={"runner"}, op_tags=order)
    def operation(context: dg.AssetExecutionContext) -> Iterator[Yielded]:
        selected = context.selected_asset_keys
        yield from _computed([step for step in steps if asset_key(step) in selected], context)

    return operation


def _computed(steps: Sequence[Step], context: dg.AssetExecutionContext) -> Iterator[Yielded]:
    """Run steps, and hand on what became of each of their tables."""
    runner: Runner = context.resources.runner
    started = dt.datetime.fromtimestamp(context.instance.get_run_stats(context.run.run_id).start_time or 0, dt.UTC)
    by_table = {outcome.table: outcome for outcome in runner.run(steps, context.run.run_id, started)}
    lost = []
    for step in steps:
        own, key = [by_table[table] for table in step.outputs], asset_key(step)
        for result in check_results(step, own, key):
            context.log_event(evaluation(result))
        # What could not be fetched is told by the step that reads it, which may have embedded figures to fall back on.
        failed = [outcome for outcome in own if outcome.state == "failed" and step.cadence is None]
        lost += failed
        if failed:
            # Nothing to hand on: what depends on it stops.
            yield dg.AssetObservation(key, metadata={"state": "failed", "reason": failed[0].message})
            continue
        for message in dict.fromkeys(outcome.message for outcome in own if outcome.message):
            context.log.error(message)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=run_metadata(step, own, runner.contracts, runner.reader, context.run.run_id),
            data_version=dg.DataVersion(own[0].version.sha256) if own[0].version else None,
        )
    if lost:
        reasons = "; ".join(sorted({outcome.message for outcome in lost}))
        raise dg.Failure(f"no good version of {', '.join(o.table for o in lost)}: {reasons}", allow_retries=False)


def checks_alone(plan: Sequence[Step], contracts: Contracts, graph: Graph) -> dg.AssetChecksDefinition:
    """Every check of every asset, to be picked without its asset: the rules are asked of the tables there are.

    What they are when tables are computed is logged by the step. A check that is an output of its step has three more
    events for each evaluation, all of them stored twice.
    """
    specs = [spec for step in plan for spec in check_specs(step, contracts, asset_key(step))]

    @dg.multi_asset_check(name="judge_again", specs=specs, can_subset=True, required_resource_keys={"runner"})
    def judge_again(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        picked = context.selected_asset_check_keys
        assets = {check.asset_key for check in picked}
        runner: Runner = context.resources.runner
        steps = [step for step in plan if asset_key(step) in assets]
        try:
            judged = runner.check(steps)
        except SpiError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        now = dt.datetime.now(dt.UTC)
        outcomes = {found.table: with_freshness(found, runner.settings, runner.reader, now) for found in judged}
        for step in steps:
            found = check_results(step, [outcomes[table] for table in step.outputs], asset_key(step))
            wanted = {check.name for check in picked if check.asset_key == asset_key(step)}
            yield from (result for result in found if result.check_name in wanted)

    return judge_again


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
