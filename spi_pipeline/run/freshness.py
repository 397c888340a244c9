"""The age of sources for steps and status: when figures were published, and to which day their age is counted."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.freshness import freshness
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.run.reader import Reader
from spi_pipeline.run.result import StepResult
from spi_pipeline.settings import Settings


def today(settings: Settings, reader: Reader, now: dt.datetime) -> dt.date:
    """The day to which ages are counted: in snapshot mode the day the figures were taken, never the clock's day."""
    return reader.as_of if settings.mode == "snapshot" else now.date()


def published(origins: Iterable[Mapping[str, Any]], until: dt.date = dt.date.max) -> dt.date | None:
    """When the newest figures of a table were published; None if that is not known.

    This is the latest day among the files of the newest period, since an old month requested today is not news. The day
    of a file is the one that its publisher gives, else the day on which its bytes were first fetched.

    Args:
        origins: the files.
        until: later days are ignored, since they come from a clock that was wrong.
    """
    days: dict[str, list[str]] = {}
    for origin in origins:
        day = str(origin.get("published_at") or origin.get("fetched_at") or "")[:10]
        if day and day <= until.isoformat():
            period = re.findall(r"\d{4}(?:-\d{2})*", str(origin.get("period") or ""))
            days.setdefault(period[-1] if period else "", []).append(day)
    return dt.date.fromisoformat(max(days[max(days)])) if days else None


def judge_freshness(source: Source, settings: Settings, reader: Reader, now: dt.datetime) -> RuleResult:
    """The result of rule ``fresh`` for a source's current table.

    Raises:
        SpiError: if the table, or the snapshot that determines the day, cannot be read.
    """
    # A council's own figures age by the clock, even while the embedded ones do not.
    day = now.date() if source.properties.mode == "own" else today(settings, reader, now)
    return freshness(source, published(reader.origins(source.id), now.date()), day)


def with_freshness(outcome: StepResult, settings: Settings, reader: Reader, now: dt.datetime) -> StepResult:
    """A source's outcome with the result of rule ``fresh`` added; any other outcome unchanged."""
    source = reader.contracts.sources.get(outcome.table)
    if source is None or outcome.version is None:
        return outcome
    return replace(outcome, results=(*outcome.results, judge_freshness(source, settings, reader, now)))


def overdue(settings: Settings, reader: Reader, now: dt.datetime) -> Iterator[tuple[Source, RuleResult]]:
    """The sources in the store that are overdue by their publisher's calendar."""
    for source in reader.contracts.sources.values():
        if source.properties.mode != "frozen" and reader.store.current(source.id):
            result = judge_freshness(source, settings, reader, now)
            if result.outcome == "failed":
                yield source, result
