"""When live sources are refreshed without anybody asking: at a time of day, and when a publisher says it has news.

What is refreshed, and how, is the job's; nothing here fetches figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.assets import asset_key
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.runner import Runner

# After the publishers' own mornings; most publish at 9:30 or noon, and one day's delay matters to nobody.
_DAILY = "30 4 * * *"
_HOURLY = 3600


def daily(job: str) -> dg.ScheduleDefinition:
    """Every live source asked, and what follows from it computed, once a day; switched on in the UI."""
    return dg.ScheduleDefinition(
        name="refresh_daily",
        job_name=job,
        cron_schedule=_DAILY,
        execution_timezone="Europe/London",
        description="Asks every live publisher and computes what follows from it.",
    )


def news(job: str, runner: Runner, plan: Sequence[Step]) -> dg.SensorDefinition:
    """Asks the publishers that tell of their last change, and requests the refresh of what changed.

    The cursor holds each one's last word. A publisher that cannot be asked is asked again the next time.
    """

    @dg.sensor(
        name="publishers_news",
        job_name=job,
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
            tags={f"news/{name}": word[:60] for name, word in words.items()},
        )
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(known | words, sort_keys=True))

    return publishers_news


def affected(plan: Sequence[Step], source_ids: Sequence[str]) -> list[Step]:
    """The sources and every step that reads from them, however indirectly, in order."""
    changed = set(source_ids)
    chosen = []
    for step in plan:
        if (step.kind == "source" and step.name in changed) or changed.intersection(step.inputs):
            chosen.append(step)
            changed.update(step.outputs)
    return chosen


def _told(runner: Runner) -> tuple[Mapping[str, str], list[str]]:
    """What each publisher that says anything says, and why others could not be asked."""
    told, silent = {}, []
    if runner.live:
        for source_id, fetcher in sorted(runner.live.fetchers.items()):
            if fetcher.news is not None:
                try:
                    told[source_id] = runner.live.news(source_id)
                except SpiError as error:
                    silent.append(str(error))
    return told, silent
