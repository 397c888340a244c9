"""Folding observations into episodes: one for each failure, however often it is seen, until it is well again.

Pure: what is kept where is the outbox's business.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spi_pipeline.alerts.event import Event


@dataclass(frozen=True)
class Episode:
    """One failure from its first observation to its end.

    Attributes:
        event: the observation that failed last.
        since: when it began.
        last: when it was last seen failing.
        times: how often it was seen failing.
        until: when it was seen well again; None while it lasts.
        number: what it is kept under; 0 as long as it is not.
    """

    event: Event
    since: dt.datetime
    last: dt.datetime
    times: int = 1
    until: dt.datetime | None = None
    number: int = 0


def fold(lasting: Mapping[str, Episode], events: Iterable[Event]) -> list[Episode]:
    """What observations make of the episodes.

    Args:
        lasting: the episodes that last, by the key of their event.
        events: observations in the order they were made.

    Returns:
        Every episode begun, continued or ended, in the order they were first touched; one key may have several, of
        which at most the last one lasts.
    """
    touched: list[Episode] = []
    now = dict(lasting)
    places: dict[str, int] = {}
    for event in events:
        before = now.get(event.key)
        if before is None and not event.failing:
            continue
        after = _next(before, event)
        if before is None or event.key not in places:
            places[event.key] = len(touched)
            touched.append(after)
        else:
            touched[places[event.key]] = after
        if after.until is None:
            now[event.key] = after
        else:
            del now[event.key], places[event.key]
    return touched


def _next(before: Episode | None, event: Event) -> Episode:
    if before is None:
        return Episode(event, since=event.since or event.at, last=event.at)
    if not event.failing:
        return replace(before, until=event.at)
    again = event.at > before.last
    return replace(before, event=event, last=max(before.last, event.at), times=before.times + again)
