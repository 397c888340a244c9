"""Schedules and sensors: refreshes at a time of day or on a publisher's news, alerts, and the check of overdue sources.

The job decides what a refresh computes, and how; ``alerting`` decides which alerts are sent. Nothing here fetches
figures.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from spi_pipeline.contracts.errors import SettingError, SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.asset_checks import evaluation, freshness_result, is_renewed
from spi_pipeline.orchestration.assets import asset_key
from spi_pipeline.orchestration.instance import close_abandoned_runs
from spi_pipeline.orchestration.runs import REFRESH
from spi_pipeline.orchestration.watching.alerting import check_and_alert
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.freshness import judge_freshness
from spi_pipeline.run.freshness import overdue as overdue_sources
from spi_pipeline.run.plan import downstream
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.sources.cadence import DAILY, MONTHLY, WEEKLY, cadence
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.store import Store

_PACES = {DAILY: "daily", WEEKLY: "weekly", MONTHLY: "monthly"}
# The schedule of all live sources.
EVERYTHING = "everything"
_HOURLY = 3600
LOOK_SECONDS = 30
# The tag with the reasons for a run, and the prefix of the tags with each publisher's latest change.
WHY_TAG, NEWS_TAG = "spi/why", "news/"
# The most characters of a publisher's latest change that go into a tag.
_TAG_LENGTH = 60
UNFAILED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def schedules(runner: Runner, plan: Sequence[Step]) -> list[dg.ScheduleDefinition]:
    """One schedule for everything, and one for each cadence; none in snapshot mode, which has no new data.

    All are off until somebody switches them on in the UI.

    Raises:
        SettingError: if a setting is not a valid cron expression.
    """
    if not runner.publishers:
        return []
    by_pace: dict[str, list[str]] = {EVERYTHING: []}
    for source in runner.contracts.sources.values():
        if source.properties.mode == "live" and source.id not in runner.contracts.unavailable:
            by_pace.setdefault(_PACES[cadence(source)], []).append(source.id)
            by_pace[EVERYTHING].append(source.id)
    return [_schedule(name, by_pace[name], runner, plan) for name in (EVERYTHING, *_PACES.values()) if name in by_pace]


def _schedule(name: str, source_ids: Sequence[str], runner: Runner, plan: Sequence[Step]) -> dg.ScheduleDefinition:
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        close_abandoned_runs(context.instance, runner.store)
        return _due_now(context.instance, source_ids, runner, plan, everything=name == EVERYTHING)

    setting = f"schedule_{name}"
    which = "all live sources" if name == EVERYTHING else ", ".join(source_ids)
    try:
        return dg.ScheduleDefinition(
            name=f"refresh_{name}",
            job_name=REFRESH,
            cron_schedule=getattr(runner.settings, setting),
            execution_timezone="Europe/London",
            execution_fn=tick,
            description=f"Fetches {which} where due, and computes everything that depends on new data.",
        )
    except dg.DagsterInvalidDefinitionError as error:
        message = " ".join(str(error).split())
        raise SettingError(
            f"SPI_{setting.upper()}={getattr(runner.settings, setting)!r} is not a valid time: {message}"
        ) from None


def _due_now(
    instance: dg.DagsterInstance, source_ids: Sequence[str], runner: Runner, plan: Sequence[Step], *, everything: bool
) -> dg.RunRequest | dg.SkipReason:
    """Request a run that fetches sources that may have changed and computes stale steps; else say why there is none.

    If a publisher announces its changes, its sources are fetched when it announces a new one. All other sources are
    fetched once their cadence has passed, since only a fetch shows whether they changed.
    """
    changes, unanswered = _latest_changes(runner, source_ids)
    why: dict[str, str] = {}
    tags: dict[str, str] = {}
    for source_id in source_ids:
        reason = _reason(source_id, changes.get(source_id), instance, runner)
        if reason:
            why[source_id] = reason
            tags |= {f"{NEWS_TAG}{source_id}": changes[source_id][:_TAG_LENGTH]} if source_id in changes else {}
    wanted = set(affected(plan, list(why)))
    stale = [step for step in due_steps(plan, runner) if step.cadence is None and step not in wanted]
    stale = stale if everything else []
    if not wanted and not stale:
        counts = f"{counted(len(source_ids) - len(changes), 'source')} fetched within their cadence"
        return dg.SkipReason("; ".join([f"nothing is due: {counts}, {len(changes)} without news", *unanswered]))
    reasons = [f"{source_id}: {reason}" for source_id, reason in why.items()]
    reasons += [f"stale: {listing([step.label for step in stale], 3)}"] if stale else []
    return dg.RunRequest(
        asset_selection=[asset_key(step) for step in plan if step in wanted or step in stale],
        asset_check_keys=[],
        tags=tags | {WHY_TAG: listing(reasons, 5)},
    )


def _reason(source_id: str, change: str | None, instance: dg.DagsterInstance, runner: Runner) -> str:
    """Why a source is due for a fetch now, in words; empty if it is not due."""
    version = runner.store.current(f"{DOWNLOADS}{source_id}")
    if version is None:
        return "never fetched"
    if version.stale_since:
        return "the last fetch failed"
    if change is not None:
        known = dg.RunsFilter(tags={f"{NEWS_TAG}{source_id}": change[:_TAG_LENGTH]}, statuses=UNFAILED)
        return "" if instance.get_runs_count(known) else f"its publisher says {change[:_TAG_LENGTH]}"
    passed = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(version.written_at)
    # Half the cadence: a refresh ends some minutes after its tick, and those minutes must not put off the next day's
    # fetch. A date after now comes from a clock that was wrong.
    within = dt.timedelta() <= passed <= cadence(runner.contracts.sources[source_id]) / 2
    return "" if within else f"last fetched {version.written_at[:16]}"


def news(runner: Runner, plan: Sequence[Step]) -> dg.SensorDefinition:
    """The sensor that queries publishers for their latest change, and requests a refresh of the sources that changed.

    The cursor holds the latest change of each source. A publisher that does not respond is queried again at the next
    tick.
    """

    @dg.sensor(
        name="publishers_news",
        job_name=REFRESH,
        minimum_interval_seconds=_HOURLY,
        description="data.police.uk and Fingertips publish when they last changed; a change refreshes their sources.",
    )
    def publishers_news(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        known: dict[str, str] = json.loads(context.cursor or "{}")
        close_abandoned_runs(context.instance, runner.store)
        changes, unanswered = _latest_changes(runner, runner.contracts.fetched)
        changed = sorted(name for name, change in changes.items() if known.get(name) != change)
        for reason in unanswered:
            context.log.warning(reason)
        if not changed:
            return dg.SkipReason("; ".join(unanswered) or "no publisher has news")
        selected = affected(plan, changed)
        new_changes = {name: changes[name] for name in changed}
        request = dg.RunRequest(
            run_key=json.dumps(new_changes, sort_keys=True),
            asset_selection=[asset_key(step) for step in selected],
            asset_check_keys=[],
            tags={f"{NEWS_TAG}{name}": change[:_TAG_LENGTH] for name, change in new_changes.items()}
            | {
                WHY_TAG: listing(
                    [f"{name}: its publisher says {change[:_TAG_LENGTH]}" for name, change in new_changes.items()], 5
                )
            },
        )
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(known | new_changes, sort_keys=True))

    return publishers_news


def affected(plan: Sequence[Step], source_ids: Sequence[str]) -> list[Step]:
    """The steps that fetch these sources and every step that reads from them, directly or indirectly, in order."""
    return downstream(plan, {f"{DOWNLOADS}{name}" for name in source_ids} | set(source_ids))


def _latest_changes(runner: Runner, source_ids: Iterable[str]) -> tuple[Mapping[str, str], list[str]]:
    """The latest change of each source whose publisher announces one, and why others could not be queried."""
    changes, unanswered = dict[str, str](), list[str]()
    for source_id in sorted(runner.contracts.fetched.intersection(source_ids)) if runner.publishers else ():
        try:
            change = runner.publishers.news(source_id) if runner.publishers else None
        except SpiError as error:
            unanswered.append(str(error))
        else:
            changes |= {source_id: change} if change is not None else {}
    return changes, unanswered


def alerts_sensor(settings: Settings, contracts: Contracts) -> dg.SensorDefinition:
    """The sensor ``alerts``, switched on by default if an alert channel is configured.

    It looks up ended runs (succeeded, failed or stopped) and their checks by itself, since a run status sensor misses
    every event that occurs while it is off.
    """
    wanted = bool(settings.alert_urls.get_secret_value() or settings.alert_channels)
    status = dg.DefaultSensorStatus.RUNNING if wanted else dg.DefaultSensorStatus.STOPPED
    described = "Sends alerts about failures, stale tables and silent schedules; see docs/alerts.md."

    @dg.sensor(name="alerts", minimum_interval_seconds=LOOK_SECONDS, default_status=status, description=described)
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        close_abandoned_runs(context.instance, Store(settings.store))
        refusals = check_and_alert(settings, contracts)
        outcome = "; ".join(f"channel {name} did not accept a message: {why}" for name, why in refusals.items())
        return dg.SkipReason(
            outcome
            or ("no channel refused a message" if wanted else "no alert channel is configured: set SPI_ALERT_URLS")
        )

    return alerts


def overdue_sensor(runner: Runner, plan: Sequence[Step]) -> dg.SensorDefinition:
    """The sensor that evaluates the check ``fresh`` of sources between runs, if its result has changed.

    Without this sensor the check would show the result of the last run, while figures grow old without a run.
    """
    renewed = {step.name: asset_key(step) for step in plan if step.kind == "source" and is_renewed(step)}

    @dg.sensor(
        name="overdue",
        minimum_interval_seconds=_HOURLY,
        description="Evaluates the check fresh of sources that have become overdue, or no longer are.",
    )
    def overdue(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        known, now = json.loads(context.cursor or "{}"), dt.datetime.now(dt.UTC)
        late = {source.id: result for source, result in overdue_sources(runner.settings, runner.reader, now)}
        severities = {name: result.rule.severity for name, result in late.items() if name in renewed}
        changed = sorted(name for name in known.keys() | severities.keys() if known.get(name) != severities.get(name))
        if not changed:
            return dg.SkipReason(f"{len(severities)} sources are overdue, as before")
        sources = runner.contracts.sources
        results = {
            name: late.get(name) or judge_freshness(sources[name], runner.settings, runner.reader, now)
            for name in changed
            if name in renewed
        }
        events = [evaluation(freshness_result(result, renewed[name])) for name, result in results.items()]
        return dg.SensorResult(asset_events=events, cursor=json.dumps(severities, sort_keys=True))

    return overdue
