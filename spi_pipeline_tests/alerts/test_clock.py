"""Messages that a wrong clock dated far ahead do not hold back later ones."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from spi_pipeline.alerts.event import Event
from spi_pipeline.alerts.manager import AlertManager
from spi_pipeline.alerts.routing import channels

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
AHEAD = NOW.replace(year=2099)


def test_messages_are_sent_although_earlier_ones_were_refused_in_2099(tmp_path: Path) -> None:
    titles: list[str] = []
    away = True

    def send(_channel: object, text: object) -> str:
        if away:
            return "away"
        titles.append(text.title)  # type: ignore[attr-defined]
        return ""

    def look(at: dt.datetime, *failing: str) -> None:
        with AlertManager(tmp_path, channels("json://example.org"), send=send) as manager:
            manager.report([Event("run", name, True, at, title=f"the run {name} failed") for name in failing], at)
            manager.deliver(at)

    look(AHEAD, "first")
    away = False
    look(NOW, "second")
    look(NOW + dt.timedelta(hours=2))
    assert [title.split()[-2] for title in titles] == ["first", "second"]
