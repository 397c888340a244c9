"""The events that alerts are made of: something fails, or has recovered. Other modules decide who hears of it when."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]
Kind = Literal["check", "run", "stale", "quarantine", "silent"]


@dataclass(frozen=True)
class Event:
    """One observation of one subject. Kind and subject together identify what was observed.

    Attributes:
        kind: ``check``: a table breaks a rule; ``run``: a run failed or was stopped; ``stale``: figures are older than
            promised; ``quarantine``: a version was refused; ``silent``: a schedule or sensor no longer ticks.
        subject: the thing that fails, unique within its kind, such as ``street_crime.row_count``.
        failing: False once the subject has recovered; the attributes after ``at`` are then ignored.
        at: time of the observation. Two reports with the same time count as one observation.
        title: what happened, as a clause for the head of a message.
        severity: ``error`` or ``warning``.
        asset: the asset it belongs to; simultaneous failures of one asset go into one message.
        group: the group of the asset, for routing.
        owner: the owner responsible for the asset, for routing.
        rule: the rule broken, if any.
        observed: the value or condition found.
        expected: the value or condition promised.
        sample: rows at fault, in words; the code that creates the event ensures that they hold no personal data.
        since: when the failure began, if that is known more exactly than from the first observation.
        affects: what depends on the subject.
        ask: the person or team to ask.
        link: an address with details.
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
        """Identifier of the subject: its kind and name."""
        return f"{self.kind}:{self.subject}"

    def to_json(self) -> str:
        """Return the event as JSON text for storage."""
        return json.dumps(asdict(self), default=lambda moment: moment.isoformat())

    @classmethod
    def from_json(cls, text: str) -> Event:
        """Return the event that ``to_json`` wrote."""
        fields: dict[str, Any] = json.loads(text)
        since = fields["since"] and dt.datetime.fromisoformat(fields["since"])
        at = dt.datetime.fromisoformat(fields["at"])
        return cls(**fields | {"at": at, "since": since, "sample": tuple(fields["sample"])})
