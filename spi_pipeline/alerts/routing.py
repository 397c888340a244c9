"""Who is told what: channels, each with what it takes and what it leaves.

A channel's URL is a secret. It comes from the environment or a file, is handed to delivery, and appears in no sentence:
``redact`` goes over every text that could hold a part of one.
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

# What a channel can choose by; each is an attribute of an event.
CHOICES = ("severity", "kind", "group", "owner", "asset", "rule")
CLOSED: Mapping[str, Collection[str]] = {"severity": get_args(Severity), "kind": get_args(Kind)}
_NAMED = re.compile(r"(?:([A-Za-z][\w-]*)=)?([A-Za-z][A-Za-z0-9+.-]*)://.*", re.DOTALL)
# Apprise separates URLs by blanks or commas; a comma inside a URL is followed by no scheme.
_BETWEEN = re.compile(r"[\s,]+(?=(?:[A-Za-z][\w-]*=)?[A-Za-z][A-Za-z0-9+.-]*://)")
_NAME = re.compile(r"[A-Za-z][\w-]*")
_BETWEEN_PARTS = re.compile(r"[/:@?&=+,#\s]+")
# Parts of a URL too short to be a secret, and too common in any text to blot out; a login may be as short.
_SHORT = 4

Patterns = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Channel:
    """One place messages go to.

    Attributes:
        name: how people call it; never a part of its URL beyond the scheme.
        url: an Apprise URL; a secret.
        include: by choice the patterns of which one must match; an absent choice matches everything.
        exclude: by choice the patterns of which none may match.
    """

    name: str
    url: str = field(repr=False)
    include: Patterns = field(default_factory=dict)
    exclude: Patterns = field(default_factory=dict)

    def takes(self, event: Event) -> bool:
        """Whether the channel is told of an event."""
        wanted = all(_matches(event, choice, patterns) for choice, patterns in self.include.items())
        return wanted and not any(_matches(event, choice, patterns) for choice, patterns in self.exclude.items())


def _matches(event: Event, choice: str, patterns: Iterable[str]) -> bool:
    value = getattr(event, choice)
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def channels(
    urls: str = "", file: str | Path = "", known: Mapping[str, Collection[str]] | None = None
) -> list[Channel]:
    """The channels there are.

    Args:
        urls: Apprise URLs separated by blanks, each plain or as ``name=URL``.
        file: a YAML file whose ``channels`` map names to ``url`` (unless ``urls`` has one of that name), ``include``
            and ``exclude``; empty for none.
        known: by choice the words that an alert can carry, so that a pattern that matches none of them is refused; of
            ``severity`` and ``kind`` they are known here, a choice that is not named may state anything.

    Returns:
        The channels of the file, then those that only ``urls`` has, which take everything.

    Raises:
        SpiError: for a URL or a file that cannot be understood; without any part of a URL.
    """
    given: dict[str, str] = {}
    for position, word in enumerate(filter(None, _BETWEEN.split(urls.strip())), start=1):
        found = _NAMED.fullmatch(word)
        if not found:
            raise SpiError(
                f"alert URL {position} is not a URL; write scheme://… or name=scheme://…, separated by blanks"
            )
        name = found[1] or f"{found[2].lower()}-{position}"
        if name in given:
            raise SpiError(f"two alert URLs are named {name}; give each a name of its own")
        given[name] = word.removeprefix(f"{found[1]}=") if found[1] else word
    stated = _read(Path(file)) if file else {}
    carried = {**CLOSED, **(known or {})}
    made = [_channel(name, about, given, carried, Path(file)) for name, about in stated.items()]
    return made + [Channel(name, url) for name, url in given.items() if name not in stated]


def _read(file: Path) -> dict[str, Any]:
    faults: list[Fault] = []
    document = read_document(file, str(file), faults)
    if document is None or faults:
        fault = faults[0]
        # What is said of a line quotes it, and it may hold a URL.
        said = "cannot be read as YAML; see docs/alerts.md for an example" if fault.line else fault.message
        raise SpiError(f"{file}:{fault.line}: {said}" if fault.line else f"the alert channels {file}: {said}")
    stated = document.data.get("channels")
    if not isinstance(stated, dict) or set(document.data) != {"channels"}:
        raise SpiError(f"{file}: must hold the one key channels, a mapping from names to channels")
    return stated


def _channel(
    name: Any, about: Any, given: Mapping[str, str], carried: Mapping[str, Collection[str]], file: Path
) -> Channel:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SpiError(f"{file}: a channel's name is a letter followed by letters, digits, _ or -")
    about = about or {}
    if not isinstance(about, dict) or not about.keys() <= {"url", "include", "exclude"}:
        raise SpiError(f"{file}: channel {name} may state url, include and exclude, and nothing else")
    url = given.get(name) or about.get("url")
    if not isinstance(url, str) or not _NAMED.fullmatch(url):
        why = "a URL that is none" if url else "no URL"
        raise SpiError(f"{file}: channel {name} has {why}; state scheme://… there, or {name}=URL in SPI_ALERT_URLS")
    patterns = {
        key: _patterns(about.get(key) or {}, carried, f"{file}: {key} of channel {name}")
        for key in ("include", "exclude")
    }
    return Channel(name, url, **patterns)


def _patterns(stated: Any, carried: Mapping[str, Collection[str]], place: str) -> Patterns:
    if not isinstance(stated, dict) or not stated.keys() <= set(CHOICES):
        raise SpiError(f"{place} may choose by {', '.join(CHOICES)}, and by nothing else")
    found = {key: value if isinstance(value, list) else [value] for key, value in stated.items()}
    if any(not words or not isinstance(word, str) for words in found.values() for word in words or [None]):
        raise SpiError(f"{place} must state words, such as severity: [error]")
    for key, words in found.items():
        for word in words if key in carried else ():
            if not any(fnmatchcase(value, word) for value in carried[key]):
                (nearest,) = difflib.get_close_matches(word, sorted(carried[key]), n=1, cutoff=0)
                raise SpiError(f"{place}: no alert can carry the {key} {word!r}; the nearest word is {nearest!r}")
    return {key: tuple(words) for key, words in found.items()}


def redact(text: str, known: Iterable[Channel]) -> str:
    """A text in which no part of any channel's URL is left but its scheme."""
    for channel in known:
        scheme, _, rest = channel.url.partition("://")
        text = text.replace(channel.url, f"{scheme}://…")
        login = re.split(r"[/?]", rest)[0].rpartition("@")[0]
        # Libraries tell a URL as it was given or with its escapes undone.
        parts = {part for form in (rest, unquote(rest)) for part in (form, *_BETWEEN_PARTS.split(form))}
        secrets = {unquote(part) for part in _BETWEEN_PARTS.split(login)}
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= _SHORT:
                text = text.replace(part, "…")
        for part in secrets - {""}:
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "…", text)
    return text
