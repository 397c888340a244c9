"""Everything Dagster loads, assembled by one function: assets, jobs, the resource that holds the store's lock."""

from collections.abc import Iterator

import dagster as dg

from spi_pipeline.orchestration.assets import (
    Graph,
    checks_alone,
    drawn_inputs,
    freshness_policies,
    operation_asset,
    operations,
    table_keys,
)
from spi_pipeline.orchestration.instance import on_record
from spi_pipeline.orchestration.runs import REFRESH
from spi_pipeline.orchestration.sensors import alerts_sensor, news, schedules
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.run.plan import BEHIND_INDEX, build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings

# From here on everything follows from observations alone.
INDEX_GROUPS = ("basis", "components", "dimensions", "index", *BEHIND_INDEX)


def build_definitions(settings: Settings, running: Runner | None = None) -> dg.Definitions:
    """The definitions of one code location.

    Args:
        settings: where contracts and store are.
        running: the runner to use, where the caller listens to it and asks for no check alone; a new one otherwise.

    Returns:
        All assets with their checks, the jobs ``refresh`` and ``rebuild_index``, the schedules, in live mode the
        sensor of publishers' news, and the resource ``runner``.

    Raises:
        ContractError: when a contract has a fault.
    """
    contracts = running.contracts if running else contracts_in_force(settings)
    made = running or Runner(settings, contracts)
    plan = build_plan(contracts)
    graph = Graph(table_keys(plan), drawn_inputs(plan), freshness_policies(made))
    assets = [
        operation_asset(name, steps, contracts, graph, place)
        for place, (name, steps) in enumerate(operations(plan).items())
    ]

    @dg.resource(description="Runs steps; holds the store's lock while a run lasts.")
    def runner(context: dg.InitResourceContext) -> Iterator[Runner]:
        # A run of the command is on record, and has the lock, before Dagster hears of it.
        if running or context.instance is None or context.run is None:
            with made.store.lock():
                yield made
        else:
            with on_record(context.instance, made, context.run):
                yield made

    everything = dg.AssetSelection.all().without_checks()
    return dg.Definitions(
        assets=assets,
        asset_checks=[] if running else [checks_alone(plan, contracts, graph)],
        resources={"runner": runner},
        jobs=[
            dg.define_asset_job(REFRESH, everything, description="Every asset, source to database."),
            dg.define_asset_job(
                "rebuild_index",
                dg.AssetSelection.groups(*INDEX_GROUPS).without_checks(),
                description="From observations to the index, what is said about it, and the database.",
            ),
        ],
        schedules=schedules(made, plan),
        sensors=[alerts_sensor(settings, contracts), *([news(made, plan)] if made.publishers else [])],
        # The multiprocess executor costs seconds a step; see docs/architecture.md.
        executor=dg.in_process_executor,
    )
