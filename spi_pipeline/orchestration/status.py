"""What ``spi status`` says: the state of the store and of the daemon, from outside either.

A dead daemon cannot speak: a probe asks ``spi status --json`` and looks at ``healthy``, or at the exit code.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spi_pipeline.alerts.delivery import understood
from spi_pipeline.alerts.desk import waiting
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.alerting import alert_channels
from spi_pipeline.orchestration.runs import RUN, launched, recorded
from spi_pipeline.orchestration.watchdog import existing_instance, tickers
from spi_pipeline.outputs.queries import reading, rows
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.freshness import overdue
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import damaged
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

LAST_RUNS = 5
# A message that no channel took for so long is trouble of its own.
UNHEARD = dt.timedelta(hours=1)


def status_of(settings: Settings, now: dt.datetime | None = None) -> dict[str, Any]:
    """The state of the store.

    Args:
        settings: where it is.
        now: the moment; the clock's when left out.

    Returns:
        ``healthy``; ``trouble`` (why it is not, in sentences); ``store``; ``damage`` (what does not hold the bytes that
        were written, in sentences); ``published`` (version); ``editions``;
        ``stale_steps`` (what a refresh would run); ``stale_tables`` (last good versions kept because a newer one was
        refused); ``overdue_sources`` (older than their publisher's calendar lets one expect); ``tickers`` (schedules
        and sensors that are on, with the age of their last tick); ``alerts_waiting`` (by channel); ``alerts_fault``
        (why nobody can be told); ``last_run`` and ``runs``, newest first, those of the command and those of the UI,
        schedules and sensors, with the cause where one failed. Ages are in seconds.
    """
    now = now or dt.datetime.now(dt.UTC)
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    store = runner.store
    editions: list[int] = []
    damage = damage_of(runner)
    if store.database.exists() and store.published_version():
        with reading(store.database) as connection:
            editions = [row["edition"] for row in rows(connection, "SELECT DISTINCT edition FROM edition ORDER BY 1")]
    with existing_instance(store) as instance:
        runs = _runs(store, instance, now)
        ticking = tickers(instance, now) if instance else []
    channels, fault = _channels(settings, contracts)
    found: dict[str, Any] = {
        "store": str(store.root),
        "damage": damage,
        "published": store.published_version(),
        "editions": editions,
        "stale_steps": [step.label for step in due_steps(build_plan(contracts), runner)],
        "stale_tables": [
            {"table": version.name, "written_at": version.written_at, "since": version.stale_since,
             "reason": version.stale_reason}
            for version in store.whole_versions().values()
            if version.stale_since
        ],
        "overdue_sources": [
            {"source": source.id, "severity": result.rule.severity, "observed": result.observed}
            for source, result in overdue(settings, runner.reader, now)
        ],
        "tickers": [
            {"name": ticker.name, "kind": ticker.kind, "last_tick": ticker.last and _text(ticker.last),
             "age_seconds": ticker.last and _age(ticker.last, now), "trouble": ticker.trouble}
            for ticker in ticking
        ],
        "alerts_waiting": [
            {"channel": name, "messages": count, "since": since, "refusal": refusal}
            for name, count, since, refusal in waiting(store.alerts)
            if name in channels or not channels
        ],
        "alerts_fault": fault,
        "last_run": runs[0] if runs else None,
        "runs": runs,
    }  # fmt: skip
    trouble = _trouble(found, now)
    return {"healthy": not trouble, "trouble": trouble} | found


def _channels(settings: Settings, contracts: Contracts) -> tuple[set[str], str]:
    """The channels there are, and why they cannot be understood; a probe that is told of none asks for all."""
    try:
        found = alert_channels(settings, contracts)
    except SpiError as error:
        return set(), str(error)
    odd = [channel.name for channel in found if not understood(channel)]
    why = f"the URL of alert channel {', '.join(odd)} is not understood; compare it with Apprise's list of services"
    return {channel.name for channel in found}, why if odd else ""


def _trouble(found: dict[str, Any], now: dt.datetime) -> list[str]:
    """Everything that is not as it should be, in sentences."""
    trouble = []
    trouble += found["damage"]
    if not found["published"] and not found["damage"]:
        trouble.append("nothing is published yet; run spi refresh")
    last = found["last_run"]
    verb = {"failed": "failed", "stopped": "was stopped", "killed": "was killed"}.get(last["state"]) if last else None
    if last and verb:
        why = f": {last['cause']}" if last["cause"] else ""
        trouble.append(f"the last run, {last['run_id']} by {last['launched_by']}, {verb}{why}")
    trouble += [f"table {item['table']} is stale since {item['since']}" for item in found["stale_tables"]]
    for item in found["overdue_sources"]:
        if item["severity"] == "error":
            trouble.append(f"source {item['source']} is overdue: {item['observed']}")
    for item in found["tickers"]:
        if item["trouble"]:
            trouble.append(f"the {item['kind']} {item['name']} does not tick: {item['trouble']}")
    if found["alerts_fault"]:
        trouble.append(f"nobody can be told: {found['alerts_fault']}")
    for item in found["alerts_waiting"]:
        if now - dt.datetime.fromisoformat(item["since"]) > UNHEARD:
            told = f"{item['messages']} alerts wait for channel {item['channel']} since {item['since']}"
            trouble.append(f"{told}: {item['refusal']}")
    return trouble


def _runs(store: Store, instance: DagsterInstance | None, now: dt.datetime) -> list[dict[str, Any]]:
    """The last runs, newest first, whoever started them."""
    known = store.run_stamps(RUN)
    records = instance.get_run_records(limit=LAST_RUNS + len(known)) if instance else []
    others = [record for record in records if record.dagster_run.run_id not in known][:LAST_RUNS]
    runs = [*recorded(store, known), *(launched(record, instance, store) for record in others if instance)]
    told = ("run_id", "seconds", "state", "stale_steps", "failed_checks", "launched_by", "cause")
    return [
        {"run_at": _text(run.began), "age_seconds": _age(run.began, now)} | {name: getattr(run, name) for name in told}
        for run in sorted(runs, key=lambda run: run.began, reverse=True)[:LAST_RUNS]
    ]


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _age(moment: dt.datetime, now: dt.datetime) -> int:
    return int((now - moment).total_seconds())


def damage_of(runner: Runner, *, deep: bool = False) -> list[str]:
    """What does not hold the bytes that were written, a sentence each with what to do.

    Args:
        runner: knows the store and the snapshot.
        deep: look at everything: also downloads, what runs recorded, quarantine, and the program itself.
    """
    found = [*damaged(runner.settings.snapshot), *runner.store.damage(deep=deep)]
    home = runner.store.dagster_home
    if home.is_dir() and not os.environ.get("DAGSTER_HOME"):
        from spi_pipeline.orchestration.history import damage

        found += [f"{told}; spi refresh sets it aside and begins a new one" for told in damage(home)]
    return [*found, *(_of_package() if deep else [])]


def _of_package() -> list[str]:
    """Files of the installed program that differ from its list of them; in a checkout there is no such list."""
    found = []
    for file in distribution("spi-pipeline").files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        place = Path(file.locate())
        data = place.read_bytes() if place.is_file() else b""
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if digest != file.hash.value:
            found.append(f"{place} is not the file that was installed: install spi-pipeline again")
    return found
