"""What a publisher's module states of an endpoint: what it is asked, what is seen in its answer, what is expected.

What is seen is a ``Shape``: names, counts and dates, never a row. What is expected is judged of the shape alone, by
what the parser itself refuses by, so that a report can be judged by whoever gets it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from spi_pipeline.publishers.files.reading import found_columns
from spi_pipeline.publishers.http.exchange import MEGABYTE, Client, Download, Host, Media, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece

KILOBYTE = 1_000
LONGEST = 100
MOST = 60
# An address of a person, a key, an identifier of an incident: no name of a column, file or category is written so.
_PRIVATE = re.compile(r"\S*@\S*|\b[0-9a-fA-F]{24,}\b|\d{9,}")


def told(text: str) -> str:
    """A text of a publisher as a report may hold it: short, printable, and masked where it looks like a key."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    plain = _PRIVATE.sub("(masked)", plain)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def _few(texts: tuple[str, ...]) -> tuple[str, ...]:
    return texts[:MOST]


Told = Annotated[str, AfterValidator(told)]
Names = Annotated[tuple[Told, ...], AfterValidator(_few)]


class Shape(BaseModel):
    """How an answer is made, without what it says.

    Attributes:
        form: of the body, by its first bytes.
        columns: names of its columns, fields or keys, as written.
        rows: rows, records or members in what was looked at; None where none were counted.
        total: rows that the publisher says there are, where it says so.
        labels: categories of the one dimension, each with its code where it has one.
        periods: months, years or days it speaks of, the newest first, three at most.
        links: last parts of the addresses it leads to, or names of the files in it.
        facts: anything else in a word.
    """

    model_config = ConfigDict(frozen=True)

    form: Media | Literal[""] = ""
    columns: Names = ()
    rows: int | None = None
    total: int | None = None
    labels: Mapping[Told, int | None] = {}
    periods: Names = ()
    links: Names = ()
    facts: Mapping[Told, Told] = {}


@dataclass(frozen=True)
class Earlier:
    """What the probe before saw, for one that follows where its answer leads.

    Attributes:
        body: what came; nothing where a probe follows no other.
        absolute: see ``Client.absolute``.
    """

    body: bytes
    absolute: Callable[[str, Sequence[Host]], Request]


_BEGINNING = Piece(64 * KILOBYTE)
Ask = Callable[[Scope, Earlier], Request | None]
Expect = Callable[[Shape], None]


@dataclass(frozen=True)
class Probe:
    """One small request to an endpoint, for the sources whose offers name it.

    Attributes:
        name: publisher and what is asked, such as ``nomis/NM_2021_1``; reports are compared by it.
        ask: the request, for a scope of one area of each kind; ``SpiError`` where the answer before leads nowhere, None
            where there is nothing to ask for.
        shape: sees how a body is made; raises ``SpiError`` for one it cannot read.
        expects: each raises ``SpiError``, in the parser's words, where a shape is not what it should be.
        piece: how much of the answer is looked at.
        follows: the probe whose answer leads to this one.
        max_bytes: of the whole, as the fetcher asks for it.
    """

    name: str
    ask: Ask
    shape: Callable[[Peek], Shape]
    expects: tuple[Expect, ...] = ()
    piece: Piece = _BEGINNING
    follows: "Probe | None" = None
    max_bytes: int = 256 * MEGABYTE


class _Heard(Exception):  # noqa: N818
    """The request that a fetcher makes first."""

    def __init__(self, request: Request) -> None:
        self.request = request


class _Listening:
    """A client that answers nothing, and tells what it was asked."""

    def get(self, request: Request, check: object = None) -> Download:
        raise _Heard(request)

    read_json: Any = get
    head: Any = get

    def announce(self, requests: Sequence[Request]) -> None:
        """What is large is announced before it is asked for."""

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        raise AssertionError(f"no answer can have led to {url} before the first request")


def first_asked(fetch: Callable[[Client, Scope], Any], scope: Scope) -> Request | None:
    """The request that a fetcher makes first: a probe asks what a refresh asks, in the same words.

    Raises:
        SpiError: when the fetcher says that it cannot ask.
    """
    try:
        # What is not asked at once is asked when the first answer is wanted.
        next(iter(fetch(_Listening(), scope)), None)
    except _Heard as heard:
        return heard.request
    return None


def asks_first(fetch: Callable[[Client, Scope], Any]) -> Ask:
    """The same as what a probe asks."""
    return lambda scope, _: first_asked(fetch, scope)


def has_columns(columns: Mapping[str, str | Sequence[str]], name: str, publisher: str) -> Expect:
    """That a shape has the columns its parser reads; the arguments are those of ``found_columns``."""

    def expect(shape: Shape) -> None:
        found_columns(shape.columns, name, publisher, columns)

    return expect
