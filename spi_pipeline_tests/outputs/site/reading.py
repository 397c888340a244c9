"""Reads pages back: their words, their links, and every number with what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class Number:
    """A number as a page shows it."""

    value: float
    shown: str
    digits: int
    table: str = ""
    key: dict[str, str] = field(default_factory=dict)
    query: str = ""


class Read(HTMLParser):
    """A page that was read."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.numbers: list[Number] = []
        self._open: Number | None = None
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a tag says."""
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.ids += [given["id"]] if "id" in given else []
        if tag == "data":
            pairs = [part.partition("=") for part in given.get("data-key", "").split(";") if part]
            self._open = Number(
                float(given["value"]), "", int(given["data-digits"]), given.get("data-from", ""),
                {name: value for name, _, value in pairs}, given.get("data-query", ""),
            )  # fmt: skip
            self.numbers.append(self._open)

    def handle_endtag(self, tag: str) -> None:
        """A number ends; a cell is a word of its own."""
        if tag in {"td", "th", "p", "li", "caption", "br", "dt", "dd"}:
            self.words.append(" ")
        self._open = None if tag == "data" else self._open

    def handle_data(self, data: str) -> None:
        """Words, of the page and of the number that is open."""
        self.words.append(data)
        if self._open:
            self._open.shown += data

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return " ".join("".join(self.words).split())
