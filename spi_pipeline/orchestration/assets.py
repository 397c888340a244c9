"""The plan as Dagster assets: steps grouped into operations, and a plain factory that makes each a multi-asset.

The runner evaluates rules within the step, before the write, and the results are logged as evaluations of the asset's
checks. A check that Dagster runs after the write would come too late: the good table would already be replaced.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.asset_checks import check_results, check_specs, evaluation
from spi_pipeline.orchestration.metadata import added_metadata, run_metadata, spec_metadata
from spi_pipeline.orchestration.months import by_month, log_new_months
from spi_pipeline.orchestration.provenance import Provenance
from spi_pipeline.orchestration.provenance import asset_key as asset_key
from spi_pipeline.run.due import code_versions
from spi_pipeline.run.freshness import with_freshness
from spi_pipeline.run.plan import DOWNSTREAM_OF_INDEX, owner_of
from spi_pipeline.run.result import StepResult
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

Yielded = dg.MaterializeResult[Any] | dg.AssetObservation


def table_keys(plan: Sequence[Step]) -> dict[str, dg.AssetKey]:
    """The asset each table belongs to."""
    return {table: asset_key(step) for step in plan for table in step.outputs}


@dataclass(frozen=True)
class Graph:
    """The state that the assets of all operations share.

    Attributes:
        contracts: all contracts.
        keys: the asset of each table.
        provenance: the code and data versions that materializations record.
    """

    contracts: Contracts
    keys: Mapping[str, dg.AssetKey]
    provenance: Provenance

    @classmethod
    def of(cls, plan: Sequence[Step], runner: Runner) -> "Graph":
        """The shared state for the assets of a plan."""
        keys = table_keys(plan)
        drawn = drawn_inputs(plan)
        deps = {step: tuple(dict.fromkeys(keys[table] for table in drawn[step])) for step in plan}
        return cls(runner.contracts, keys, Provenance(plan, code_versions(plan, runner), deps))


def operation_asset(name: str, steps: Sequence[Step], graph: Graph, place: int) -> dg.AssetsDefinition:
    """One operation of the plan as a multi-asset.

    Args:
        name: the operation.
        steps: its steps, one asset each.
        graph: the shared state of all assets.
        place: its place in the order of the plan.

    Returns:
        The assets.
    """
    # This keeps the order of the plan even between operations that no selected asset connects: the publication comes
    # last, also after a table that is only judged again.
    order = {"dagster/priority": str(-place)}
    specs = [_spec(step, graph) for step in steps]

    @dg.multi_asset(name=name, specs=specs, can_subset=True, op_tags=order)
    def operation(context: dg.AssetExecutionContext, runner: dg.ResourceParam[Runner]) -> Iterator[Yielded]:
        selected = context.selected_asset_keys
        yield from _run_steps(
            [step for step in steps if asset_key(step) in selected], context, runner, graph.provenance
        )

    return operation


def _run_steps(
    steps: Sequence[Step], context: dg.AssetExecutionContext, runner: Runner, provenance: Provenance
) -> Iterator[Yielded]:
    """Run steps, and yield a materialization or observation for each."""
    run_id, instance = context.run.run_id, context.instance
    started = dt.datetime.fromtimestamp(instance.get_run_stats(run_id).start_time or 0, dt.UTC)
    outcomes = runner.run(steps, run_id, started)
    by_table = {outcome.table: outcome for outcome in outcomes}
    lost = []
    for step in steps:
        own, key = [by_table[table] for table in step.outputs], asset_key(step)
        for result in check_results(step, own, key):
            context.log_event(evaluation(result))
        # The step that reads a failed download reports it, since it may have embedded figures to fall back on.
        failed = [outcome for outcome in own if outcome.state == "failed" and step.cadence is None]
        lost += failed
        if failed:
            # Without a materialization, Dagster skips everything that depends on this asset.
            yield dg.AssetObservation(key, metadata={"state": "failed", "reason": failed[0].message})
            continue
        for message in dict.fromkeys(outcome.message for outcome in own if outcome.message):
            context.log.error(message)
        if by_month(step):
            log_new_months(step, runner, context)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=run_metadata(step, own, runner.reader, run_id),
            data_version=dg.DataVersion(own[0].version.sha256) if own[0].version else None,
            tags=provenance.tags(step, outcomes, runner, run_id),
        )
        for other, added in added_metadata(step, runner.reader).items():
            # Materialize the other asset again with the added metadata: its page shows the last materialization, and
            # no observation.
            event = instance.get_latest_materialization_event(other)
            if event and (last := event.asset_materialization):
                context.log_event(dg.AssetMaterialization(other, metadata={**last.metadata, **added}, tags=last.tags))
    if lost:
        reasons = "; ".join(sorted({outcome.message for outcome in lost}))
        raise dg.Failure(f"no good version of {', '.join(o.table for o in lost)}: {reasons}", allow_retries=False)
    if any(outcome.state == "published" for outcome in outcomes):
        for step, tags in provenance.unsynced_steps(runner, instance, run_id):
            unchanged = [StepResult(name, "unchanged", (), runner.store.current(name)) for name in step.outputs]
            metadata = run_metadata(step, unchanged, runner.reader, run_id)
            context.log_event(dg.AssetMaterialization(asset_key(step), metadata=metadata, tags=tags))


def checks_alone(plan: Sequence[Step], contracts: Contracts) -> dg.AssetChecksDefinition:
    """Every check of every asset, selectable without its asset: the rules are evaluated on the current tables.

    When a run computes a table, the step logs its evaluations, and the run does not evaluate the rules a second time. A
    check that is an output of its step has three more events for each evaluation, all of them stored twice.
    """
    specs = [spec for step in plan for spec in check_specs(step, contracts, asset_key(step))]

    @dg.multi_asset_check(name="judge_again", specs=specs, can_subset=True)
    def judge_again(
        context: dg.AssetCheckExecutionContext, runner: dg.ResourceParam[Runner]
    ) -> Iterator[dg.AssetCheckResult]:
        picked = context.selected_asset_check_keys
        assets = {check.asset_key for check in picked} - context.job_def.asset_layer.selected_asset_keys
        steps = [step for step in plan if asset_key(step) in assets]
        try:
            judged = runner.check(steps)
        except SpiError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        now = dt.datetime.now(dt.UTC)
        outcomes = {each.table: with_freshness(each, runner.settings, runner.reader, now) for each in judged}
        outcomes |= {
            name: _last_fetch(name, runner) for step in steps if step.cadence is not None for name in step.outputs
        }
        for step in steps:
            results = check_results(step, [outcomes[table] for table in step.outputs], asset_key(step))
            wanted = {check.name for check in picked if check.asset_key == asset_key(step)}
            yield from (result for result in results if result.check_name in wanted)

    return judge_again


def _last_fetch(name: str, runner: Runner) -> StepResult:
    """The outcome of the last fetch of downloads."""
    version = runner.store.current(name)
    if version is None:
        return StepResult(name, "failed", message="they have not been downloaded yet")
    stale = version.stale_since is not None
    return StepResult(name, "kept" if stale else "unchanged", (), version, message=version.stale_reason or "")


def _spec(step: Step, graph: Graph) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(step),
        deps=graph.provenance.deps[step],
        group_name=step.group,
        code_version=graph.provenance.versions[step],
        description=f"{step.title}\n\n{step.description}",
        owners=[owner_of(step, graph.contracts)],
        kinds={step.tool},
        metadata=spec_metadata(step, graph.contracts, graph.keys),
    )


def operations(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Steps by the operation that runs them: each operation has a cost, so steps that belong together are grouped."""
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        grouped.setdefault(step.operation or "_".join(step.key), []).append(step)
    return grouped


