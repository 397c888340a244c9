"""The entry point of the package: the manager takes observations in and sends messages out.

    with AlertManager(folder, channels) as manager:
        manager.report(events, now)
        refusals = manager.deliver(now)

Rules: a channel gets one message when something fails, reminders while the failure lasts, and one message when it ends.
Many messages at once become a digest. A message is retried until the channel accepts it. Only one process at a time
works with the manager's folder; its lock is released when the process ends, however it ends.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from spi_pipeline.alerts.delivery import Send, through_apprise
from spi_pipeline.alerts.event import Event
from spi_pipeline.alerts.folding import fold
from spi_pipeline.alerts.outbox import FILE, Message, Outbox
from spi_pipeline.alerts.routing import Channel
from spi_pipeline.alerts.wording import Notice, Text, digest, single
from spi_pipeline.contracts.errors import SpiError

# By item of a source, how far it was read.
Seen = Mapping[str, str]
REMIND = dt.timedelta(days=1)
# Up to BURST messages per window are sent singly; more become a digest, at most one per window.
BURST, WINDOW = 5, dt.timedelta(minutes=10)
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(minutes=1), dt.timedelta(hours=1)
# After this many refusals a message no longer holds up those behind it; it is still retried every hour.
BLOCKING_ATTEMPTS = 8
# No new attempt starts after this many seconds: Dagster ends a sensor after 60.
PATIENCE = 40.0


class AlertManager:
    """Turns observations into messages and delivers them; see the module.

    Args:
        folder: folder of the outbox; created if it does not exist.
        channels: the channels that messages can go to.
        sender: name that titles begin with.
        send: function that delivers a message.
        wait: seconds to wait for another process to release the lock.

    Raises:
        SpiError: on entering, if another process does not release the lock; from every method, if the disk fails.
    """

    def __init__(
        self,
        folder: Path,
        channels: Sequence[Channel],
        *,
        sender: str = "spi_pipeline",
        send: Send = through_apprise,
        wait: float = 30,
    ) -> None:
        self._folder, self._channels, self._sender, self._send = folder, channels, sender, send
        self._wait = wait

    def __enter__(self) -> AlertManager:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._folder / "manager.lock")
            self._lock.acquire(timeout=self._wait)
        except Timeout:
            raise SpiError("another process is sending alerts; it or the next one sends the new alerts") from None
        except OSError as error:
            raise SpiError(f"{self._folder} could not be written ({error.strerror}); check its permissions") from error
        self._outbox = Outbox(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outbox.close()
        self._lock.release()

    def seen(self, source: str) -> dict[str, str]:
        """How far each item of a source was read, as last passed to ``report``."""
        return self._outbox.seen(source)

    def ongoing(self, kind: str) -> set[str]:
        """The subjects of a kind whose episodes have not ended."""
        return {episode.event.subject for episode in self._outbox.ongoing((), (kind,)).values()}

    def report(
        self,
        events: Iterable[Event],
        now: dt.datetime,
        *,
        complete_kinds: Collection[str] = (),
        seen: Mapping[str, Seen] | None = None,
        history: bool = False,
    ) -> None:
        """Record observations: all of them, or none if the process is killed.

        Args:
            events: observations in the order they were made.
            now: the current time.
            complete_kinds: kinds whose every failure is in ``events``; any other failure of these kinds has recovered.
            seen: how far each item of each source has been read with these events; stored with them.
            history: events may lie far in the past; no channel hears of failures that began and ended before now.
        """
        with self._outbox.transaction():
            self._outbox.correct_future_times(now, LONGEST_WAIT)
            observations = list(events)
            ongoing = self._outbox.ongoing({event.key for event in observations}, complete_kinds)
            failing = {event.key for event in observations if event.failing}
            observations += [
                Event(episode.event.kind, episode.event.subject, failing=False, at=now)
                for key, episode in ongoing.items()
                if episode.event.kind in complete_kinds and key not in failing
            ]
            for touched in fold(ongoing, observations):
                episode = self._outbox.save(touched)
                if history and episode.until and not touched.number:
                    continue
                for channel in self._channels:
                    if channel.takes(episode.event):
                        self._outbox.add_notice(channel.name, episode, "opened", now)
                for name in self._outbox.notified_channels(episode) if episode.until else ():
                    self._outbox.add_notice(name, episode, "cleared", now)
            self._remind(now)
            for source, positions in (seen or {}).items():
                self._outbox.mark_seen(source, positions)

    def deliver(self, now: dt.datetime) -> dict[str, str]:
        """Send the messages that are due.

        Args:
            now: the current time.

        Returns:
            For each channel that did not accept a message, by its name, the reason.
        """
        started, refusals = time.monotonic(), {}
        for channel in self._channels:
            self._pack(channel.name, now)
            for message in self._due(channel.name, now):
                if time.monotonic() - started > PATIENCE:
                    break
                refusal = self._send(channel, _with_id(message))
                if not refusal:
                    self._outbox.accepted(message, now)
                    continue
                pause = min(FIRST_WAIT * 2 ** min(message.attempts, BLOCKING_ATTEMPTS), LONGEST_WAIT)
                self._outbox.refused(message, refusal, now, now + pause)
                refusals[channel.name] = refusal
                if message.attempts + 1 < BLOCKING_ATTEMPTS:
                    break
        return refusals

    def _remind(self, now: dt.datetime) -> None:
        """Note reminders of failures that last, and notices for channels that have not heard of them yet."""
        for channel in self._channels:
            busy = self._outbox.is_busy(channel.name)
            for episode, notified in self._outbox.unnotified_episodes(channel.name, now - REMIND):
                if channel.takes(episode.event) and not (notified and busy):
                    self._outbox.add_notice(channel.name, episode, "reminder" if notified else "opened", now)

    def _pack(self, channel: str, now: dt.datetime) -> None:
        """Pack a channel's notices into messages, unless it has had enough messages for now."""
        if any(message.attempts < BLOCKING_ATTEMPTS for message in self._waiting(channel)):
            return  # a channel that was unreachable gets one digest once it is back
        with self._outbox.transaction():
            made, digests = self._outbox.made_since(channel, now - WINDOW)
            if made >= BURST and digests:
                return
            notices = self._outbox.unpacked(channel)
            groups = _by_asset(notices)
            if len(groups) <= BURST - made:
                for group in groups:
                    texts = single([notice for _, notice in group], self._sender)
                    self._outbox.pack(channel, [number for number, _ in group], texts, digest=False, now=now)
            elif not digests:
                write = single if len(groups) == 1 else digest
                texts = write(list(notices.values()), self._sender)
                self._outbox.pack(channel, list(notices), texts, digest=True, now=now)

    def _due(self, channel: str, now: dt.datetime) -> list[Message]:
        """The messages to try now, in order; a waiting message holds up those behind it until it gives way."""
        own = self._waiting(channel)
        holding = (
            position
            for position, message in enumerate(own)
            if message.attempts < BLOCKING_ATTEMPTS and message.due > now
        )
        return [message for message in own[: next(holding, len(own))] if message.due <= now]

    def _waiting(self, channel: str) -> list[Message]:
        return [message for message in self._outbox.waiting() if message.channel == channel]


