"""Example events for the tests of this package."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from spi_pipeline.alerts.event import Event

NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)

BROKEN = Event(
    kind="check",
    subject="street_crime.row_count",
    failing=True,
    at=NOW,
    title="street_crime breaks its rule row_count",
    asset="street_crime",
    group="police",
    owner="team:social-progress",
    rule="row_count",
    observed="12 rows",
    expected="at least 1,000 rows",
    sample=("month=2024-05, crimes=-1", "month=2024-06, crimes=-2"),
    affects="indicators: violent_crime, robbery; component: safety",
    ask="team:social-progress",
    link="http://127.0.0.1:3000/runs/r1",
)


def broken(subject: str, at: dt.datetime = NOW, **changes: Any) -> Event:
    """A failure in which the table named ``subject`` breaks a rule."""
    about = {"subject": subject, "asset": subject, "title": f"{subject} breaks its rule", "at": at} | changes
    return replace(BROKEN, **about)


def recovery(event: Event, at: dt.datetime) -> Event:
    return Event(event.kind, event.subject, failing=False, at=at)
