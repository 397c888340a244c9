"""The words of a message: a section for each thing told, or a line for each where there are many."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
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
# One failure alone always fits into a message.
LONGEST_FACT = 2_000
LASTED = "It lasted from"


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
    """One message about one asset, with a section for each thing; several where that is too long for one."""
    things = sorted(things, key=_urgency)
    first = things[0]
    more = f" (and {len(things) - 1} more)" if len(things) > 1 else ""
    return _texts(f"[{sender}] {HEADS[first.phase]}: {first.episode.event.title}{more}", things)


def digest(things: Sequence[Told], sender: str) -> list[Text]:
    """One message about many assets, with a section for each thing; a line for each where that is too long for one."""
    counts = Counter(thing.phase for thing in things)
    things = sorted(things, key=_urgency)
    counted = ", ".join(f"{HEADS[phase].lower()} {counts[phase]}" for phase in HEADS if counts[phase])
    return _texts(f"[{sender}] Digest: {counted}", things)


def _urgency(thing: Told) -> tuple[int, bool]:
    """What has just failed before what is well again, errors before warnings."""
    return list(HEADS).index(thing.phase), thing.episode.event.severity != "error"


def _texts(title: str, things: Sequence[Told]) -> list[Text]:
    """All of them in as few messages as hold them; nothing is left out."""
    whole = _sections(things)
    bodies: list[list[str]] = [[]]
    room = LONGEST
    for line in _lines(things) if len(whole) > LONGEST else [whole]:
        if len(line) + 1 > room:
            bodies.append([])
            room = LONGEST
        bodies[-1].append(line)
        room -= len(line) + 1
    parts = [f" (part {number} of {len(bodies)})" if len(bodies) > 1 else "" for number in range(1, len(bodies) + 1)]
    return [Text(title + part, "\n".join(body), _level(things)) for part, body in zip(parts, bodies, strict=True)]


def _lines(things: Sequence[Told]) -> list[str]:
    """A line for each thing, with what is the same for several said once above them.

    What began it stays on top: whoever it is that one asks first is the one of the first thing, not of the alphabet.
    """
    lines: list[str] = []
    before = ""
    first: dict[tuple[str, str], int] = {}
    for thing in sorted(things, key=lambda thing: first.setdefault(_asked(thing), len(first))):
        facts = _facts(thing)
        shared = "; ".join(_said({name: facts[name] for name in ("Ask", "Link") if name in facts}))
        if shared != before:
            before = shared
            lines.append(shared)
        told = [f"{name.lower()}: {facts[name]}" for name in ("Observed", "Expected") if facts.get(name)]
        when = next(f"{name.lower()} {facts[name]}" for name in ("Since", LASTED) if name in facts)
        lines.append(f"{_cut('; '.join([_head(thing), *told]), LONGEST_LINE)}; {when}")
    return lines


def _asked(thing: Told) -> tuple[str, str]:
    return thing.episode.event.ask, thing.episode.event.link


def _sections(things: Sequence[Told]) -> str:
    """A section for each thing; what is the same for all of them is said once, below."""
    told = [_facts(thing) for thing in things]
    common = told[0].items() if len(told) > 1 else ()
    same = {name: said for name, said in common if said and all(facts.get(name) == said for facts in told)}
    shared = {name: said for name, said in same.items() if name != LASTED}
    sections = [
        [_head(thing), *_said({name: said for name, said in facts.items() if name not in shared})]
        for thing, facts in zip(things, told, strict=True)
    ]
    return "\n\n".join("\n".join(lines) for lines in (*sections, _said(shared)) if lines)


def _head(thing: Told) -> str:
    event = thing.episode.event
    return f"{HEADS[thing.phase]}{'' if thing.phase == 'cleared' else f' ({event.severity})'}: {event.title}"


def _facts(thing: Told) -> dict[str, str]:
    """What there is to know of one thing, by the words that stand before it."""
    episode, event = thing.episode, thing.episode.event
    if thing.phase == "cleared":
        ended = episode.until or episode.last
        lasted = f"{_moment(episode.since)} to {_moment(ended)}, {_span(ended - episode.since)}"
        return {"Asset": event.asset, "Rule": event.rule, LASTED: lasted}
    seen = f", seen {episode.times} times" if episode.times > 1 else ""
    return {
        "Asset": event.asset,
        "Rule": event.rule,
        "Observed": _cut(event.observed, LONGEST_FACT),
        "Expected": _cut(event.expected, LONGEST_FACT),
        "Sample": "".join(f"\n  {_cut(row, LONGEST_LINE)}" for row in event.sample),
        "Since": _moment(episode.since) + seen,
        "Depends on it": _cut(event.affects, LONGEST_FACT),
        "Ask": event.ask,
        "Link": event.link,
    }


def _said(facts: Mapping[str, str]) -> list[str]:
    return [f"{name}: {said}".replace(": \n", ":\n") for name, said in facts.items() if said]


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