def waiting(folder: Path) -> list[tuple[str, int, str, str]]:
    """The messages waiting in an outbox, read without the manager's lock; see ``Outbox.refusals``."""
    if not (folder / FILE).is_file():
        return []
    try:
        outbox = Outbox(folder)
    except SpiError:  # a disk that cannot be written to
        outbox = Outbox(folder, only_read=True)
    try:
        return outbox.refusals()
    finally:
        outbox.close()


def send_test(channels: Sequence[Channel], text: Text, send: Send = through_apprise) -> dict[str, str]:
    """Send one message to every channel, bypassing the outbox.

    Returns:
        For each channel, by its name, the reason for its refusal, or "" if it accepted the message.
    """
    return {channel.name: send(channel, text) for channel in channels}


def _by_asset(notices: Mapping[int, Notice]) -> list[list[tuple[int, Notice]]]:
    """Group the notices of each asset, in the order of each asset's first notice."""
    first: dict[str, int] = {}

    def place(item: tuple[int, Notice]) -> int:
        event = item[1].episode.event
        return first.setdefault(event.asset or event.key, len(first))

    placed = sorted(((place(item), item) for item in notices.items()), key=lambda pair: pair[0])
    return [[item for _, item in group] for _, group in groupby(placed, key=lambda pair: pair[0])]


def _with_id(message: Message) -> Text:
    """The text as sent: the id lets a recipient recognise a message that arrives twice."""
    text = message.text
    return Text(text.title, f"{text.body}\n\nMessage {message.id}", text.level)
