"""The text of a message: a section for each notice, or a line for each if there are many."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from spi_pipeline.alerts.folding import Episode

Phase = Literal["opened", "reminder", "cleared"]
HEADS: dict[Phase, str] = {"opened": "Failed", "reminder": "Still failing", "cleared": "Resolved"}
# Colour and symbol of a message, by Apprise's names.
Level = Literal["failure", "warning", "success", "info"]
# Chat services cut or refuse longer texts; Teams accepts 28 kB.
LONGEST = 12_000
LONGEST_LINE = 300
# With this limit on each fact, a single failure always fits into a message.
LONGEST_FACT = 2_000
LASTED = "It lasted from"


@dataclass(frozen=True)
class Notice:
    """One phase of an episode, to be sent to a channel."""

    phase: Phase
    episode: Episode


@dataclass(frozen=True)
class Text:
    """Title, body and level of a message, without its id."""

    title: str
    body: str
    level: Level


def single(notices: Sequence[Notice], sender: str) -> list[Text]:
    """One message about one asset, with a section for each notice; several messages if it is too long for one."""
    notices = sorted(notices, key=_urgency)
    first = notices[0]
    more = f" (and {len(notices) - 1} more)" if len(notices) > 1 else ""
    return _texts(f"[{sender}] {HEADS[first.phase]}: {first.episode.event.title}{more}", notices)


def digest(notices: Sequence[Notice], sender: str) -> list[Text]:
    """One message about many assets, with a section for each notice, or a line for each if it is too long for one."""
    counts = Counter(notice.phase for notice in notices)
    notices = sorted(notices, key=_urgency)
    counted = ", ".join(f"{HEADS[phase].lower()} {counts[phase]}" for phase in HEADS if counts[phase])
    return _texts(f"[{sender}] Digest: {counted}", notices)


def _urgency(notice: Notice) -> tuple[int, bool]:
    """Sort key: new failures first and recoveries last; errors before warnings."""
    return list(HEADS).index(notice.phase), notice.episode.event.severity != "error"


def _texts(title: str, notices: Sequence[Notice]) -> list[Text]:
    """All notices in as few messages as can hold them; none is left out."""
    whole = _sections(notices)
    bodies: list[list[str]] = [[]]
    room = LONGEST
    for line in _lines(notices) if len(whole) > LONGEST else [whole]:
        if len(line) + 1 > room:
            bodies.append([])
            room = LONGEST
        bodies[-1].append(line)
        room -= len(line) + 1
    parts = [f" (part {number} of {len(bodies)})" if len(bodies) > 1 else "" for number in range(1, len(bodies) + 1)]
    return [Text(title + part, "\n".join(body), _level(notices)) for part, body in zip(parts, bodies, strict=True)]


def _lines(notices: Sequence[Notice]) -> list[str]:
    """A line for each notice; contact and link that several share are written once, above them.

    Notices are grouped by contact and link. The group of the first notice comes first, not the first in the alphabet.
    """
    lines: list[str] = []
    previous = ""
    first: dict[tuple[str, str], int] = {}
    for notice in sorted(notices, key=lambda notice: first.setdefault(_contact(notice), len(first))):
        facts = _facts(notice)
        shared = "; ".join(_labelled({name: facts[name] for name in ("Ask", "Link") if name in facts}))
        if shared != previous:
            previous = shared
            lines.append(shared)
        details = [f"{name.lower()}: {facts[name]}" for name in ("Observed", "Expected") if facts.get(name)]
        when = next(f"{name.lower()} {facts[name]}" for name in ("Since", LASTED) if name in facts)
        lines.append(f"{_cut('; '.join([_head(notice), *details]), LONGEST_LINE)}; {when}")
    return lines


def _contact(notice: Notice) -> tuple[str, str]:
    return notice.episode.event.ask, notice.episode.event.link


def _sections(notices: Sequence[Notice]) -> str:
    """A section for each notice; facts that all of them share are written once, below."""
    every = [_facts(notice) for notice in notices]
    common = every[0].items() if len(every) > 1 else ()
    same = {name: fact for name, fact in common if fact and all(facts.get(name) == fact for facts in every)}
    shared = {name: fact for name, fact in same.items() if name != LASTED}
    sections = [
        [_head(notice), *_labelled({name: fact for name, fact in facts.items() if name not in shared})]
        for notice, facts in zip(notices, every, strict=True)
    ]
    return "\n\n".join("\n".join(lines) for lines in (*sections, _labelled(shared)) if lines)


def _head(notice: Notice) -> str:
    event = notice.episode.event
    return f"{HEADS[notice.phase]}{'' if notice.phase == 'cleared' else f' ({event.severity})'}: {event.title}"


def _facts(notice: Notice) -> dict[str, str]:
    """The facts of one notice, by their labels."""
    episode, event = notice.episode, notice.episode.event
    if notice.phase == "cleared":
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


def _labelled(facts: Mapping[str, str]) -> list[str]:
    return [f"{name}: {fact}".replace(": \n", ":\n") for name, fact in facts.items() if fact]


def _level(notices: Sequence[Notice]) -> Level:
    bad = [notice for notice in notices if notice.phase != "cleared"]
    if not bad:
        return "success"
    return "failure" if any(notice.episode.event.severity == "error" for notice in bad) else "warning"


def _moment(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _span(span: dt.timedelta) -> str:
    minutes = max(int(span.total_seconds() // 60), 0)
    sizes = ((1440, "day"), (60, "hour"))
    number, unit = next(((minutes // size, unit) for size, unit in sizes if minutes >= size), (minutes, "minute"))
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
