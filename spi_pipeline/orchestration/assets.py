"""The plan as Dagster assets: steps grouped into operations, and a plain factory that makes each a multi-asset.

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
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.orchestration.asset_checks import check_results, check_specs, evaluation
from spi_pipeline.orchestration.metadata import run_metadata, spec_metadata
from spi_pipeline.run.freshness import published, with_freshness
from spi_pipeline.run.plan import BEHIND_INDEX, owner_of
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

# The shortest window of a freshness policy that Dagster knows.
SHORTEST_WINDOW = dt.timedelta(minutes=1)

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
            metadata=run_metadata(step, own, runner.reader, context.run.run_id),
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


def operations(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Steps that run as one operation, by its name: many operations cost, so what belongs together is grouped."""
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        grouped.setdefault(step.operation or "_".join(step.key), []).append(step)
    return grouped


def drawn_inputs(plan: Sequence[Step]) -> dict[Step, tuple[str, ...]]:
    """The inputs of each step that are drawn as lines, so that the lineage reads from left to right and not as a web.

    What is made of an input stands for it: a source and the basis are drawn where they are read first. Behind the index
    only the last are drawn: looks at the index and the publication read nearly every table, which would be a fan of 80
    lines.
    """
    index = next(step.outputs[0] for step in plan if step.group == "index")
    maker = {table: step for step in plan for table in step.outputs}
    above: dict[str, frozenset[Step]] = {}
    drawn: dict[Step, tuple[str, ...]] = {}
    for step in plan:
        behind = step.group in BEHIND_INDEX
        # Dagster skips what depends on an asset that came to nothing, also where the step could do without it.
        read = tuple(name for name in step.inputs if name in maker and name not in step.optional)
        inputs = tuple(dict.fromkeys((*read, index))) if behind else read
        beyond = frozenset[Step]().union(*(above[name] for name in inputs))
        once = {made for made in beyond if behind or made.stage == "sources" or made.group == "basis"}
        drawn[step] = tuple(name for name in inputs if maker[name] not in once)
        above |= dict.fromkeys(step.outputs, beyond.union(maker[name] for name in inputs))
    return drawn


def freshness_policies(runner: Runner) -> dict[str, dg.FreshnessPolicy]:
    """Dagster's own policies by source, in live mode; frozen sources and those without a calendar have none.

    Dagster counts from when a table was stored, the publisher's calendar from when its figures appeared. So the age
    they had when they were stored is taken off the window, as it is when the definitions are loaded; the check
    ``fresh``, which every run makes, does not depend on that.
    """
    if runner.settings.mode != "live":
        return {}
    found = {
        source.id: _policy(source, _age_when_stored(source, runner))
        for source in runner.contracts.sources.values()
        if source.properties.mode == "live"
    }
    return {name: policy for name, policy in found.items() if policy}


def _policy(source: Source, age: dt.timedelta) -> dg.FreshnessPolicy | None:
    if source.cycle_days is None:
        return None
    due = max(dt.timedelta(days=source.cycle_days) - age, SHORTEST_WINDOW)
    late = max(dt.timedelta(days=source.cycle_days + source.grace_days) - age, SHORTEST_WINDOW)
    return dg.FreshnessPolicy.time_window(fail_window=late, warn_window=due if due < late else None)


def _age_when_stored(source: Source, runner: Runner) -> dt.timedelta:
    try:
        version = runner.store.current(source.id)
        appeared = published(runner.reader.origins(source.id)) if version else None
    except SpiError:  # the step that reads the table reports it
        return dt.timedelta()
    if version is None or appeared is None:
        return dt.timedelta()
    return max(dt.datetime.fromisoformat(version.written_at).date() - appeared, dt.timedelta())
