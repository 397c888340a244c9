"""Channels, and which alerts each of them receives.

A channel's URL is a secret. It comes from the environment or a file and goes to delivery, but never into a message:
``redact`` is applied to every text that could hold a part of one.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

from spi_pipeline.alerts.event import Event, Kind, Severity
from spi_pipeline.contracts.errors import Fault, SpiError
from spi_pipeline.contracts.reading.documents import read_document

# Attributes of an event that a channel can choose by.
CHOICES = ("severity", "kind", "group", "owner", "asset", "rule")
CLOSED: Mapping[str, Collection[str]] = {"severity": get_args(Severity), "kind": get_args(Kind)}
_NAMED = re.compile(r"(?:([A-Za-z][\w-]*)=)?([A-Za-z][A-Za-z0-9+.-]*)://.*", re.DOTALL)
# Apprise separates URLs by blanks or commas; a comma inside a URL is not followed by a scheme.
_BETWEEN = re.compile(r"[\s,]+(?=(?:[A-Za-z][\w-]*=)?[A-Za-z][A-Za-z0-9+.-]*://)")
_NAME = re.compile(r"[A-Za-z][\w-]*")
_BETWEEN_PARTS = re.compile(r"[/:@?&=+,#\s]+")
# Shorter parts of a URL are too short to be secrets and too common in any text to redact; logins are always redacted.
_SHORT = 4

Patterns = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Channel:
    """A destination for messages.

    Attributes:
        name: its name in settings and messages; never holds a part of its URL beyond the scheme.
        url: an Apprise URL; a secret.
        include: for each attribute of ``CHOICES``, patterns of which one must match; without patterns, every value
            matches.
        exclude: for each attribute of ``CHOICES``, patterns of which none may match.
    """

    name: str
    url: str = field(repr=False)
    include: Patterns = field(default_factory=dict)
    exclude: Patterns = field(default_factory=dict)

    def takes(self, event: Event) -> bool:
        """Whether the channel receives alerts of an event."""
        wanted = all(_matches(event, choice, patterns) for choice, patterns in self.include.items())
        return wanted and not any(_matches(event, choice, patterns) for choice, patterns in self.exclude.items())


def _matches(event: Event, choice: str, patterns: Iterable[str]) -> bool:
    value = getattr(event, choice)
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def channels(
    urls: str = "", file: str | Path = "", known: Mapping[str, Collection[str]] | None = None
) -> list[Channel]:
    """Read the channels from URLs and a file.

    Args:
        urls: Apprise URLs separated by blanks, each plain or as ``name=URL``.
        file: a YAML file whose ``channels`` map names to ``url`` (unless ``urls`` has one of that name), ``include``
            and ``exclude``; empty for none.
        known: for each attribute, the values that an alert can have; a pattern that matches none of them is refused.
            The values of ``severity`` and ``kind`` are built in; patterns for an attribute that is not listed are not
            checked.

    Returns:
        The channels of the file, then those that only ``urls`` has, which receive every alert.

    Raises:
        SpiError: if a URL or the file cannot be parsed; the text holds no part of a URL.
    """
    given: dict[str, str] = {}
    for position, word in enumerate(filter(None, _BETWEEN.split(urls.strip())), start=1):
        match = _NAMED.fullmatch(word)
        if not match:
            raise SpiError(
                f"alert URL {position} is not a URL; write scheme://… or name=scheme://…, separated by blanks"
            )
        name = match[1] or f"{match[2].lower()}-{position}"
        if name in given:
            raise SpiError(f"two alert URLs are named {name}; give each its own name")
        given[name] = word.removeprefix(f"{match[1]}=") if match[1] else word
    declared = _read(Path(file)) if file else {}
    allowed = {**CLOSED, **(known or {})}
    from_file = [_channel(name, entry, given, allowed, Path(file)) for name, entry in declared.items()]
    return from_file + [Channel(name, url) for name, url in given.items() if name not in declared]


def _read(file: Path) -> dict[str, Any]:
    faults: list[Fault] = []
    document = read_document(file, str(file), faults)
    if document is None or faults:
        fault = faults[0]
        # A fault with a line number quotes that line, which may hold a URL.
        message = "cannot be read as YAML; see docs/alerts.md for an example" if fault.line else fault.message
        raise SpiError(f"{file}:{fault.line}: {message}" if fault.line else f"the alert channels {file}: {message}")
    declared = document.data.get("channels")
    if not isinstance(declared, dict) or set(document.data) != {"channels"}:
        raise SpiError(
            f"{file}: the only key at the top must be channels, with an entry for each name, as in docs/alerts.md"
        )
    return declared


def _channel(
    name: Any, entry: Any, given: Mapping[str, str], allowed: Mapping[str, Collection[str]], file: Path
) -> Channel:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SpiError(f"{file}: a channel's name is a letter followed by letters, digits, _ or -")
    entry = entry or {}
    if not isinstance(entry, dict) or not entry.keys() <= {"url", "include", "exclude"}:
        raise SpiError(f"{file}: channel {name} may only have url, include and exclude")
    url = given.get(name) or entry.get("url")
    if not isinstance(url, str) or not _NAMED.fullmatch(url):
        problem = "an invalid URL" if url else "no URL"
        raise SpiError(f"{file}: channel {name} has {problem}; write scheme://… there, or {name}=URL in SPI_ALERT_URLS")
    patterns = {
        key: _patterns(entry.get(key) or {}, allowed, f"{file}: {key} of channel {name}")
        for key in ("include", "exclude")
    }
    return Channel(name, url, **patterns)


def _patterns(declared: Any, allowed: Mapping[str, Collection[str]], place: str) -> Patterns:
    if not isinstance(declared, dict) or not declared.keys() <= set(CHOICES):
        raise SpiError(f"{place} may only choose by {', '.join(CHOICES)}")
    patterns = {key: value if isinstance(value, list) else [value] for key, value in declared.items()}
    if any(not words or not isinstance(word, str) for words in patterns.values() for word in words or [None]):
        raise SpiError(f"{place} must list words, such as severity: [error]")
    for key, words in patterns.items():
        for word in words if key in allowed else ():
            if not any(fnmatchcase(value, word) for value in allowed[key]):
                (nearest,) = difflib.get_close_matches(word, sorted(allowed[key]), n=1, cutoff=0)
                raise SpiError(f"{place}: no alert can have the {key} {word!r}; the nearest is {nearest!r}")
    return {key: tuple(words) for key, words in patterns.items()}


def redact(text: str, known: Iterable[Channel]) -> str:
    """Return a text in which nothing of any channel's URL is left except its scheme."""
    for channel in known:
        scheme, _, rest = channel.url.partition("://")
        text = text.replace(channel.url, f"{scheme}://…")
        login = re.split(r"[/?]", rest)[0].rpartition("@")[0]
        # Libraries print a URL as it was given or with its escapes decoded.
        parts = {part for form in (rest, unquote(rest)) for part in (form, *_BETWEEN_PARTS.split(form))}
        secrets = {unquote(part) for part in _BETWEEN_PARTS.split(login)}
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= _SHORT:
                text = text.replace(part, "…")
        for part in secrets - {""}:
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "…", text)
    return text
