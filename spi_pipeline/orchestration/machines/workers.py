"""Runs carried to workers by Celery, and the app that a worker is started with.

Start a worker with ``celery -A spi_pipeline.orchestration.machines.workers:app worker``, in a process whose
``DAGSTER_HOME`` names the same instance as the daemon's: its ``dagster.yaml`` configures broker and results for both.
"""

from typing import Any

from dagster import DagsterInstance, DagsterRun
from dagster_celery.config import TASK_RESUME_JOB_NAME
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.dagster_internals import (
    CheckRunHealthResult,
    ResumeRunArgs,
    ResumeRunContext,
    WorkerStatus,
    pack_value,
)

# Workers answer at once; one that swaps, or a broker that has just restarted, may need this many seconds and attempts.
_SECONDS, _TIMES = 5, 3


class Launcher(CeleryRunLauncher):
    """The launcher of dagster-celery, extended to detect killed workers.

    After the death of a worker, Celery reports its task as running for ever. So this launcher queries the workers for
    their running tasks. If a run was begun and no worker has it, the daemon lets another worker resume it.
    """

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether some worker still has a run."""
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        try:
            for _ in range(_TIMES):
                answers = self.celery.control.inspect(timeout=_SECONDS).active() or {}
                if any(each["id"] == task for tasks in answers.values() for each in tasks):
                    return CheckRunHealthResult(WorkerStatus.RUNNING)
            ended = super().check_run_worker_health(run)  # the task may have ended meanwhile
        except (OperationalError, RedisError, OSError) as error:
            return CheckRunHealthResult(
                WorkerStatus.RUNNING, f"the broker does not respond, the state is unknown: {error}"
            )
        if ended.status == WorkerStatus.SUCCESS:
            return ended
        if ended.status == WorkerStatus.UNKNOWN:  # Celery does not know a task that no worker has begun
            return CheckRunHealthResult(WorkerStatus.RUNNING, "waits for a worker")
        return CheckRunHealthResult(WorkerStatus.FAILED, "no worker has this run any more")

    def resume_run(self, context: ResumeRunContext) -> None:
        """Let another worker resume a run; the method of dagster-celery 0.29 passes a wrong argument to its task."""
        run = context.dagster_run
        if run.job_code_origin is None:
            raise SpiError(f"run {run.run_id} does not name its code location: launch it again")
        args = ResumeRunArgs(run.job_code_origin, run.run_id, self._instance.get_ref(), set_exit_code_on_failure=True)
        task = create_resume_job_task(self.celery).si(resume_job_args_packed=pack_value(args))
        self._launch_celery_task_run(run=run, task_signature=task, routing_key=TASK_RESUME_JOB_NAME)


def __getattr__(name: str) -> Any:
    """Make ``app`` when a worker requests it, and not when the launcher is imported."""
    if name == "app":
        return _app()
    raise AttributeError(name)


def _app() -> Any:
    launcher = DagsterInstance.get().run_launcher
    if not isinstance(launcher, CeleryRunLauncher):
        raise TypeError("dagster.yaml in DAGSTER_HOME names no Celery launcher; see deploy/several-machines")
    app: Any = launcher.celery
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app
