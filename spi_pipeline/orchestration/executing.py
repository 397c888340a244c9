"""A run of the command, executed in this process and recorded so that the UI can show it and run it again."""

import sys
from collections.abc import Mapping, Set

import dagster as dg

from spi_pipeline.orchestration.dagster_internals import (
    InMemoryJob,
    LoadableTargetOrigin,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
    create_execution_plan,
    execute_run,
    snapshot_from_execution_plan,
)
from spi_pipeline.orchestration.runs import LOCATION

# Messages about steps go into the run's event log, and none to the terminal.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def execute(
    job: dg.JobDefinition, assets: Set[dg.AssetKey], instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]
) -> dg.JobExecutionResult:
    """Run assets of a job without the checks that judge tables again: each step logs the evaluations of its own checks.

    Args:
        job: the job.
        assets: the assets to run.
        instance: the instance that records the run.
        run_id: the id of the run.
        tags: the tags of the run.

    Returns:
        The result of the run.
    """
    chosen = job.get_subset(asset_selection=assets, asset_check_selection=frozenset())
    plan = create_execution_plan(chosen, _QUIET, instance_ref=instance.get_ref())
    run = instance.create_run(
        job_name=job.name,
        run_id=run_id,
        run_config=_QUIET,
        status=None,
        tags=tags,
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=None,
        execution_plan_snapshot=snapshot_from_execution_plan(plan, chosen.get_job_snapshot_id()),
        job_snapshot=chosen.get_job_snapshot(),
        parent_job_snapshot=chosen.get_parent_job_snapshot(),
        asset_selection=assets,
        asset_check_selection=frozenset(),
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=_origin(job.name),
        job_code_origin=None,
        asset_graph=chosen.asset_layer.asset_graph,
    )
    return execute_run(InMemoryJob(job), run, instance)


def _origin(job: str) -> RemoteJobOrigin:
    """Where the UI finds the job: in the only code location."""
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=LOCATION)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)
