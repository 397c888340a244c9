"""Folds observations into episodes: one episode per failure, however often it is seen, until it recovers.

Pure functions: the outbox stores the episodes.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spi_pipeline.alerts.event import Event


@dataclass(frozen=True)
class Episode:
    """One failure from its first observation to its end.

    Attributes:
        event: the most recent failing observation.
        since: when the failure began.
        last: when it was last seen failing.
        times: how often it was seen failing.
        until: when it was seen to have recovered; None while it lasts.
        number: its row number in the outbox; 0 until it is stored.
    """

    event: Event
    since: dt.datetime
    last: dt.datetime
    times: int = 1
    until: dt.datetime | None = None
    number: int = 0


def fold(ongoing: Mapping[str, Episode], events: Iterable[Event]) -> list[Episode]:
    """Apply observations to the episodes.

    Args:
        ongoing: the episodes that have not ended, by the key of their event.
        events: observations in the order they were made.

    Returns:
        Every episode that began, continued or ended, in the order they were first touched. A key may have several
        episodes; at most the last of them has not ended.
    """
    touched: list[Episode] = []
    current = dict(ongoing)
    positions: dict[str, int] = {}
    for event in events:
        before = current.get(event.key)
        if before is None and not event.failing:
            continue
        after = _next(before, event)
        if before is None or event.key not in positions:
            positions[event.key] = len(touched)
            touched.append(after)
        else:
            touched[positions[event.key]] = after
        if after.until is None:
            current[event.key] = after
        else:
            del current[event.key], positions[event.key]
    return touched


def _next(before: Episode | None, event: Event) -> Episode:
    if before is None:
        return Episode(event, since=event.since or event.at, last=event.at)
    if not event.failing:
        return replace(before, until=event.at)
    repeated = event.at > before.last
    return replace(before, event=event, last=max(before.last, event.at), times=before.times + repeated)
