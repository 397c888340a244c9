"""What runs without anybody asking: refreshes, at a time of day or on a publisher's news, and the look for alerts.

What is refreshed, and how, is the job's; what is told is for ``alerting``. Nothing here fetches figures.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from spi_pipeline.contracts.errors import SettingError, SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.asset_checks import evaluation, in_time, is_renewed
from spi_pipeline.orchestration.assets import asset_key
from spi_pipeline.orchestration.instance import close_abandoned_runs
from spi_pipeline.orchestration.runs import REFRESH
from spi_pipeline.orchestration.watching.alerting import look
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
# The schedule of all of them.
EVERYTHING = "everything"
_HOURLY = 3600
LOOK_SECONDS = 30
# What a run was launched for, and the last word of each publisher that it goes by.
WHY_TAG, NEWS_TAG = "spi/why", "news/"
# Of a word, so much: a tag is no place for a page.
_WORD = 60
UNFAILED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def schedules(runner: Runner, plan: Sequence[Step]) -> list[dg.ScheduleDefinition]:
    """One schedule for everything, and one for each cadence; none in snapshot mode, where nothing new can come.

    All are off until somebody switches them on in the UI.

    Raises:
        SettingError: for a time that is none.
    """
    if not runner.publishers:
        return []
    by_pace: dict[str, list[str]] = {EVERYTHING: []}
    for source in runner.contracts.sources.values():
        if source.properties.mode == "live" and source.id not in runner.contracts.dormant:
            by_pace.setdefault(_PACES[cadence(source)], []).append(source.id)
            by_pace[EVERYTHING].append(source.id)
    return [_schedule(name, by_pace[name], runner, plan) for name in (EVERYTHING, *_PACES.values()) if name in by_pace]


def _schedule(name: str, source_ids: Sequence[str], runner: Runner, plan: Sequence[Step]) -> dg.ScheduleDefinition:
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        close_abandoned_runs(context.instance, runner.store)
        return _look(context.instance, source_ids, runner, plan, everything=name == EVERYTHING)

    setting = f"schedule_{name}"
    which = "all live sources" if name == EVERYTHING else ", ".join(source_ids)
    try:
        return dg.ScheduleDefinition(
            name=f"refresh_{name}",
            job_name=REFRESH,
            cron_schedule=getattr(runner.settings, setting),
            execution_timezone="Europe/London",
            execution_fn=tick,
            description=f"Asks for {which}, as far as they are due, and computes what follows from what is new.",
        )
    except dg.DagsterInvalidDefinitionError as error:
        said = " ".join(str(error).split())
        raise SettingError(f"SPI_{setting.upper()}={getattr(runner.settings, setting)!r} is no time: {said}") from None


def _look(
    instance: dg.DagsterInstance, source_ids: Sequence[str], runner: Runner, plan: Sequence[Step], *, everything: bool
) -> dg.RunRequest | dg.SkipReason:
    """What there is to do now: ask for sources that may be new, and compute what is stale; else why there is nothing.

    A publisher that tells of its last change is asked for its figures on a new word, any other once its cadence has
    passed: what cannot be told from outside must be asked for.
    """
    told, silent = _told(runner, source_ids)
    why: dict[str, str] = {}
    tags: dict[str, str] = {}
    for source_id in source_ids:
        reason = _reason(source_id, told.get(source_id), instance, runner)
        if reason:
            why[source_id] = reason
            tags |= {f"{NEWS_TAG}{source_id}": told[source_id][:_WORD]} if source_id in told else {}
    wanted = set(affected(plan, list(why)))
    stale = [step for step in due_steps(plan, runner) if step.cadence is None and step not in wanted]
    stale = stale if everything else []
    if not wanted and not stale:
        counts = f"{counted(len(source_ids) - len(told), 'source')} asked within their cadence"
        return dg.SkipReason("; ".join([f"nothing is due: {counts}, {len(told)} without news", *silent]))
    reasons = [f"{source_id}: {reason}" for source_id, reason in why.items()]
    reasons += [f"stale: {listing([step.label for step in stale], 3)}"] if stale else []
    return dg.RunRequest(
        asset_selection=[asset_key(step) for step in plan if step in wanted or step in stale],
        asset_check_keys=[],
        tags=tags | {WHY_TAG: listing(reasons, 5)},
    )


def _reason(source_id: str, word: str | None, instance: dg.DagsterInstance, runner: Runner) -> str:
    """Why a source is to be asked for now, in words; empty where it is not."""
    version = runner.store.current(f"{DOWNLOADS}{source_id}")
    if version is None:
        return "never had"
    if version.stale_since:
        return "failed the last time"
    if word is not None:
        known = dg.RunsFilter(tags={f"{NEWS_TAG}{source_id}": word[:_WORD]}, statuses=UNFAILED)
        return "" if instance.get_runs_count(known) else f"its publisher says {word[:_WORD]}"
    passed = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(version.written_at)
    # By half: a refresh ends some minutes after the tick it began with, and a day later those must not count. What is
    # dated after now was dated by a clock that was wrong.
    within = dt.timedelta() <= passed <= cadence(runner.contracts.sources[source_id]) / 2
    return "" if within else f"last asked {version.written_at[:16]}"


def news(runner: Runner, plan: Sequence[Step]) -> dg.SensorDefinition:
    """Asks the publishers that tell of their last change, and requests the refresh of what changed.

    The cursor holds each one's last word. A publisher that cannot be asked is asked again the next time.
    """

    @dg.sensor(
        name="publishers_news",
        job_name=REFRESH,
        minimum_interval_seconds=_HOURLY,
        description="data.police.uk and Fingertips say when they last changed; a new word refreshes their sources.",
    )
    def publishers_news(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        known: dict[str, str] = json.loads(context.cursor or "{}")
        close_abandoned_runs(context.instance, runner.store)
        told, silent = _told(runner, runner.contracts.fetched)
        changed = sorted(name for name, word in told.items() if known.get(name) != word)
        for reason in silent:
            context.log.warning(reason)
        if not changed:
            return dg.SkipReason("; ".join(silent) or "no publisher has news")
        selected = affected(plan, changed)
        words = {name: told[name] for name in changed}
        request = dg.RunRequest(
            run_key=json.dumps(words, sort_keys=True),
            asset_selection=[asset_key(step) for step in selected],
            asset_check_keys=[],
            tags={f"{NEWS_TAG}{name}": word[:_WORD] for name, word in words.items()}
            | {WHY_TAG: listing([f"{name}: its publisher says {word[:_WORD]}" for name, word in words.items()], 5)},
        )
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(known | words, sort_keys=True))

    return publishers_news


def affected(plan: Sequence[Step], source_ids: Sequence[str]) -> list[Step]:
    """The steps that ask for sources and every step that reads from them, however indirectly, in order."""
    return downstream(plan, {f"{DOWNLOADS}{name}" for name in source_ids} | set(source_ids))


def _told(runner: Runner, source_ids: Iterable[str]) -> tuple[Mapping[str, str], list[str]]:
    """What each publisher that says anything says, and why others could not be asked."""
    told, silent = dict[str, str](), list[str]()
    for source_id in sorted(runner.contracts.fetched.intersection(source_ids)) if runner.publishers else ():
        try:
            word = runner.publishers.news(source_id) if runner.publishers else None
        except SpiError as error:
            silent.append(str(error))
        else:
            told |= {source_id: word} if word is not None else {}
    return told, silent


def alerts_sensor(settings: Settings, contracts: Contracts) -> dg.SensorDefinition:
    """The sensor ``alerts``, switched on where an alert channel is set up.

    It finds the runs that ended, green, red or stopped, and their checks by itself: what Dagster tells a sensor of a
    run's status is lost while the sensor is off.
    """
    wanted = bool(settings.alert_urls.get_secret_value() or settings.alert_channels)
    status = dg.DefaultSensorStatus.RUNNING if wanted else dg.DefaultSensorStatus.STOPPED
    described = "Sends alerts about what fails, goes stale or falls silent; see docs/alerts.md."

    @dg.sensor(name="alerts", minimum_interval_seconds=LOOK_SECONDS, default_status=status, description=described)
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        close_abandoned_runs(context.instance, Store(settings.store))
        refusals = look(settings, contracts)
        said = "; ".join(f"channel {name} did not accept a message: {why}" for name, why in refusals.items())
        return dg.SkipReason(said or ("looked" if wanted else "no alert channel is set up: set SPI_ALERT_URLS"))

    return alerts


def overdue_sensor(runner: Runner, plan: Sequence[Step]) -> dg.SensorDefinition:
    """Evaluates the check ``fresh`` of each source between runs, where it says something else than before.

    Without it the check says what was so at the last run: figures grow old while no run looks at them.
    """
    renewed = {step.name: asset_key(step) for step in plan if step.kind == "source" and is_renewed(step)}

    @dg.sensor(
        name="overdue",
        minimum_interval_seconds=_HOURLY,
        description="Evaluates the check fresh of sources whose figures have become too old, or are no longer.",
    )
    def overdue(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        known, now = json.loads(context.cursor or "{}"), dt.datetime.now(dt.UTC)
        late = {source.id: result for source, result in overdue_sources(runner.settings, runner.reader, now)}
        told = {name: result.rule.severity for name, result in late.items() if name in renewed}
        changed = sorted(name for name in known.keys() | told.keys() if known.get(name) != told.get(name))
        if not changed:
            return dg.SkipReason(f"{len(told)} sources are overdue, as before")
        sources = runner.contracts.sources
        results = {
            name: late.get(name) or judge_freshness(sources[name], runner.settings, runner.reader, now)
            for name in changed
            if name in renewed
        }
        events = [evaluation(in_time(result, renewed[name])) for name, result in results.items()]
        return dg.SensorResult(asset_events=events, cursor=json.dumps(told, sort_keys=True))

    return overdue
