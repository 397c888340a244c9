"""``spi status``: the state of the store and of the daemon, seen from outside both.

A dead daemon cannot report itself: a probe runs ``spi status --json`` and checks ``healthy``, or the exit code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spi_pipeline.alerts.delivery import is_supported
from spi_pipeline.alerts.manager import waiting
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.runs import KILLED, REFRESH, RUN, Run, recorded, run_from_dagster, unlisted_run
from spi_pipeline.orchestration.watching.alerting import alert_channels
from spi_pipeline.orchestration.watching.damage import damage_of
from spi_pipeline.orchestration.watching.watchdog import existing_instance, tickers
from spi_pipeline.outputs.queries import reading, rows
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.freshness import overdue, published, today
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

LAST_RUNS = 5
ENDED_WELL = ("succeeded", "nothing to do")
WENT_WRONG = {"failed": "failed", "stopped": "was stopped", KILLED: "was killed"}
# A message that a channel has not accepted for this long is trouble in itself.
UNDELIVERED_AFTER = dt.timedelta(hours=1)


def status_of(settings: Settings, now: dt.datetime | None = None) -> dict[str, Any]:
    """The state of the store.

    Args:
        settings: the settings, which name the store.
        now: the moment; the clock's when left out.

    Returns:
        ``healthy``; ``trouble`` (sentences that say why not); ``store``; ``damage`` (sentences about files that do not
        hold the bytes that were written); ``published`` (version); ``editions``; ``stale_steps`` (those that a refresh
        would run); ``stale_tables`` (last good versions kept because a newer one was refused); ``tables`` (their rows
        and age); ``overdue_sources`` (overdue by their publisher's calendar); ``sources`` (the age of their figures in
        days); ``tickers`` (schedules and sensors that are on, with the age of their last tick); ``alerts_waiting`` (by
        channel); ``alerts_fault`` (why no alert can be sent); ``last_run`` and ``runs``, newest first, those of the
        command and those of the UI, schedules and sensors, with the cause of each failure. Ages are in seconds unless
        their name says days.
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
    versions = store.undamaged_versions()
    late = {source.id: result for source, result in overdue(settings, runner.reader, now)}
    day = today(settings, runner.reader, now) if versions else now.date()
    status: dict[str, Any] = {
        "store": str(store.root),
        "damage": damage,
        "published": store.published_version(),
        "editions": editions,
        "stale_steps": [step.label for step in due_steps(build_plan(contracts), runner)],
        "stale_tables": [
            {"table": version.name, "written_at": version.written_at, "since": version.stale_since,
             "reason": version.stale_reason}
            for version in versions.values()
            if version.stale_since
        ],
        "tables": [
            {"table": version.name, "rows": version.rows, "stale": bool(version.stale_since),
             "age_seconds": _age(dt.datetime.fromisoformat(version.written_at), now)}
            for version in versions.values()
        ],
        "overdue_sources": [
            {"source": source_id, "severity": result.rule.severity, "observed": result.observed}
            for source_id, result in late.items()
        ],
        "sources": [
            {"source": source_id, "age_days": (day - appeared).days, "overdue": source_id in late}
            for source_id in contracts.sources
            if source_id in versions and (appeared := published(runner.reader.origins(source_id)))
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
        "last_run": _run_facts(runs[0], now) if runs else None,
        "runs": [_run_facts(run, now) for run in runs[:LAST_RUNS]],
    }  # fmt: skip
    trouble = _trouble(status, _failing(runs), now)
    return {"healthy": not trouble, "trouble": trouble} | status


def _channels(settings: Settings, contracts: Contracts) -> tuple[set[str], str]:
    """The names of the configured channels, and why they are not valid; without names, all channels count."""
    try:
        configured = alert_channels(settings, contracts)
    except SpiError as error:
        return set(), str(error)
    invalid = [channel.name for channel in configured if not is_supported(channel)]
    why = f"the URL of alert channel {', '.join(invalid)} is not understood; compare it with Apprise's list of services"
    return {channel.name for channel in configured}, why if invalid else ""


def _trouble(status: dict[str, Any], failing: Sequence[Run], now: dt.datetime) -> list[str]:
    """Sentences about everything that is not as it should be."""
    trouble = []
    trouble += status["damage"]
    if not status["published"] and not status["damage"]:
        trouble.append("nothing is published yet; run spi refresh")
    for run in failing:
        which = "the last run" if run.run_id == status["last_run"]["run_id"] else f"the last run {run.name}"
        why = f": {run.cause}" if run.cause else ""
        trouble.append(f"{which}, {run.run_id} by {run.launched_by}, {WENT_WRONG[run.state]}{why}")
    trouble += [f"table {item['table']} has been stale since {item['since']}" for item in status["stale_tables"]]
    for item in status["overdue_sources"]:
        if item["severity"] == "error":
            trouble.append(f"source {item['source']} is overdue: {item['observed']}")
    for item in status["tickers"]:
        if item["trouble"]:
            trouble.append(f"the {item['kind']} {item['name']} does not tick: {item['trouble']}")
    if status["alerts_fault"]:
        trouble.append(f"no alert can be sent: {status['alerts_fault']}")
    for item in status["alerts_waiting"]:
        if now - dt.datetime.fromisoformat(item["since"]) > UNDELIVERED_AFTER:
            messages = f"{item['messages']} alerts have waited for channel {item['channel']} since {item['since']}"
            trouble.append(f"{messages}: {item['refusal']}")
    return trouble


def _runs(store: Store, instance: DagsterInstance | None, now: dt.datetime) -> list[Run]:
    """All runs of the command's list and the latest others from Dagster, newest first."""
    known = store.run_stamps(RUN)
    listed = [
        *recorded(store, known),
        *(own for going in store.runs_in_progress() if (own := unlisted_run(going, known))),
    ]
    known_ids = {run.run_id for run in listed}
    records = instance.get_run_records(limit=LAST_RUNS + len(known_ids)) if instance else []
    others = [record for record in records if record.dagster_run.run_id not in known_ids]
    runs = [*listed, *(run_from_dagster(record, instance, store) for record in others[:LAST_RUNS] if instance)]
    # A date after now comes from a clock that was wrong, and counts as older than all others.
    return sorted(runs, key=lambda run: (run.began <= now, run.began), reverse=True)


def _failing(runs: Sequence[Run]) -> list[Run]:
    """The failed runs that no later run made good, newest first.

    A complete refresh that succeeds makes all good; any other run that succeeds, the failures under its own name.
    """
    failing, seen = [], set[str]()
    for run in runs:
        if run.state in ENDED_WELL and run.name == REFRESH:
            break
        if run.state == "running" or run.name in seen:
            continue
        seen.add(run.name)
        if run.state in WENT_WRONG:
            failing.append(run)
    return failing


def _run_facts(run: Run, now: dt.datetime) -> dict[str, Any]:
    facts = ("run_id", "name", "seconds", "state", "stale_steps", "failed_checks", "requests", "launched_by", "cause")
    times = {"run_at": _text(run.began), "age_seconds": _age(run.began, now), "began_seconds": run.began.timestamp()}
    return times | {name: getattr(run, name) for name in facts}


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _age(moment: dt.datetime, now: dt.datetime) -> int:
    return int((now - moment).total_seconds())
