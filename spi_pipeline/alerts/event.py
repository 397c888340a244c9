"""What can be told: that something fails, or that it is well again. Who is told, and when, is for other modules."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]
Kind = Literal["check", "run", "stale", "quarantine", "silent"]


@dataclass(frozen=True)
class Event:
    """One observation of one subject. Kind and subject together say what it is about.

    Attributes:
        kind: ``check`` a rule a table breaks; ``run`` a run that failed or was stopped; ``stale`` figures older than
            promised; ``quarantine`` a refused version; ``silent`` a schedule or sensor that no longer ticks.
        subject: what fails, unique within its kind, such as ``street_crime.row_count``.
        failing: False when it is well again; then nothing below ``at`` is looked at.
        at: when it was observed. The same moment told again counts as the same observation.
        title: what happened, a clause for the head of a message.
        severity: how bad it is.
        asset: what it belongs to; what fails of one asset at one time is told in one message.
        group: the group of the asset, for routing.
        owner: who answers for it, for routing.
        rule: the rule broken, if there is one.
        observed: what was found.
        expected: what was promised.
        sample: rows at fault, in words; whoever makes the event sees to it that they hold no personal data.
        since: since when it fails, where that is known better than by the first observation.
        affects: what depends on it.
        ask: whom to ask.
        link: where to look.
    """

    kind: Kind
    subject: str
    failing: bool
    at: dt.datetime
    title: str = ""
    severity: Severity = "error"
    asset: str = ""
    group: str = ""
    owner: str = ""
    rule: str = ""
    observed: str = ""
    expected: str = ""
    sample: tuple[str, ...] = ()
    since: dt.datetime | None = None
    affects: str = ""
    ask: str = ""
    link: str = ""

    @property
    def key(self) -> str:
        """What it is about."""
        return f"{self.kind}:{self.subject}"

    def to_json(self) -> str:
        """As text, to be kept."""
        return json.dumps(asdict(self), default=lambda moment: moment.isoformat())

    @classmethod
    def from_json(cls, text: str) -> Event:
        """The event ``to_json`` was asked for."""
        found: dict[str, Any] = json.loads(text)
        since = found["since"] and dt.datetime.fromisoformat(found["since"])
        at = dt.datetime.fromisoformat(found["at"])
        return cls(**found | {"at": at, "since": since, "sample": tuple(found["sample"])})
