"""What a publisher's module declares for an endpoint: the request, the shape of the response, and the expectations.

A ``Shape`` holds names, counts and dates, never a row. Expectations are checked on the shape alone, by the rules by
which the parser refuses, so that anyone who receives a report can judge it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from spi_pipeline.publishers.files.reading import found_columns
from spi_pipeline.publishers.http.exchange import MEGABYTE, Client, Download, Host, Media, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece

KILOBYTE = 1_000
_V = TypeVar("_V")
LONGEST = 100
# The widest file of a publisher has 57 columns.
MOST = 100
# An e-mail address, a key, an identifier of an incident: no name of a column, file or category looks like these.
_PRIVATE = re.compile(r"\S*@\S*|\b[0-9a-fA-F]{24,}\b|\d{9,}")


def sanitised(text: str) -> str:
    """Return a publisher's text as a report may hold it: short, printable, and masked where it looks like a key."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    plain = _PRIVATE.sub("(masked)", plain)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def _few(texts: tuple[str, ...]) -> tuple[str, ...]:
    return texts[:MOST]


def _few_of(values: Mapping[str, _V]) -> Mapping[str, _V]:
    return dict(islice(values.items(), MOST))


def newest_first(periods: Iterable[str]) -> tuple[str, ...]:
    """Return each period once, in the order of ``Shape.periods``, without empty ones."""
    return tuple(sorted({*periods} - {""}, reverse=True))


SanitisedText = Annotated[str, AfterValidator(sanitised)]
Names = Annotated[tuple[SanitisedText, ...], AfterValidator(_few)]
Labels = Annotated[Mapping[SanitisedText, int | None], AfterValidator(_few_of)]
Facts = Annotated[Mapping[SanitisedText, SanitisedText], AfterValidator(_few_of)]


class Shape(BaseModel):
    """The structure of a response, without its content; of the names of each kind, the first hundred are stored.

    Attributes:
        form: the form of the body, by its first bytes.
        columns: the names of its columns, fields or keys, as written.
        rows: the number of rows, records or members in the piece examined; None if none were counted.
        total: the number of rows that the publisher declares, if it does.
        labels: the categories of the one dimension, each with its code, if it has one.
        periods: the newest months, years or days in it, newest first, three at most.
        links: the last parts of the addresses it links, or the names of the files in it.
        facts: any other facts, each a word or two.
    """

    model_config = ConfigDict(frozen=True)

    form: Media | Literal[""] = ""
    columns: Names = ()
    rows: int | None = None
    total: int | None = None
    labels: Labels = {}
    periods: Names = ()
    links: Names = ()
    facts: Facts = {}


@dataclass(frozen=True)
class EarlierResponse:
    """The response to the earlier probe, for a probe that follows a link in it.

    Attributes:
        body: the body received; empty for a probe that follows no other.
        absolute: see ``Client.absolute``.
    """

    body: bytes
    absolute: Callable[[str, Sequence[Host]], Request]


_BEGINNING = Piece(64 * KILOBYTE)
RequestMaker = Callable[[Scope, EarlierResponse], Request | None]
Expect = Callable[[Shape], None]


@dataclass(frozen=True)
class Probe:
    """One small request to an endpoint, for the sources whose offers name it.

    Attributes:
        name: the publisher and the resource, such as ``nomis/NM_2021_1``; reports are compared by it.
        make_request: returns the request, for a scope of one area of each kind, or None if there is nothing to request;
            raises ``SpiError`` if the earlier response has no link to follow.
        shape: describes the structure of a body; raises ``SpiError`` for one it cannot read.
        expects: checks that each raise ``SpiError``, in the parser's words, if a shape is not as expected.
        piece: how much of the response is examined.
        follows: the probe whose response leads to this one.
        max_bytes: the limit for the whole body, as in the request of a refresh.
    """

    name: str
    make_request: RequestMaker
    shape: Callable[[Peek], Shape]
    expects: tuple[Expect, ...] = ()
    piece: Piece = _BEGINNING
    follows: "Probe | None" = None
    max_bytes: int = 256 * MEGABYTE


class _FirstRequest(Exception):  # noqa: N818
    """Carries the first request of a fetcher."""

    def __init__(self, request: Request) -> None:
        self.request = request


class _CapturingClient:
    """A client that sends nothing, and raises the first request it receives."""

    def get(self, request: Request, check: object = None) -> Download:
        raise _FirstRequest(request)

    read_json: Any = get

    def announce(self, requests: Sequence[Request]) -> None:
        """Ignore announcements, which come before the request."""

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        raise AssertionError(f"no answer can have led to {url} before the first request")


def first_request(fetch: Callable[[Client, Scope], Any], scope: Scope) -> Request | None:
    """Return the first request of a fetcher, so that a probe sends the same request as a refresh.

    Raises:
        SpiError: when the fetcher cannot make a request.
    """
    try:
        # A generator sends its first request when its first download is needed.
        next(iter(fetch(_CapturingClient(), scope)), None)
    except _FirstRequest as first:
        return first.request
    return None


def first_request_of(fetch: Callable[[Client, Scope], Any]) -> RequestMaker:
    """Return the ``make_request`` of a probe that sends the first request of a fetcher."""
    return lambda scope, _: first_request(fetch, scope)


def has_columns(columns: Mapping[str, str | Sequence[str]], name: str, publisher: str) -> Expect:
    """Return a check that a shape has the columns its parser reads; the arguments are those of ``found_columns``."""

    def expect(shape: Shape) -> None:
        found_columns(shape.columns, name, publisher, columns)

    return expect
