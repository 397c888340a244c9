"""The words of a message: a section for each thing told, or a line for each where there are many."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from spi_pipeline.alerts.folding import Episode

Phase = Literal["opened", "reminder", "cleared"]
HEADS: dict[Phase, str] = {"opened": "Failed", "reminder": "Still failing", "cleared": "Resolved"}
# Colour and sign of a message, in the words of Apprise.
Level = Literal["failure", "warning", "success", "info"]
# Chat services cut or refuse longer texts; Teams takes 28 kB.
LONGEST = 12_000
LONGEST_LINE = 300


@dataclass(frozen=True)
class Told:
    """One thing to tell: a phase of an episode."""

    phase: Phase
    episode: Episode


@dataclass(frozen=True)
class Text:
    """Title, body and level of a message, still without its id."""

    title: str
    body: str
    level: Level


def single(things: Sequence[Told], sender: str) -> list[Text]:
    """One message about one asset, with a section for each thing."""
    first = things[0]
    more = f" (and {len(things) - 1} more)" if len(things) > 1 else ""
    title = f"[{sender}] {HEADS[first.phase]}: {first.episode.event.title}{more}"
    return [Text(title, _cut("\n\n".join(_section(thing) for thing in things), LONGEST), _level(things))]


def digest(things: Sequence[Told], sender: str) -> list[Text]:
    """One message with a section for each thing where that is not too long, else as few as hold a line for each."""
    whole = "\n\n".join(_section(thing) for thing in things)
    bodies: list[list[str]] = [[]]
    room = LONGEST
    for line in _lines(things) if len(whole) > LONGEST else [whole]:
        if len(line) + 1 > room:
            bodies.append([])
            room = LONGEST
        bodies[-1].append(line)
        room -= len(line) + 1
    counts = Counter(thing.phase for thing in things)
    counted = ", ".join(f"{HEADS[phase].lower()} {counts[phase]}" for phase in HEADS if counts[phase])
    parts = [f" (part {number} of {len(bodies)})" if len(bodies) > 1 else "" for number in range(1, len(bodies) + 1)]
    return [
        Text(f"[{sender}] Digest: {counted}{part}", "\n".join(body), _level(things))
        for part, body in zip(parts, bodies, strict=True)
    ]


def _lines(things: Sequence[Told]) -> list[str]:
    """A line for each thing, with what is the same for several said once above them."""
    lines: list[str] = []
    before = ""
    for thing in sorted(things, key=lambda thing: (thing.episode.event.ask, thing.episode.event.link)):
        event = thing.episode.event
        shared = f"Ask: {event.ask}; link: {event.link}"
        if shared != before:
            before = shared
            lines.append(shared)
        observed = f": {event.observed}" if event.observed and thing.phase != "cleared" else ""
        expected = f"; expected: {event.expected}" if event.expected and thing.phase != "cleared" else ""
        line = f"{HEADS[thing.phase]} ({event.severity}): {event.title}{observed}{expected}"
        lines.append(f"{_cut(line, LONGEST_LINE)}; since {_moment(thing.episode.since)}")
    return lines


def _section(thing: Told) -> str:
    episode, event = thing.episode, thing.episode.event
    if thing.phase == "cleared":
        ended = episode.until or episode.last
        lasted = _span(ended - episode.since)
        return (
            f"{HEADS[thing.phase]}: {event.title}\nThat is over since {_moment(ended)}; it had begun on "
            f"{_moment(episode.since)} and lasted {lasted}."
        )
    seen = f", seen {episode.times} times" if episode.times > 1 else ""
    facts = {
        "Asset": event.asset,
        "Rule": event.rule,
        "Observed": event.observed,
        "Expected": event.expected,
        "Sample": "".join(f"\n  {_cut(row, LONGEST_LINE)}" for row in event.sample),
        "Since": _moment(episode.since) + seen,
        "Depends on it": event.affects,
        "Ask": event.ask,
        "Link": event.link,
    }
    lines = [f"{HEADS[thing.phase]} ({event.severity}): {event.title}"]
    lines += [f"{name}: {said}".replace(": \n", ":\n") for name, said in facts.items() if said]
    return "\n".join(lines)


def _level(things: Sequence[Told]) -> Level:
    bad = [thing for thing in things if thing.phase != "cleared"]
    if not bad:
        return "success"
    return "failure" if any(thing.episode.event.severity == "error" for thing in bad) else "warning"


def _moment(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _span(span: dt.timedelta) -> str:
    minutes = max(int(span.total_seconds() // 60), 0)
    sizes = ((1440, "day"), (60, "hour"))
    number, unit = next(((minutes // size, unit) for size, unit in sizes if minutes >= size), (minutes, "minute"))
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
