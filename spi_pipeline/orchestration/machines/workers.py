"""Runs carried to workers by Celery, and the app that a worker is started with.

``celery -A spi_pipeline.orchestration.machines.workers:app worker``, in a process whose ``DAGSTER_HOME`` names the same
instance as the daemon's: its ``dagster.yaml`` says where broker and results are, for both.
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

# Workers answer at once; one that swaps, or a broker that has just come back, may take so long, so often.
_SECONDS, _TIMES = 5, 3


class Launcher(CeleryRunLauncher):
    """The launcher of dagster-celery, which also notices that a worker was killed.

    Of a task whose worker died Celery says for ever that it runs. So the workers are asked what they are running, and
    a run that some worker began and none has is to be gone on with: the daemon has another worker resume it.
    """

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether some worker still has a run."""
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        try:
            for _ in range(_TIMES):
                answers = self.celery.control.inspect(timeout=_SECONDS).active() or {}
                if any(each["id"] == task for tasks in answers.values() for each in tasks):
                    return CheckRunHealthResult(WorkerStatus.RUNNING)
            ended = super().check_run_worker_health(run)  # it may have ended meanwhile
        except (OperationalError, RedisError, OSError) as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the broker does not answer, nothing is known: {error}")
        if ended.status == WorkerStatus.SUCCESS:
            return ended
        if ended.status == WorkerStatus.UNKNOWN:  # of a task that no worker began Celery knows nothing
            return CheckRunHealthResult(WorkerStatus.RUNNING, "waits for a worker")
        return CheckRunHealthResult(WorkerStatus.FAILED, "no worker has this run: the one that had it is gone")

    def resume_run(self, context: ResumeRunContext) -> None:
        """Have another worker go on with a run; that of dagster-celery 0.29 calls its task by a wrong argument."""
        run = context.dagster_run
        if run.job_code_origin is None:
            raise SpiError(f"run {run.run_id} does not say which code it is of: launch it again")
        args = ResumeRunArgs(run.job_code_origin, run.run_id, self._instance.get_ref(), set_exit_code_on_failure=True)
        task = create_resume_job_task(self.celery).si(resume_job_args_packed=pack_value(args))
        self._launch_celery_task_run(run=run, task_signature=task, routing_key=TASK_RESUME_JOB_NAME)


def __getattr__(name: str) -> Any:
    """``app``, made when a worker asks for it and not when the launcher is imported."""
    if name == "app":
        return _app()
    raise AttributeError(name)


def _app() -> Any:
    launcher = DagsterInstance.get().run_launcher
    if not isinstance(launcher, CeleryRunLauncher):
        raise TypeError("dagster.yaml in DAGSTER_HOME names no launcher of Celery, see deploy/several-machines")
    app: Any = launcher.celery
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app
