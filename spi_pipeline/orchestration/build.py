"""Everything that Dagster loads, in one function: assets, jobs, and the resource that holds the store's lock."""

from collections.abc import Iterator

import dagster as dg

from spi_pipeline.orchestration.assets import Graph, asset_key, checks_alone, operation_asset, operations
from spi_pipeline.orchestration.instance import dagster_run_lifetime, tidy
from spi_pipeline.orchestration.months import month_assets
from spi_pipeline.orchestration.runs import REFRESH
from spi_pipeline.orchestration.sensors import alerts_sensor, news, overdue_sensor, schedules
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.run.plan import DOWNSTREAM_OF_INDEX, build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings

# The groups that follow from observations alone.
INDEX_GROUPS = ("basis", "components", "dimensions", "index", *DOWNSTREAM_OF_INDEX)


def build_definitions(settings: Settings, running: Runner | None = None) -> dg.Definitions:
    """The definitions of one code location.

    Args:
        settings: the settings, which name contracts and store.
        running: the runner of a caller that listens to it and runs no check without its asset; None for a new runner.

    Returns:
        All assets with their checks, the jobs ``refresh`` and ``rebuild_index``, the schedules, the sensors (those of
        publishers' news and of overdue sources in live mode only), and the resource ``runner``.

    Raises:
        ContractError: when a contract has a fault.
    """
    contracts = running.contracts if running else contracts_in_force(settings)
    used = running or Runner(settings, contracts)
    plan = build_plan(contracts)
    graph = Graph.of(plan, used)
    assets = [
        operation_asset(name, steps, graph, place) for place, (name, steps) in enumerate(operations(plan).items())
    ]

    # This is not a ``ConfigurableResource``, whose fields could be changed in the launchpad: a run on another store, or
    # in another mode, would be recorded as a run of this store. Each op declares the type of the resource it requests.
    @dg.resource(description="Runs steps, and holds the store's lock during a run.")
    def runner(context: dg.InitResourceContext) -> Iterator[Runner]:
        # A run of the command is on record, and holds the lock, before Dagster knows of it.
        if running or context.instance is None or context.run is None:
            with used.store.lock():
                yield used
        else:
            with dagster_run_lifetime(context.instance, used, context.run):
                yield used
                tidy(context.instance, used.store, settings.retention)

    everything = dg.AssetSelection.assets(*(asset_key(step) for step in plan)).without_checks()
    return dg.Definitions(
        assets=[*assets, *month_assets(plan, used)],
        asset_checks=[] if running else [checks_alone(plan, contracts)],
        resources={"runner": runner},
        jobs=[
            dg.define_asset_job(REFRESH, everything, description="Every asset, from sources to the database."),
            dg.define_asset_job(
                "rebuild_index",
                dg.AssetSelection.groups(*INDEX_GROUPS).without_checks(),
                description="From observations to the index, its analyses, and the database.",
            ),
        ],
        schedules=schedules(used, plan),
        sensors=[
            alerts_sensor(settings, contracts),
            *([news(used, plan), overdue_sensor(used, plan)] if used.publishers else []),
        ],
        # The multiprocess executor costs seconds a step; see docs/architecture.md.
        executor=dg.in_process_executor,
    )
