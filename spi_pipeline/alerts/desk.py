"""The desk where observations come in and messages go out. This is the door of the room.

    with Desk(folder, channels) as desk:
        desk.report(events, now)
        refusals = desk.deliver(now)

Rules: a channel is told once that something fails, reminded while it lasts, and told once that it is over. Much at once
becomes a digest. A message is tried until the channel accepts it. One process at a time is at the desk; its lock dies
with it.
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
from spi_pipeline.alerts.wording import Text, Told, digest, single
from spi_pipeline.contracts.errors import SpiError

# How far each item of a source was read.
Seen = Mapping[str, str]
REMIND = dt.timedelta(days=1)
# So many messages in a window are sent one by one; what is more becomes a digest, and then one digest a window.
BURST, WINDOW = 5, dt.timedelta(minutes=10)
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(minutes=1), dt.timedelta(hours=1)
# A message refused so often no longer holds up those behind it; it is tried on, every hour.
GIVE_WAY = 8
# No new attempt is begun after so many seconds: Dagster ends a sensor after 60.
PATIENCE = 40.0


class Desk:
    """See the module.

    Args:
        folder: where the desk keeps its record; made where it is not there.
        channels: who can be told.
        sender: what the titles begin with.
        send: how a message is handed over.
        wait: seconds to wait for another process at the desk.

    Raises:
        SpiError: on entering, where another process does not leave the desk; from every method, where the disk refuses.
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

    def __enter__(self) -> Desk:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._folder / "desk.lock")
            self._lock.acquire(timeout=self._wait)
        except Timeout:
            raise SpiError("another process is sending alerts; what is new is told by it or the next one") from None
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
        """How far each item of a source was read, as ``report`` was told."""
        return self._outbox.seen(source)

    def lasting(self, kind: str) -> set[str]:
        """The subjects of a kind that are failing as far as the desk knows."""
        return {episode.event.subject for episode in self._outbox.lasting((), (kind,)).values()}

    def report(
        self,
        events: Iterable[Event],
        now: dt.datetime,
        *,
        whole: Collection[str] = (),
        seen: Mapping[str, Seen] | None = None,
        history: bool = False,
    ) -> None:
        """Take in observations, all of them or, when killed, none.

        Args:
            events: in the order they were made.
            now: the moment.
            whole: kinds of which ``events`` name everything that fails; what else was failing of them is well again.
            seen: how far each item of each source is read with these events; kept with them.
            history: events may lie far back: of what began and ended before now nobody is told.
        """
        with self._outbox.transaction():
            self._outbox.set_right(now, LONGEST_WAIT)
            told = list(events)
            lasting = self._outbox.lasting({event.key for event in told}, whole)
            failing = {event.key for event in told if event.failing}
            told += [
                Event(episode.event.kind, episode.event.subject, failing=False, at=now)
                for key, episode in lasting.items()
                if episode.event.kind in whole and key not in failing
            ]
            for touched in fold(lasting, told):
                episode = self._outbox.keep(touched)
                if history and episode.until and not touched.number:
                    continue
                for channel in self._channels:
                    if channel.takes(episode.event):
                        self._outbox.note(channel.name, episode, "opened", now)
                for name in self._outbox.told_of(episode) if episode.until else ():
                    self._outbox.note(name, episode, "cleared", now)
            self._remind(now)
            for source, positions in (seen or {}).items():
                self._outbox.mark_seen(source, positions)

    def deliver(self, now: dt.datetime) -> dict[str, str]:
        """Send what is due.

        Args:
            now: the moment.

        Returns:
            By the name of each channel that did not accept a message, why.
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
                pause = min(FIRST_WAIT * 2 ** min(message.attempts, GIVE_WAY), LONGEST_WAIT)
                self._outbox.refused(message, refusal, now + pause)
                refusals[channel.name] = refusal
                if message.attempts + 1 < GIVE_WAY:
                    break
        return refusals

    def _remind(self, now: dt.datetime) -> None:
        """Remind of what lasts, and tell channels that are new to it."""
        for channel in self._channels:
            busy = self._outbox.is_busy(channel.name)
            for episode, told in self._outbox.untold(channel.name, now - REMIND):
                if channel.takes(episode.event) and not (told and busy):
                    self._outbox.note(channel.name, episode, "reminder" if told else "opened", now)

    def _pack(self, channel: str, now: dt.datetime) -> None:
        """Put what a channel is to be told into messages, unless it has enough of them for now."""
        if any(message.attempts < GIVE_WAY for message in self._waiting(channel)):
            return  # a channel that is away finds one digest when it is back
        with self._outbox.transaction():
            made, digests = self._outbox.made_since(channel, now - WINDOW)
            if made >= BURST and digests:
                return
            notices = self._outbox.unpacked(channel)
            groups = _by_asset(notices)
            if len(groups) <= BURST - made:
                for group in groups:
                    texts = single([told for _, told in group], self._sender)
                    self._outbox.pack(channel, [number for number, _ in group], texts, digest=False, now=now)
            elif not digests:
                write = single if len(groups) == 1 else digest
                texts = write(list(notices.values()), self._sender)
                self._outbox.pack(channel, list(notices), texts, digest=True, now=now)

    def _due(self, channel: str, now: dt.datetime) -> list[Message]:
        """What to try now, in order; a message that waits holds up those behind it until it gives way."""
        own = self._waiting(channel)
        holding = (at for at, message in enumerate(own) if message.attempts < GIVE_WAY and message.due > now)
        return [message for message in own[: next(holding, len(own))] if message.due <= now]

    def _waiting(self, channel: str) -> list[Message]:
        return [message for message in self._outbox.waiting() if message.channel == channel]


def waiting(folder: Path) -> list[tuple[str, int, str, str]]:
    """What waits at a desk, looked at from outside; see ``Outbox.refusals``."""
    if not (folder / FILE).is_file():
        return []
    try:
        outbox = Outbox(folder)
    except SpiError:  # a disk that takes nothing
        outbox = Outbox(folder, only_read=True)
    try:
        return outbox.refusals()
    finally:
        outbox.close()


def try_out(channels: Sequence[Channel], text: Text, send: Send = through_apprise) -> dict[str, str]:
    """Send one message to every channel, past the outbox.

    Returns:
        By name of each channel why it was refused, "" where it was accepted.
    """
    return {channel.name: send(channel, text) for channel in channels}


def _by_asset(notices: Mapping[int, Told]) -> list[list[tuple[int, Told]]]:
    """Notices of one asset together, in the order of the first."""
    first: dict[str, int] = {}

    def place(item: tuple[int, Told]) -> int:
        event = item[1].episode.event
        return first.setdefault(event.asset or event.key, len(first))

    placed = sorted(((place(item), item) for item in notices.items()), key=lambda pair: pair[0])
    return [[item for _, item in group] for _, group in groupby(placed, key=lambda pair: pair[0])]


def _with_id(message: Message) -> Text:
    """The words as sent: whoever gets a message twice knows it by its id."""
    text = message.text
    return Text(text.title, f"{text.body}\n\nMessage {message.id}", text.level)
