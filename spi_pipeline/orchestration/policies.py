"""Dagster's own freshness policies, from the calendars of publishers."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.run.freshness import published
from spi_pipeline.run.runner import Runner

# Dagster knows no shorter one.
SHORTEST_WINDOW = dt.timedelta(minutes=1)


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
    if source.cycle_days is None:
        return None
    due = max(dt.timedelta(days=source.cycle_days) - age, SHORTEST_WINDOW)
    late = max(dt.timedelta(days=source.cycle_days + source.grace_days) - age, SHORTEST_WINDOW)
    return dg.FreshnessPolicy.time_window(fail_window=late, warn_window=due if due < late else None)


def _age_when_stored(source: Source, runner: Runner) -> dt.timedelta:
    try:
        version = runner.store.current(source.id)
        appeared = published(runner.reader.origins(source.id)) if version else None
    except SpiError:  # the step that reads the table reports it
        return dt.timedelta()
    if version is None or appeared is None:
        return dt.timedelta()
    return max(dt.datetime.fromisoformat(version.written_at).date() - appeared, dt.timedelta())
