"""The age of sources as steps and status see it: when figures were published, and which day is today."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.freshness import freshness
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.run.outcome import Outcome
from spi_pipeline.run.reader import Reader
from spi_pipeline.settings import Settings


def today(settings: Settings, reader: Reader, now: dt.datetime) -> dt.date:
    """The day ages are counted to: in snapshot mode the day the figures were taken, never the clock's."""
    return reader.as_of if settings.mode == "snapshot" else now.date()


def published(origins: Iterable[Mapping[str, Any]], until: dt.date = dt.date.max) -> dt.date | None:
    """When the newest figures of a table were published; None where nothing is known of that.

    That is the day the publisher says of a file, else the day its bytes were first seen, of the files of the newest
    period: an old month asked for today is no news.

    Args:
        origins: the files.
        until: days after it were told by a clock that was wrong, and are not known.
    """
    days: dict[str, list[str]] = {}
    for origin in origins:
        said = str(origin.get("published_at") or origin.get("fetched_at") or "")[:10]
        if said and said <= until.isoformat():
            period = re.findall(r"\d{4}(?:-\d{2})*", str(origin.get("period") or ""))
            days.setdefault(period[-1] if period else "", []).append(said)
    return dt.date.fromisoformat(max(days[max(days)])) if days else None


def judge_freshness(source: Source, settings: Settings, reader: Reader, now: dt.datetime) -> RuleResult:
    """The result of rule ``fresh`` for a source's current table.

    Raises:
        SpiError: where the table, or the snapshot that says which day it is, cannot be read.
    """
    # A council's own figures expire while the embedded ones stand still.
    day = now.date() if source.properties.mode == "own" else today(settings, reader, now)
    return freshness(source, published(reader.origins(source.id), now.date()), day)


def with_freshness(outcome: Outcome, settings: Settings, reader: Reader, now: dt.datetime) -> Outcome:
    """An outcome of a source with the result of rule ``fresh`` added; any other as it is."""
    source = reader.contracts.sources.get(outcome.table)
    if source is None or outcome.version is None:
        return outcome
    return replace(outcome, results=(*outcome.results, judge_freshness(source, settings, reader, now)))


def overdue(settings: Settings, reader: Reader, now: dt.datetime) -> Iterator[tuple[Source, RuleResult]]:
    """The sources in the store that are older than their publisher's calendar lets one expect."""
    for source in reader.contracts.sources.values():
        if source.properties.mode != "frozen" and reader.store.current(source.id):
            result = judge_freshness(source, settings, reader, now)
            if result.outcome == "failed":
                yield source, result
