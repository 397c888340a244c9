"""The age of sources as steps and status see it: when figures were published, and which day is today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.freshness import freshness
from spi_pipeline.contracts.tables import Source
from spi_pipeline.orchestration.reader import Reader
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from spi_pipeline.orchestration.runner import Outcome, Runner

# Dagster knows no shorter one.
SHORTEST_WINDOW = dt.timedelta(minutes=1)


def today(settings: Settings, reader: Reader, now: dt.datetime) -> dt.date:
    """The day ages are counted to: in snapshot mode the day the figures were taken, never the clock's."""
    return reader.as_of if settings.mode == "snapshot" else now.date()


def published(origins: Iterable[Mapping[str, Any]]) -> dt.date | None:
    """When the newest of the files behind a table was published; None where no publisher says."""
    days = [str(origin["published_at"])[:10] for origin in origins if origin.get("published_at")]
    return max(map(dt.date.fromisoformat, days), default=None)


def judge_freshness(source: Source, settings: Settings, reader: Reader, now: dt.datetime) -> RuleResult:
    """The result of rule ``fresh`` for a source's current table.

    Raises:
        SpiError: where the table, or the snapshot that says which day it is, cannot be read.
    """
    return freshness(source, published(reader.origins(source.id)), today(settings, reader, now))


def with_freshness(outcome: Outcome, settings: Settings, reader: Reader, now: dt.datetime) -> Outcome:
    """An outcome of a source with the result of rule ``fresh`` added; any other as it is."""
    source = reader.contracts.sources.get(outcome.table)
    if source is None or outcome.version is None:
        return outcome
    return replace(outcome, results=(*outcome.results, judge_freshness(source, settings, reader, now)))


def freshness_policies(runner: Runner) -> dict[str, dg.FreshnessPolicy]:
    """Dagster's own policies by source, in live mode; frozen sources and those without a calendar have none.

    Dagster counts from when a table was stored, the publisher's calendar from when its figures appeared. So the age
    they had when they were stored is taken off the window, as it is when the definitions are loaded; the check
    ``fresh``, which every run makes, does not depend on that.
    """
    if runner.settings.mode != "live":
        return {}
    found = {
        source.id: _policy(source, _age_when_stored(source, runner))
        for source in runner.contracts.sources.values()
        if source.properties.mode == "live"
    }
    return {name: policy for name, policy in found.items() if policy}


def _policy(source: Source, age: dt.timedelta) -> dg.FreshnessPolicy | None:
    import dagster as dg

    if source.cycle_days is None:
        return None
    due = max(dt.timedelta(days=source.cycle_days) - age, SHORTEST_WINDOW)
    late = max(dt.timedelta(days=source.cycle_days + source.grace_days) - age, SHORTEST_WINDOW)
    return dg.FreshnessPolicy.time_window(fail_window=late, warn_window=due if due < late else None)


def _age_when_stored(source: Source, runner: Runner) -> dt.timedelta:
    try:
        version = runner.store.current(source.id)
        appeared = published(runner.reader.origins(source.id)) if version else None
    except SpiError:  # told by whoever reads the table
        return dt.timedelta()
    if version is None or appeared is None:
        return dt.timedelta()
    return max(dt.datetime.fromisoformat(version.written_at).date() - appeared, dt.timedelta())
