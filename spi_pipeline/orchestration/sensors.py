"""What runs without anybody asking: refreshes, at a time of day or on a publisher's news, and the look for alerts.

What is refreshed, and how, is the job's; what is told is for ``alerting``. Nothing here fetches figures.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.alerting import look
from spi_pipeline.orchestration.asset_checks import evaluation, in_time, is_renewed
from spi_pipeline.orchestration.assets import asset_key
from spi_pipeline.orchestration.runs import REFRESH
from spi_pipeline.run.freshness import judge_freshness
from spi_pipeline.run.freshness import overdue as overdue_sources
from spi_pipeline.run.plan import downstream
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.sources.cadence import DAILY, MONTHLY, WEEKLY, cadence
from spi_pipeline.steps.step import Step

# After the publishers' own mornings; most publish at 9:30 or noon, and one day's delay matters to nobody.
_CRONS = {"daily": "30 4 * * *", "weekly": "30 4 * * MON", "monthly": "30 4 2 * *"}
_PACES = {DAILY: "daily", WEEKLY: "weekly", MONTHLY: "monthly"}
_HOURLY = 3600
LOOK_SECONDS = 30


def schedules(contracts: Contracts, plan: Sequence[Step]) -> list[dg.ScheduleDefinition]:
    """One schedule for each cadence: it asks for the live sources of that cadence and computes what reads from them.

    All are off until somebody switches them on in the UI.
    """
    by_pace: dict[str, list[str]] = {}
    for source in contracts.sources.values():
        if source.properties.mode == "live" and source.id not in contracts.dormant:
            by_pace.setdefault(_PACES[cadence(source)], []).append(source.id)
    return [_schedule(name, by_pace[name], plan) for name in _CRONS if name in by_pace]


def _schedule(name: str, source_ids: Sequence[str], plan: Sequence[Step]) -> dg.ScheduleDefinition:
    selected = [asset_key(step) for step in affected(plan, source_ids)]

    def request(_context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(asset_selection=selected, asset_check_keys=[])

    return dg.ScheduleDefinition(
        name=f"refresh_{name}",
        job_name=REFRESH,
        cron_schedule=_CRONS[name],
        execution_timezone="Europe/London",
        execution_fn=request,
        description=f"Asks for {', '.join(source_ids)}, and computes what follows from them.",
    )


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
        told, silent = _told(runner)
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
            tags={f"news/{name}": word[:60] for name, word in words.items()},
        )
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(known | words, sort_keys=True))

    return publishers_news


def affected(plan: Sequence[Step], source_ids: Sequence[str]) -> list[Step]:
    """The steps that ask for sources and every step that reads from them, however indirectly, in order."""
    return downstream(plan, {f"{DOWNLOADS}{name}" for name in source_ids} | set(source_ids))


def _told(runner: Runner) -> tuple[Mapping[str, str], list[str]]:
    """What each publisher that says anything says, and why others could not be asked."""
    told, silent = dict[str, str](), list[str]()
    for source_id in sorted(runner.contracts.fetched) if runner.publishers else ():
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
    def alerts() -> dg.SkipReason:
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
