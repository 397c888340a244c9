"""Each episode sends one opening and one all-clear, in whatever order failures and recoveries arrive."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.alerts.event import Event
from spi_pipeline.alerts.folding import Episode, fold
from spi_pipeline.alerts.manager import REMIND, WINDOW, AlertManager
from spi_pipeline.alerts.routing import Channel
from spi_pipeline.alerts.wording import Notice, Text, digest
from spi_pipeline_tests.alerts.examples import BROKEN, MINUTE, NOW, broken, recovery

SUBJECTS = ("a", "b", "c")
Observed = list[tuple[str, bool]]
observations = st.lists(st.tuples(st.sampled_from(SUBJECTS), st.booleans()), max_size=30)
yes_or_no = st.lists(st.booleans(), min_size=30, max_size=30)


def events_from(observed: Observed) -> list[Event]:
    failures_only = [broken(subject, NOW + number * MINUTE) for number, (subject, _) in enumerate(observed)]
    return [
        event if failing else recovery(event, event.at)
        for event, (_, failing) in zip(failures_only, observed, strict=True)
    ]


def failures(observed: Observed, subject: str) -> list[int]:
    """The length of each unbroken run of failures of a subject."""
    own = [failing for about, failing in observed if about == subject]
    return [len(list(run)) for failing, run in groupby(own) if failing]


@given(observations, st.data())
def test_folding_gives_the_runs_of_failures_for_any_batch_sizes(observed: Observed, data: st.DataObject) -> None:
    events = events_from(observed)
    episodes: list[list[tuple[str, int, bool]]] = [[] for _ in SUBJECTS]
    ongoing = {}
    while events:
        size = data.draw(st.integers(1, len(events)))
        portion, events = events[:size], events[size:]
        for episode in fold(ongoing, portion):
            own = episodes[SUBJECTS.index(episode.event.subject)]
            if ongoing.pop(episode.event.key, None):
                own.pop()
            own.append((episode.event.subject, episode.times, episode.until is None))
            if episode.until is None:
                ongoing[episode.event.key] = episode
    for subject, own in zip(SUBJECTS, episodes, strict=True):
        assert [times for _, times, _ in own] == failures(observed, subject)
        assert [lasts for _, _, lasts in own[:-1]] == [False] * (len(own) - 1)
        last = [failing for about, failing in observed if about == subject][-1:]
        assert [lasts for _, _, lasts in own[-1:]] == last[: len(own)]


@settings(max_examples=40, deadline=None)
@given(
    observations, st.lists(st.booleans(), min_size=30, max_size=30), st.lists(st.booleans(), min_size=30, max_size=30)
)
def test_each_failure_is_opened_once_and_cleared_once(
    observed: Observed, looks: list[bool], acceptances: list[bool]
) -> None:
    """This holds whenever the manager looks, and whether or not the channel accepts."""
    sent: list[str] = []
    accepting = iter(acceptances)

    def send(_channel: Channel, text: Text) -> str:
        if not next(accepting, True):
            return "away"
        sent.append(f"{text.title}\n{text.body}")
        return ""

    with (
        tempfile.TemporaryDirectory() as folder,
        AlertManager(Path(folder), [Channel("only", "json://x")], send=send) as manager,
    ):
        portion: list[Event] = []
        for event, delivered in zip(events_from(observed), looks, strict=False):
            portion.append(event)
            if delivered:
                manager.report(portion, event.at)
                manager.deliver(event.at)
                portion = []
        now = NOW + 100 * MINUTE
        manager.report(portion, now)
        for hour in range(40):
            manager.deliver(now + hour * 60 * MINUTE)
    text = "\n".join(sent)
    for subject in SUBJECTS:
        runs = failures(observed, subject)
        lasts = [failing for about, failing in observed if about == subject][-1:] == [True]
        assert text.count(f"Failed (error): {subject} breaks") == len(runs)
        cleared = text.count(f"\nResolved: {subject} breaks") + text.count(f"Resolved (error): {subject} breaks")
        assert cleared == len(runs) - lasts


def sent_by(folder: Path, *moments: tuple[int, list[Event]]) -> list[str]:
    """The titles a channel received; each moment is minutes since the start and the events reported then."""
    titles: list[str] = []

    def send(_channel: Channel, text: Text) -> str:
        titles.append(text.title.split("] ")[1])
        return ""

    with AlertManager(folder, [Channel("only", "json://x")], send=send) as manager:
        for minutes, events in moments:
            manager.report(events, NOW + minutes * MINUTE, complete_kinds=("stale",))
            manager.deliver(NOW + minutes * MINUTE)
    return titles


def test_a_lasting_failure_sends_a_reminder_once_a_day(tmp_path: Path) -> None:
    day = int(REMIND / MINUTE)
    looks = [
        (minutes, [replace(BROKEN, at=NOW + minutes * MINUTE)]) for minutes in (0, 60, day - 1, day, day + 60, 2 * day)
    ]
    assert [title.split(":")[0] for title in sent_by(tmp_path, *looks)] == ["Failed", "Still failing", "Still failing"]


def test_simultaneous_failures_of_one_asset_make_one_message(tmp_path: Path) -> None:
    both = [BROKEN, replace(BROKEN, kind="quarantine", subject="street_crime", title="street_crime was refused")]
    assert sent_by(tmp_path, (0, both)) == ["Failed: street_crime breaks its rule row_count (and 1 more)"]


def test_a_subject_missing_from_a_complete_kind_is_resolved(tmp_path: Path) -> None:
    stale = replace(BROKEN, kind="stale", subject="street_crime", title="street_crime is old")
    titles = sent_by(tmp_path, (0, [stale, BROKEN]), (5, [stale]), (6, []), (7, []))
    assert titles == ["Failed: street_crime is old (and 1 more)", "Resolved: street_crime is old"]


def test_a_steady_stream_becomes_one_digest_per_window(tmp_path: Path) -> None:
    window = int(WINDOW / MINUTE)
    looks = [(minute, [broken(f"a_{minute}"), broken(f"b_{minute}")]) for minute in range(9)]
    titles = sent_by(tmp_path, *looks, (window + 5, []), (window + 6, []))
    # Five messages fit the window. The third pair would exceed that and becomes a digest; the rest wait for the next.
    singles = [f"Failed: {letter}_{minute} breaks its rule" for minute in range(2) for letter in "ab"]
    assert titles == [*singles, "Digest: failed 2", "Digest: failed 12"]


def test_a_long_digest_keeps_the_earliest_failures_first() -> None:
    many = range(1, 100)
    events = [broken("root", ask="the zoo"), *(broken(f"table_{n}", observed="much " * 30, ask="a town") for n in many)]
    odd = replace(events[0], subject="odd", severity="warning", title="odd but no more")
    texts = digest([Notice("opened", Episode(event, since=NOW, last=NOW)) for event in (odd, *events)], "spi")
    lines = [line for text in texts for line in text.body.splitlines()]
    heads = [line.split(";")[0] for line in lines]
    assert heads[:2] == ["Ask: the zoo", "Failed (error): root breaks its rule"]
    assert heads[2:4] == ["Failed (warning): odd but no more", "Ask: a town"]
    assert heads[4:] == [f"Failed (error): table_{n} breaks its rule" for n in many]


def test_a_failure_that_ended_before_alerts_were_configured_sends_no_message(tmp_path: Path) -> None:
    titles: list[str] = []

    def send(_channel: Channel, text: Text) -> str:
        titles.append(text.title)
        return ""

    long_ago = NOW - 10_000 * MINUTE
    with AlertManager(tmp_path, [Channel("only", "json://x")], send=send) as manager:
        past = [broken("old", long_ago), recovery(broken("old"), long_ago + MINUTE), broken("new", long_ago)]
        manager.report(past, NOW, history=True)
        manager.deliver(NOW)
    assert titles == ["[spi_pipeline] Failed: new breaks its rule"]


def test_a_channel_added_later_is_notified_of_lasting_failures(tmp_path: Path) -> None:
    titles: dict[str, list[str]] = {"one": [], "two": []}

    def send(channel: Channel, text: Text) -> str:
        titles[channel.name].append(text.title.split("] ")[1].split(":")[0])
        return ""

    for names, events in (
        (["one"], [BROKEN]),
        (["one", "two"], []),
        (["one", "two"], [recovery(BROKEN, NOW + MINUTE)]),
    ):
        with AlertManager(tmp_path, [Channel(name, "json://x") for name in names], send=send) as manager:
            manager.report(events, NOW)
            manager.deliver(NOW)
    assert titles == {"one": ["Failed", "Resolved"], "two": ["Failed", "Resolved"]}
