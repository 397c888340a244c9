"""Compute councils on several machines while faults occur: ``python -m spi_pipeline_tests.deploy.machines``.

Starts Debian's Postgres and Redis, SeaweedFS, Dagster's daemon and two Celery workers that share no folder, all set up
by the files in ``deploy/several-machines``. While the councils are computed, it kills a worker, restarts Redis and
stops the object store for a while; then it compares every table of every council with the result of a single process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import dagster as dg

from spi_pipeline.orchestration.instance import NUX_YAML
from spi_pipeline.orchestration.machines.deployment import ASSET
from spi_pipeline.storage.shared.copy import Copy
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.deploy.conftest import DEPLOY, program
from spi_pipeline_tests.deploy.servers import PASSWORD, Postgres, serving_postgres
from spi_pipeline_tests.docs.documents import text
from spi_pipeline_tests.security.serving import free_port
from spi_pipeline_tests.storage.seaweed import Seaweed

COUNCILS = ("Isles of Scilly", "City of London", "Rutland")
WORKERS = ("one", "two")
BASE = "s3://spi/councils"
SCRIPTS = Path(sys.executable).parent
# CI runs on a shared machine; one council alone takes half a minute.
PATIENCE = 1500
Report = Callable[[str], None]


class Machines:
    """The running deployment.

    Args:
        folder: holds everything, with a folder for each machine.
        postgres: holds the history.
        report: receives a line for each event.
    """

    def __init__(self, folder: Path, postgres: Postgres, report: Report) -> None:
        self.folder, self.postgres, self.report = folder, postgres, report
        self.redis_port, self.began = free_port(), time.monotonic()
        self.seaweed = Seaweed(folder / "seaweed")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, machine: str) -> dict[str, str]:
        """The environment of a process on a machine, which knows nothing of the other machines' disks."""
        home = self.folder / machine / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        shared = text(DEPLOY / "several-machines" / "dagster.yaml")
        for old, new in (
            ("port: 5432", f"port: {self.postgres.port}"),
            ("poll_interval_seconds: 30", "poll_interval_seconds: 5"),
        ):
            assert old in shared
            shared = shared.replace(old, new)
        (home / "dagster.yaml").write_text(shared, encoding="utf-8")
        (home / ".nux").mkdir(exist_ok=True)
        (home / ".nux" / "nux.yaml").write_text(NUX_YAML, encoding="utf-8")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SPI_", "DAGSTER_"))}
        return inherited | self.seaweed.environment | {
            "DAGSTER_HOME": str(home),
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",  # where `celery` must be found
            "SPI_BROKER": f"redis://127.0.0.1:{self.redis_port}/0",
            "SPI_COPIES": str(self.folder / machine / "copies"),
            "SPI_DEPLOYMENT": str(self.folder / "deployment.yaml"),
            "SPI_POSTGRES_HOST": "127.0.0.1",
            "SPI_POSTGRES_PASSWORD": PASSWORD,
        }  # fmt: skip

    def start(self, name: str, *command: str, machine: str = "head") -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=self.environment(machine), cwd=self.folder / machine, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def start_redis(self) -> None:
        data_folder = self.folder / "redis"
        data_folder.mkdir(exist_ok=True)
        options = (
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.redis_port),
            "--dir",
            str(data_folder),
            "--appendonly",
            "yes",
        )
        self.start("redis", program("redis-server", "redis-server"), *options)

    def start_worker(self, name: str) -> None:
        app = ("-A", "spi_pipeline.orchestration.machines.workers:app", "worker", "-Q", "dagster")
        self.start(name, str(SCRIPTS / "celery"), *app, "-c", "1", "-n", f"{name}@%h", "-l", "INFO", machine=name)

    def kill(self, name: str) -> None:
        """Kill a program and all its children at once, as when a machine dies."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.seaweed.kill()

    def log_event(self, message: str) -> None:
        self.report(f"{time.monotonic() - self.began:6.0f} s  {message}")


@contextmanager
def machines(folder: Path, councils: tuple[str, ...], report: Report) -> Iterator[Machines]:
    """Start all servers and both workers for some councils."""
    for council in councils:
        council_folder = folder / "councils" / council.lower().replace(" ", "-")
        subprocess.run(
            [str(SCRIPTS / "spi"), "council", council, "--to", str(council_folder)], check=True, capture_output=True
        )
    council_list = "".join(f"  - {council_folder}\n" for council_folder in sorted((folder / "councils").iterdir()))
    (folder / "deployment.yaml").write_text(f"store: {BASE}\ncouncils:\n{council_list}", encoding="utf-8")
    with ExitStack() as stack:
        deployment = Machines(folder, stack.enter_context(serving_postgres()), report)
        stack.callback(deployment.stop)
        deployment.seaweed.start()
        deployment.start_redis()
        os.environ.update(deployment.environment("head"))
        with dg.DagsterInstance.get():  # creates the tables, or two processes would try to at once
            pass
        for name in WORKERS:
            deployment.start_worker(name)
        workspace = ("-m", "spi_pipeline.definitions", "-d", str(folder / "head"))
        deployment.start("daemon", str(SCRIPTS / "dagster-daemon"), "run", *workspace)
        yield deployment


def launch(names: list[str], deployment: Machines) -> None:
    """Launch a backfill of some councils through the web server, as the button in the UI does."""
    port = free_port()
    workspace = ("-m", "spi_pipeline.definitions", "-d", str(deployment.folder / "head"), "-p", str(port))
    deployment.start("web", str(SCRIPTS / "dagster-webserver"), "-h", "127.0.0.1", *workspace)
    query = "mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename } }"
    params = {"assetSelection": [{"path": [ASSET]}], "partitionNames": names, "fromFailure": False}
    body = json.dumps({"query": query, "variables": {"p": params}}).encode()
    request = Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    deployment.folder.joinpath("web.port").write_text(str(port), encoding="utf-8")
    deadline = time.monotonic() + 300
    while True:
        try:
            with urlopen(request, timeout=60) as response:
                result = json.load(response)
            assert result["data"]["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", result
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def wait(instance: dg.DagsterInstance, until: Callable[[list[dg.DagsterRun]], bool], what: str) -> list[dg.DagsterRun]:
    """Wait until a condition holds for the runs, and return them.

    Raises:
        TimeoutError: if it never holds.
    """
    end = time.monotonic() + PATIENCE
    while not until(runs := instance.get_runs()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: {[(run.tags.get('dagster/partition'), run.status.value) for run in runs]}")
        time.sleep(1)
    return runs


def computed(runs: list[dg.DagsterRun]) -> set[str]:
    done = dg.DagsterRunStatus.SUCCESS
    return {run.tags["dagster/partition"] for run in runs if run.status == done}


def disturb(deployment: Machines, names: list[str], *, whole: bool) -> None:
    """Launch a backfill; while it runs, kill a worker and, if ``whole``, Redis and the object store too."""
    with dg.DagsterInstance.get() as instance:
        launch(names, deployment)
        deployment.log_event(f"a backfill of {len(names)} councils is launched")
        begun = "copies/*/store/tables/*"
        wait(instance, lambda runs: any(deployment.folder.glob(f"*/{begun}")), "no run began")
        name = next(name for name in WORKERS if any((deployment.folder / name).glob(begun)))
        deployment.kill(name)
        deployment.log_event(f"worker {name} was killed in mid-run")
        if whole:
            deployment.kill("redis")
            deployment.start_redis()
            deployment.log_event("Redis was killed and restarted")
            deployment.seaweed.kill()
            deployment.log_event("the object store is gone")
            time.sleep(20)
            deployment.seaweed.start()
            deployment.log_event("the object store is back after 20 s")
        deployment.start_worker(name)
        deployment.log_event(f"worker {name} is back")
        runs = wait(instance, lambda runs: computed(runs) == set(names), "not every council came to its end")
        for run in reversed(runs):
            events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            resumed = ", resumed" if any("Resuming run" in event.message for event in events) else ""
            deployment.log_event(f"run of {run.tags.get('dagster/partition')}: {run.status.value}{resumed}")


def tables(store: Store) -> dict[str, str]:
    """The digest of each current table."""
    return {name: version.sha256 for name, version in store.versions().items()}


def differences(deployment: Machines, names: list[str]) -> list[str]:
    """Tables that the workers and a single process compute differently for the same council, and any damage."""
    problems = []
    for name in names:
        council, alone = deployment.folder / "councils" / name, deployment.folder / "alone" / name
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("SPI_", "DAGSTER_"))}
        environment |= {"SPI_COUNCIL": str(council), "SPI_STORE": str(alone)}
        began = time.monotonic()
        subprocess.run([str(SCRIPTS / "spi"), "refresh", "--json"], env=environment, check=True, capture_output=True)
        copy = Copy(f"{BASE}/{name}", deployment.folder / "reader")
        copy.folder.mkdir(parents=True)
        copy.download()
        one, many = tables(Store(alone)), tables(Store(copy.root))
        wrong = sorted(table for table in one.keys() | many.keys() if one.get(table) != many.get(table))
        damage = Store(copy.root).damage(deep=True)
        problems += [f"{name}: {table} differs" for table in wrong] + damage
        deployment.log_event(
            f"{name}: {len(one) - len(wrong)} of {len(one)} tables equal, alone in {time.monotonic() - began:.0f} s"
        )
    return problems


def main(councils: tuple[str, ...], *, whole: bool, report: Report, keep: Path | None = None) -> list[str]:
    """Run everything; return the tables that differ and any damage.

    Args:
        councils: their names.
        whole: inject all faults; otherwise only kill a worker.
        report: receives a line for each event.
        keep: a folder for everything, which is not deleted afterwards.
    """
    before: Mapping[str, str] = dict(os.environ)
    with TemporaryDirectory(prefix="spi-machines-") as temporary:
        try:
            with machines(keep or Path(temporary), councils, report) as deployment:
                names = sorted(council_folder.name for council_folder in (deployment.folder / "councils").iterdir())
                disturb(deployment, names, whole=whole)
                return differences(deployment, names)
        finally:
            os.environ.clear()
            os.environ.update(before)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("councils", nargs="*", default=COUNCILS)
    parser.add_argument("--keep", type=Path, help="folder for everything, with the logs, which stays")
    arguments = parser.parse_args()
    lost = main(tuple(arguments.councils), whole=True, report=lambda line: print(line, flush=True), keep=arguments.keep)
    print("\n".join(lost) or "Nothing was lost, doubled or otherwise.")
    sys.exit(bool(lost))
