"""The state that must survive a kill, in one SQLite file: read positions, ongoing failures, notices and messages.

Three steps, each one transaction: observations are folded and become notices; notices are packed into messages with
their text and id; a message is marked as accepted. After a kill between two steps, the next process continues with the
next step. ``manager`` decides which channel hears of what.
"""

import datetime as dt
import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from spi_pipeline.alerts.event import Event
from spi_pipeline.alerts.folding import Episode
from spi_pipeline.alerts.wording import Notice, Phase, Text
from spi_pipeline.contracts.errors import SpiError

FILE = "outbox.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (source TEXT, item TEXT, position TEXT NOT NULL, PRIMARY KEY (source, item));
CREATE TABLE IF NOT EXISTS episode (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, event TEXT NOT NULL,
    since TEXT NOT NULL, last TEXT NOT NULL, times INTEGER NOT NULL, until TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS one_ongoing ON episode (key) WHERE until IS NULL;
CREATE TABLE IF NOT EXISTS notice (number INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL,
    episode INTEGER NOT NULL REFERENCES episode, phase TEXT NOT NULL, at TEXT NOT NULL, message INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS notified_once ON notice (episode, channel, phase) WHERE phase != 'reminder';
CREATE INDEX IF NOT EXISTS notified ON notice (episode, channel, at);
CREATE INDEX IF NOT EXISTS unpacked ON notice (channel) WHERE message IS NULL;
CREATE TABLE IF NOT EXISTS message (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, level TEXT NOT NULL, digest INTEGER NOT NULL,
    made TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due TEXT NOT NULL, accepted TEXT);
CREATE INDEX IF NOT EXISTS waiting ON message (channel) WHERE accepted IS NULL;
CREATE TABLE IF NOT EXISTS refusal (message INTEGER PRIMARY KEY REFERENCES message, at TEXT NOT NULL,
    reason TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Message:
    """A message that its channel has not accepted yet; ``due`` is the time of the next attempt."""

    number: int
    id: str
    channel: str
    text: Text
    attempts: int
    due: dt.datetime


class Outbox:
    """The SQLite file. A process that writes to it holds the manager's lock.

    Args:
        folder: the folder of the file.
        only_read: whether to open an existing file without writing to it.

    Raises:
        SpiError: from every method, if the disk fails or the file is damaged.
    """

    def __init__(self, folder: Path, *, only_read: bool = False) -> None:
        self._path = folder / FILE
        how = "?mode=ro" if only_read else ""
        with self._sentences():
            self._connection = sqlite3.connect(
                f"file:{quote(str(self._path))}{how}", uri=True, isolation_level=None, timeout=30
            )
            if not only_read:
                self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the whole body, or roll it back on an exception."""
        with self._sentences():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def seen(self, source: str) -> dict[str, str]:
        """How far each item of a source was read."""
        return dict(self._rows("SELECT item, position FROM seen WHERE source = ?", source))

    def mark_seen(self, source: str, positions: Mapping[str, str]) -> None:
        """Remember how far each item was read."""
        for item, position in positions.items():
            self._rows("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", source, item, position)

    def ongoing(self, keys: Collection[str], kinds: Collection[str] = ()) -> dict[str, Episode]:
        """The episodes that have not ended, by key: those with one of the keys, and all of the kinds."""
        rows = self._rows("SELECT key, number, event, since, last, times, until FROM episode WHERE until IS NULL")
        # Only requested episodes are parsed: in a storm there are hundreds, for each of hundreds of calls.
        return {key: _episode(*row) for key, *row in rows if key in keys or key.split(":")[0] in kinds}

    def correct_future_times(self, now: dt.datetime, longest: dt.timedelta) -> None:
        """Correct times later than ``now``, written while the clock was wrong, so that no message waits for them.

        Args:
            now: the current time.
            longest: the longest that a message may wait for its next attempt.
        """
        dated = {("episode", "last"): now, ("notice", "at"): now, ("message", "made"): now, ("refusal", "at"): now}
        for (table, column), latest in {**dated, ("message", "due"): now + longest}.items():
            self._rows(f"UPDATE {table} SET {column} = ? WHERE {column} > ?", _text(now), _text(latest))

    def save(self, episode: Episode) -> Episode:
        """Store a new or changed episode and return it with its number."""
        rows = self._rows(
            "INSERT INTO episode VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET "
            "event = excluded.event, last = excluded.last, times = excluded.times, until = excluded.until "
            "RETURNING number",
            episode.number or None, episode.event.key, episode.event.to_json(), _text(episode.since),
            _text(episode.last), episode.times, episode.until and _text(episode.until),
        )  # fmt: skip
        return replace(episode, number=rows[0][0])

    def unnotified_episodes(self, channel: str, since: dt.datetime) -> list[tuple[Episode, bool]]:
        """Ongoing episodes without a notice for a channel since a given time, and whether it ever had one."""
        rows = self._rows(
            "SELECT number, event, since, last, times, until, notified FROM (SELECT *, (SELECT max(at) FROM notice "
            "WHERE notice.episode = episode.number AND channel = ?) AS notified FROM episode WHERE until IS NULL) "
            "WHERE notified IS NULL OR notified <= ? ORDER BY number",
            channel, _text(since),
        )  # fmt: skip
        return [(_episode(*row), notified is not None) for *row, notified in rows]

    def notified_channels(self, episode: Episode) -> list[str]:
        """The channels with a notice that the episode began."""
        rows = self._rows("SELECT channel FROM notice WHERE episode = ? AND phase = 'opened'", episode.number)
        return [channel for (channel,) in rows]

    def add_notice(self, channel: str, episode: Episode, phase: Phase, at: dt.datetime) -> None:
        """Add a notice of an episode for a channel; a notice that exists already is not repeated."""
        self._rows(
            "INSERT OR IGNORE INTO notice (channel, episode, phase, at) VALUES (?, ?, ?, ?)",
            channel, episode.number, phase, _text(at),
        )  # fmt: skip

    def is_busy(self, channel: str) -> bool:
        """Whether any notice or message waits for a channel."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM notice WHERE channel = ? AND message IS NULL) "
            "OR EXISTS (SELECT 1 FROM message WHERE channel = ? AND accepted IS NULL)"
        )
        return bool(self._rows(query, channel, channel)[0][0])

    def unpacked(self, channel: str) -> dict[int, Notice]:
        """A channel's notices that are in no message yet, by ascending number."""
        rows = self._rows(
            "SELECT notice.number, phase, episode.number, event, since, last, times, until "
            "FROM notice JOIN episode ON episode = episode.number "
            "WHERE channel = ? AND message IS NULL ORDER BY notice.number",
            channel,
        )
        return {number: Notice(phase, _episode(*row)) for number, phase, *row in rows}

    def pack(
        self, channel: str, numbers: Sequence[int], texts: Sequence[Text], *, digest: bool, now: dt.datetime
    ) -> None:
        """Make messages from notices, each with an id that stays the same for every attempt."""
        for part, text in enumerate(texts):
            content = [channel, part, _text(now), list(numbers), text.title, text.body]
            identifier = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
            rows = self._rows(
                "INSERT INTO message (id, channel, title, body, level, digest, made, due) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
                identifier, channel, text.title, text.body, text.level, digest, _text(now), _text(now),
            )  # fmt: skip
        for number in numbers:
            self._rows("UPDATE notice SET message = ? WHERE number = ?", rows[0][0], number)

    def made_since(self, channel: str, since: dt.datetime) -> tuple[int, int]:
        """How many messages of a channel were made after a given time, and how many of them are digests."""
        query = "SELECT count(*), coalesce(sum(digest), 0) FROM message WHERE channel = ? AND made > ?"
        messages, digests = self._rows(query, channel, _text(since))[0]
        return messages, digests

    def waiting(self) -> list[Message]:
        """Messages not accepted yet, in the order they were made."""
        rows = self._rows(
            "SELECT number, id, channel, title, body, level, attempts, due FROM message WHERE accepted IS NULL "
            "ORDER BY number"
        )
        return [
            Message(number, name, channel, Text(title, body, level), attempts, _moment(due))
            for number, name, channel, title, body, level, attempts, due in rows
        ]

    def accepted(self, message: Message, at: dt.datetime) -> None:
        """Record that the channel accepted the message."""
        self._rows("UPDATE message SET accepted = ? WHERE number = ?", _text(at), message.number)

    def refused(self, message: Message, reason: str, at: dt.datetime, due: dt.datetime) -> None:
        """Record that the channel refused the message, and when to try again."""
        retry = "UPDATE message SET attempts = attempts + 1, due = ? WHERE number = ?"
        with self.transaction():
            self._rows(retry, _text(due), message.number)
            self._rows("INSERT OR REPLACE INTO refusal VALUES (?, ?, ?)", message.number, _text(at), reason)

    def refusals(self) -> list[tuple[str, int, str, str]]:
        """For each channel with waiting messages: its name, how many wait, since when, and its last reason or ""."""
        return self._rows(
            "SELECT channel, count(*), min(made), coalesce((SELECT reason FROM refusal JOIN message AS refused "
            "ON refused.number = refusal.message WHERE refused.channel = message.channel AND refused.accepted IS NULL "
            "ORDER BY at DESC, refused.number DESC LIMIT 1), '') "
            "FROM message WHERE accepted IS NULL GROUP BY channel ORDER BY channel"
        )

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._sentences():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpiError(
                f"the outbox of alerts {self._path} could not be used ({error}): check the disk; if the file is "
                "damaged, move it away, and alerts of all current failures are sent again"
            ) from error


def _episode(number: int, event: str, since: str, last: str, times: int, until: str | None) -> Episode:
    ended = _moment(until) if until else None
    return Episode(Event.from_json(event), _moment(since), _moment(last), times, ended, number)


def _text(moment: dt.datetime) -> str:
    """The time as text whose alphabetical order is the order of time."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
