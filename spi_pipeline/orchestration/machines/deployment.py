"""Many councils as one Dagster asset with a partition for each: the unit of work is one council's whole run.

A run does what a person would do, ``spi refresh`` on the council's folder and store, in a separate process: a Dagster
run within a Dagster run would share its signals and logs. The history of the inner run stays in the working copy on
the machine that ran it; in this instance each council is one line.
"""

import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from spi_pipeline.contracts.errors import Fault, SettingError, SpiError
from spi_pipeline.contracts.reading.documents import read_document, validate
from spi_pipeline.orchestration.runs import REFRESH
from spi_pipeline.outputs.queries import ward_table
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings
from spi_pipeline.storage.places import store_of
from spi_pipeline.storage.shared.objects import URL
from spi_pipeline.storage.store import Store

ASSET, CHECK = "council_index", "rules"
# A process that was killed is tried again after so many seconds.
_RETRY_AFTER_S = 30
_COMMAND = (sys.executable, "-c", "from spi_pipeline.cli import main; main()", REFRESH, "--json", "--wait")
# The number of final lines of output quoted for a process that died.
_LAST_LINES = 5


class Deployment(BaseModel):
    """The councils of a deployment.

    Attributes:
        store: the folder or address that holds each council's store, under the name of the council's folder.
        councils: the councils' folders, as ``spi council`` makes them, relative to the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str
    councils: list[Path] = Field(min_length=1)

    @classmethod
    def read(cls, file: Path) -> "Deployment":
        """Read the deployment from a file, with paths relative to the file's folder.

        Raises:
            SettingError: if the file cannot be read, names something that is not a folder, or names two folders of one
                name.
        """
        faults: list[Fault] = []
        document = read_document(file, str(file), faults)
        declared = validate(cls, document, document.data, (), faults) if document else None
        if declared is None:
            raise SettingError("; ".join(map(str, faults)))
        folders = [(file.parent / folder).resolve() for folder in declared.councils]
        for folder in folders:
            if not folder.is_dir():
                raise SettingError(f"{file} names {folder}, which is not a folder: make it with spi council")
        names = [folder.name for folder in folders]
        if double := {name for name in names if names.count(name) > 1}:
            raise SettingError(f"{file} lists two folders called {min(double)}, which would share a store: rename one")
        store = declared.store if URL.match(declared.store) else str((file.parent / declared.store).resolve())
        return cls(store=store, councils=folders)

    @property
    def settings(self) -> dict[str, Settings]:
        """The settings of each council, by the name of its folder."""
        names = {folder.name: folder for folder in self.councils}
        return {name: Settings(council=folder, store=store_of(self.store, name)) for name, folder in names.items()}


def build_deployment(settings: Settings) -> dg.Definitions:
    """One asset with a partition for each council of ``settings.deployment``, a job and a schedule for all of them.

    Raises:
        SettingError: if the deployment's file has a fault.
    """
    if settings.deployment is None:
        raise SettingError("SPI_DEPLOYMENT names no file")
    deployment = Deployment.read(settings.deployment)
    councils = [folder.name for folder in deployment.councils]

    partitions = dg.StaticPartitionsDefinition(councils)
    description = "Whether every source could be read and every table kept its rules."
    with warnings.catch_warnings():  # Dagster marks checks by partition as a preview
        warnings.simplefilter("ignore", dg.PreviewWarning)
        check = dg.AssetCheckSpec(CHECK, asset=ASSET, description=description, partitions_def=partitions)

    @dg.asset(
        name=ASSET,
        partitions_def=partitions,
        check_specs=[check],
        retry_policy=dg.RetryPolicy(max_retries=2, delay=_RETRY_AFTER_S),
        description="The index of each council's wards, with everything made from it, in the council's own store.",
    )
    def council_index(context: dg.AssetExecutionContext) -> Iterator[Any]:
        folder = next(each for each in deployment.councils if each.name == context.partition_key)
        yield from _refresh_council(folder, store_of(deployment.store, folder.name))

    job = dg.define_asset_job(REFRESH, [council_index], description="Runs spi refresh for each selected council.")

    @dg.schedule(job=job, cron_schedule=settings.schedule_everything, execution_timezone="Europe/London")
    def every_council(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        """Request a run for each council; off until somebody switches it on."""
        for council in councils:
            yield dg.RunRequest(f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M} {council}", partition_key=council)

    return dg.Definitions(
        assets=[council_index], jobs=[job], schedules=[every_council], executor=dg.in_process_executor
    )


def _refresh_council(folder: Path, store: str) -> Iterator[Any]:
    """Refresh one council, and yield its check result and materialization.

    Raises:
        dg.Failure: if something was refused or broke; the check says what. Dagster retries if the process was killed.
    """
    own = {name: value for name, value in os.environ.items() if name not in ("DAGSTER_HOME", "SPI_DEPLOYMENT")}
    code, output, errors = _run(own | {"SPI_COUNCIL": str(folder), "SPI_STORE": store, "PYTHONSAFEPATH": "1"})
    try:
        done = json.loads(output)
    except ValueError:
        reason = "; ".join(errors.strip().splitlines()[-_LAST_LINES:]) or signal.strsignal(-code) or f"exit code {code}"
        raise dg.Failure(f"{folder.name}: {reason}", allow_retries=code < 0) from None
    facts = {**done["quality"], "faults": done["faults"], "warnings": len(done["warnings"])}
    yield dg.AssetCheckResult(
        passed=not done["faults"], asset_key=ASSET, check_name=CHECK, metadata=facts, description=_counts(done)
    )
    if done["faults"]:
        raise dg.Failure(f"{folder.name}: {'; '.join(done['faults'])}", allow_retries=False)
    yield dg.MaterializeResult(asset_key=ASSET, metadata=_metadata(done, Settings(council=folder, store=store)))


def _run(environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run the command; stopping the Dagster run stops the command too."""
    with subprocess.Popen(
        _COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return process.returncode, output, errors


def _counts(done: Mapping[str, Any]) -> str:
    failed, warnings = done["quality"].get("failed", 0), len(done["warnings"])
    return f"{counted(len(done['faults']), 'fault')}; {counted(failed, 'rule')} failed, {counted(warnings, 'warning')}"


def _metadata(done: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The metadata of a council's materialization."""
    try:
        table = ward_table(Store(settings.store).database)
    except SpiError as error:
        return {"wards": str(error)}
    wards = [row for row in table.rows if row["level"] == "ward"]
    lines = ["| ward | score | rank |", "| --- | --- | --- |"]
    lines += [f"| {row['area_name']} | {row['score'] or 0:.1f} | {row['rank'] or ''} |" for row in wards]
    return {
        "wards": dg.MetadataValue.md("\n".join(lines)),
        "dagster/row_count": len(wards),
        "edition": table.edition,
        "steps run": len(done["stale"]),
        "seconds": done["seconds"],
        "inner run": done["run_id"],
    }