def drawn_inputs(plan: Sequence[Step]) -> dict[Step, tuple[str, ...]]:
    """The inputs of each step that the lineage shows as lines, so that it reads from left to right and not as a web.

    A source and the basis have a line only to the steps that read them first; the tables made from them stand for them
    further on. After the index a step has lines only from inputs that are not upstream of its other inputs: analyses of
    the index and the publication read nearly every table, which would be a fan of 80 lines.
    """
    index = next(step.outputs[0] for step in plan if step.group == "index")
    maker = {table: step for step in plan for table in step.outputs}
    above: dict[str, frozenset[Step]] = {}
    drawn: dict[Step, tuple[str, ...]] = {}
    for step in plan:
        after_index = step.group in DOWNSTREAM_OF_INDEX
        # Dagster skips an asset after a failed dependency, even if the step could do without that input.
        read = tuple(name for name in step.inputs if name in maker and name not in step.optional)
        inputs = tuple(dict.fromkeys((*read, index))) if after_index else read
        beyond = frozenset[Step]().union(*(above[name] for name in inputs))
        drawn_before = {made for made in beyond if after_index or made.stage == "sources" or made.group == "basis"}
        drawn[step] = tuple(name for name in inputs if maker[name] not in drawn_before)
        above |= dict.fromkeys(step.outputs, beyond.union(maker[name] for name in inputs))
    return drawn
