"""Messages as they arrive at a real mail server and a real webhook."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline.alerts.delivery import through_apprise
from spi_pipeline.alerts.manager import BLOCKING_ATTEMPTS, WINDOW, AlertManager, send_test, waiting
from spi_pipeline.alerts.routing import Channel, channels
from spi_pipeline.alerts.wording import Text
from spi_pipeline_tests.alerts.examples import BROKEN, MINUTE, NOW, broken, recovery
from spi_pipeline_tests.alerts.servers import Inbox, mail, webhook


@pytest.fixture
def mailbox() -> Iterator[Inbox]:
    with mail() as inbox:
        yield inbox


@pytest.fixture
def short_webhook() -> Iterator[Inbox]:
    with webhook(longest=4_000) as inbox:
        yield inbox


@pytest.fixture
def hook() -> Iterator[Inbox]:
    with webhook() as inbox:
        yield inbox


def test_a_failure_message_states_every_fact_and_a_resolved_message_follows(
    tmp_path: Path, mailbox: Inbox, hook: Inbox
) -> None:
    both = channels(f"{mailbox.url} hook={hook.url}")
    with AlertManager(tmp_path, both) as manager:
        manager.report([BROKEN], NOW)
        assert manager.deliver(NOW) == {}
        manager.report([replace(BROKEN, at=NOW + MINUTE)], NOW + MINUTE)
        manager.report([recovery(BROKEN, NOW + 150 * MINUTE)], NOW + 150 * MINUTE)
        assert manager.deliver(NOW + 150 * MINUTE) == {}
    for inbox in (mailbox, hook):
        assert inbox.titles == [
            "[spi_pipeline] Failed: street_crime breaks its rule row_count",
            "[spi_pipeline] Resolved: street_crime breaks its rule row_count",
        ]
        opened, cleared = (body for _, body in inbox.received)
        for fact in (
            "Failed (error): street_crime breaks its rule row_count",
            "Asset: street_crime",
            "Rule: row_count",
            "Observed: 12 rows",
            "Expected: at least 1,000 rows",
            "month=2024-05, crimes=-1",
            "Since: 2026-11-24 02:00 UTC",
            "Depends on it: indicators: violent_crime, robbery; component: safety",
            "Ask: team:social-progress",
            "Link: http://127.0.0.1:3000/runs/r1",
        ):
            assert fact in opened
        assert "It lasted from: 2026-11-24 02:00 UTC to 2026-11-24 04:30 UTC, 2 hours" in cleared
    ids = [
        body.strip().rsplit("Message ", 1)[1]
        for body in (*dict(mailbox.received).values(), *dict(hook.received).values())
    ]
    assert len(set(ids)) == 4


def test_500_failures_arrive_complete_in_few_messages(tmp_path: Path, mailbox: Inbox, hook: Inbox) -> None:
    storm = [broken(f"table_{number:03}") for number in range(500)]
    with AlertManager(tmp_path, channels(f"{mailbox.url} {hook.url}")) as manager:
        for moment, event in enumerate(storm):  # one at a time, as a sensor sees them
            manager.report([event], NOW + moment * MINUTE / 60)
            manager.deliver(NOW + moment * MINUTE / 60)
        later = NOW + 10 * MINUTE + WINDOW
        manager.report([recovery(event, later) for event in storm], later)
        manager.deliver(later)
    for inbox in (mailbox, hook):
        assert len(inbox.received) <= 20
        for event in storm:
            assert inbox.text.count(f"Failed (error): {event.title}") == 1
            assert inbox.text.count(f"Resolved: {event.title}") == 1


def test_500_rules_broken_by_one_table_are_all_listed(tmp_path: Path, hook: Inbox) -> None:
    storm = [replace(BROKEN, subject=f"street_crime.rule_{n:03}", title=f"it breaks rule_{n:03}") for n in range(500)]
    with AlertManager(tmp_path, channels(hook.url)) as manager:
        manager.report(storm, NOW)
        manager.deliver(NOW)
    assert 1 < len(hook.received) <= 20
    for event in storm:
        assert hook.text.count(f"Failed (error): {event.title}; observed: 12 rows") == 1


def test_a_long_text_is_split_for_a_service_with_a_length_limit(short_webhook: Inbox) -> None:
    lines = [f"line {number:04}" for number in range(1000)]
    assert (
        through_apprise(
            Channel("short", short_webhook.url.replace("json://", "mmost://")), Text("Long", "\n".join(lines), "info")
        )
        == ""
    )
    assert len(short_webhook.received) > 1
    for line in lines:
        assert short_webhook.text.count(line) == 1


def test_an_unavailable_channel_receives_every_message_once_it_recovers(tmp_path: Path, hook: Inbox) -> None:
    hook.response_status = 503
    with AlertManager(tmp_path, channels(f"hook={hook.url}")) as manager:
        manager.report([broken("first")], NOW)
        refusal = manager.deliver(NOW)["hook"]
        assert "503" in refusal or "Service" in refusal
        assert "secret" not in refusal
        assert manager.deliver(NOW) == {}  # not yet due again
        manager.report([broken(f"later_{number}") for number in range(50)], NOW + MINUTE)
        assert set(manager.deliver(NOW + 2 * MINUTE)) == {"hook"}
        ((name, count, since, reason),) = waiting(tmp_path)
        assert (name, count, since[:16], reason) == ("hook", 1, "2026-11-24T02:00", refusal)
        hook.response_status = 200
        assert manager.deliver(NOW + 60 * MINUTE) == {}
        assert manager.deliver(NOW + 61 * MINUTE) == {}
    assert [title.split("] ")[1] for title in hook.titles] == ["Failed: first breaks its rule", "Digest: failed 50"]
    assert waiting(tmp_path) == []


def test_the_newest_refusal_is_the_reason_shown(tmp_path: Path) -> None:
    reasons = ["z: away"] * BLOCKING_ATTEMPTS
    with AlertManager(tmp_path, [Channel("only", "json://x")], send=lambda *_: reasons.pop(0)) as manager:
        manager.report([broken("first")], NOW)
        for hour in range(BLOCKING_ATTEMPTS):
            manager.deliver(NOW + hour * 60 * MINUTE)
        manager.report([broken("second")], NOW + 7 * 60 * MINUTE)
        reasons += ["a: too long"]  # for the second message, which is tried before the first is due again
        manager.deliver(NOW + 7 * 60 * MINUTE + MINUTE)
        ((_, count, _, reason),) = waiting(tmp_path)
        assert (count, reason) == (2, "a: too long")
        reasons += ["", ""]
        manager.deliver(NOW + 8 * 60 * MINUTE + 2 * MINUTE)
    assert waiting(tmp_path) == []


def test_a_test_message_reports_which_channels_accepted(mailbox: Inbox, hook: Inbox) -> None:
    hook.response_status = 403
    refusals = send_test(
        channels(f"duty={mailbox.url} hook={hook.url} odd=slck://a-secret-token"), Text("Trial", "A trial.", "info")
    )
    assert refusals["duty"] == ""
    assert "403" in refusals["hook"]
    assert refusals["odd"] == "Apprise does not understand its URL; compare it with Apprise's list of services"
    assert "secret" not in repr(refusals)
    assert mailbox.titles == ["Trial"]


def test_no_part_of_a_url_is_logged(hook: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = hook.url.replace("json://", "json://someone:pass%40word@")
    assert through_apprise(Channel("hook", secret), Text("Trial", "A trial.", "info")) == ""
    hook.response_status = 500
    refusal = through_apprise(Channel("hook", secret), Text("Trial", "A trial.", "info"))
    assert refusal
    for output in (caplog.text, refusal, repr(Channel("hook", secret))):
        assert not [part for part in ("a-secret-token", "someone", "pass%40word", "pass@word") if part in output]
