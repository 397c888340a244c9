"""data.police.uk: what is asked to see whether its months, incidents and archives are still as they are read.

Of incidents only keys and categories are seen, never where one happened or to whom.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.http.exchange import MEGABYTE, Client, Download, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.police import asking
from spi_pipeline.publishers.police.answers import STOPS, STREET, Kind
from spi_pipeline.publishers.police.files import PUBLISHER
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import Earlier, Probe, Shape, asks_first, first_asked

_MONTH = r"20\d\d-[01]\d"


def _dates(peek: Peek) -> Shape:
    """Keys and newest months of a list of months, or of one."""
    answer = shapes.json_of(peek.body, PUBLISHER)
    items = answer if isinstance(answer, list) else [answer]
    months = sorted({str(one.get("date", "")) for one in items if isinstance(one, dict)} - {""}, reverse=True)
    return Shape(
        columns=shapes.keys_of(answer), rows=len(items), periods=tuple([*months[:1], *months[-1:]][: len(months)])
    )


def _names_months(shape: Shape) -> None:
    if not shape.periods or not re.match(_MONTH, shape.periods[0]):
        raise SpiError(f"{PUBLISHER} names no month but {listed(shape.periods or shape.columns)}; see its docs")


def _fixed(earlier: Earlier) -> Request:
    """A request for the newest month."""
    months = [str(one.get("date")) for one in shapes.json_of(earlier.body, PUBLISHER) if isinstance(one, dict)]
    if not months:
        raise SpiError("the list of months leads nowhere")
    return Request(asking.POLICE, "", media=("json",), period=max(months))


def _crimes(scope: Scope, earlier: Earlier) -> Request | None:
    def fetch(client: Client, scope: Scope) -> Iterator[Download]:
        return asking.inside(client, _fixed(earlier), asking.outlines_of(scope)[0], False)

    return first_asked(fetch, scope)


def _stops(scope: Scope, earlier: Earlier) -> Request | None:
    fixed = _fixed(earlier)
    params = (("force", ""), ("date", fixed.period))
    return first_asked(lambda client, scope: asking.of_forces(client, fixed, "stops-force", params, scope), scope)


def _incidents(peek: Peek) -> Shape:
    """Keys, months and categories of incidents, and how many there are."""
    answer = shapes.json_of(peek.body, PUBLISHER)
    items = [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else []
    labels = {str(one["category"]): None for one in items if "category" in one}
    months = sorted({str(one.get("month", one.get("datetime", "")))[:7] for one in items} - {""}, reverse=True)
    return Shape(columns=shapes.keys_of(answer), rows=len(items), labels=labels, periods=tuple(months[:3]))


def _is_read(kind: Kind, shape: Shape) -> None:
    """That the parser reads an incident of these keys, of each category that was met."""
    if not shape.rows and not shape.columns:
        return  # a ward's month may well be without one
    place = {key.removeprefix("location."): "51.9" for key in shape.columns if key.startswith("location.")}
    item = {key: place if key == "location" else "" for key in shape.columns}
    asked = Download(Path(), "", 0, "stops-force", "2026-01", "")
    for category in shape.labels or {"": None}:
        try:
            kind.row(item | ({"category": category} if "category" in item else {}), asked)
        except (KeyError, ValueError, SpiError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise SpiError(
                f"an incident of {PUBLISHER} cannot be read ({why}), it has {listed(shape.columns)}; compare it "
                "with spi_pipeline/publishers/police/answers.py"
            ) from error


def _listing(peek: Peek) -> Shape:
    """The archives that the page lists, and of how many it tells an MD5."""
    page = peek.body.decode("utf-8", "replace")
    links = sorted(set(re.findall(rf"/archive/({_MONTH}\.zip)", page)), reverse=True)
    return Shape(rows=len(links), links=tuple(links[:3]), facts={"MD5": str(len(asking.sums_in(page)))})


def _lists_archives(shape: Shape) -> None:
    if not shape.links or not int(shape.facts.get("MD5", "0")):
        raise SpiError(
            f"the page of archives of {PUBLISHER} lists {shape.rows} archives and {shape.facts.get('MD5')} MD5s, so "
            "that archives are held to their own checksums alone; compare it with "
            "spi_pipeline/publishers/police/asking.py"
        )


def _archive(scope: Scope, earlier: Earlier) -> Request:
    return asking.archive_of(scope, _fixed(earlier).period, "")


def _members(peek: Peek) -> Shape:
    """How many files an archive has, and those of its newest month that come first."""
    names = shapes.members_of(peek, PUBLISHER)
    months = sorted({found[0] for name in names if (found := re.search(_MONTH, name))}, reverse=True)
    newest = sorted(name for name in names if months and months[0] in name)
    return Shape(rows=len(names), links=tuple(newest[:9]), periods=tuple([*months[:1], *months[-1:]][: len(months)]))


def _holds_kinds(shape: Shape) -> None:
    for kind in (STREET, STOPS):
        pattern = rf"(.*/)?{_MONTH}-[a-z-]+-{kind.member}\.csv"
        if not any(re.fullmatch(pattern, name) for name in shape.links):
            raise SpiError(
                f"an archive of {PUBLISHER} holds no file like 2026-07/2026-07-bedfordshire-{kind.member}.csv but "
                f"{listed(shape.links)}; compare them with spi_pipeline/publishers/police/answers.py"
            )


UPDATED = Probe("police/crime-last-updated", asks_first(asking.newest_month), _dates, (_names_months,))
DATES = Probe("police/crimes-street-dates", asks_first(asking.fetch_street_crime), _dates, (_names_months,))
CRIMES = Probe(
    "police/crimes-street", _crimes, _incidents, (partial(_is_read, STREET),), piece=Piece(MEGABYTE), follows=DATES
)
FORCE_STOPS = Probe(
    "police/stops-force", _stops, _incidents, (partial(_is_read, STOPS),), piece=Piece(2 * MEGABYTE), follows=DATES
)
LISTING = Probe("police/archives", lambda *_: asking.LISTING, _listing, (_lists_archives,), piece=Piece(MEGABYTE))
ARCHIVE = Probe(
    "police/archive", _archive, _members, (_holds_kinds,), piece=Piece(MEGABYTE, end=True), follows=DATES,
    max_bytes=asking.ARCHIVE_BYTES,
)  # fmt: skip
