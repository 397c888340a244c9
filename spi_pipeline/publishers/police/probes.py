"""data.police.uk: the probes that its months, incidents and archives can still be read.

Probes record only keys and categories of incidents, never where one happened or to whom.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.months import MONTH
from spi_pipeline.publishers.http.exchange import MEGABYTE, Client, Download, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.police import fetching
from spi_pipeline.publishers.police.files import PUBLISHER
from spi_pipeline.publishers.police.parsing import STOPS, STREET, Kind, member_names
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import (
    EarlierResponse,
    Probe,
    Shape,
    first_request,
    first_request_of,
    newest_first,
)
from spi_pipeline.rules.wording import listing


def _dates(peek: Peek) -> Shape:
    """Describe the keys and months of a list of months, or of a single month."""
    dates = shapes.json_of(peek.body, PUBLISHER)
    items = dates if isinstance(dates, list) else [dates]
    months = newest_first(str(one.get("date", "")) for one in items if isinstance(one, dict))
    return Shape(columns=shapes.keys_of(dates), rows=len(items), periods=months[:3], facts=_oldest(months))


def _oldest(months: Sequence[str]) -> dict[str, str]:
    """Return the oldest of some months as a fact."""
    return {"oldest": months[-1]} if months else {}


def _names_months(shape: Shape) -> None:
    if not shape.periods or not re.match(MONTH, shape.periods[0]):
        raise SpiError(f"{PUBLISHER} names no month but {listing(shape.periods or shape.columns)}; see its docs")


def _fixed(earlier: EarlierResponse) -> Request:
    """Return the fixed part of a request for the newest month."""
    months = [str(one.get("date")) for one in shapes.json_of(earlier.body, PUBLISHER) if isinstance(one, dict)]
    if not months:
        raise SpiError("the list of months leads nowhere")
    return Request(fetching.POLICE, "", media=("json",), period=max(months))


def _crimes(scope: Scope, earlier: EarlierResponse) -> Request | None:
    def fetch(client: Client, scope: Scope) -> Iterator[Download]:
        return fetching.inside(client, _fixed(earlier), fetching.outlines_of(scope)[0], False)

    return first_request(fetch, scope)


def _stops(scope: Scope, earlier: EarlierResponse) -> Request | None:
    fixed = _fixed(earlier)
    params = (("force", ""), ("date", fixed.period))
    return first_request(lambda client, scope: fetching.of_forces(client, fixed, "stops-force", params, scope), scope)


def _incidents(peek: Peek) -> Shape:
    """Describe incidents by their keys, months, categories and number."""
    response = shapes.json_of(peek.body, PUBLISHER)
    items = [one for one in response if isinstance(one, dict)] if isinstance(response, list) else []
    labels = {str(one["category"]): None for one in items if "category" in one}
    months = newest_first(str(one.get("month", one.get("datetime", "")))[:7] for one in items)
    return Shape(columns=shapes.keys_of(response), rows=len(items), labels=labels, periods=months[:3])


def _is_read(kind: Kind, shape: Shape) -> None:
    """Check that the parser can read an incident with these keys, in each category present."""
    if not shape.rows and not shape.columns:
        return  # a ward may have no incident in a month
    place = {key.removeprefix("location."): "51.9" for key in shape.columns if key.startswith("location.")}
    item = {key: place if key == "location" else "" for key in shape.columns}
    download = Download(Path(), "", 0, "stops-force", "2026-01", "")
    for category in shape.labels or {"": None}:
        try:
            kind.row(item | ({"category": category} if "category" in item else {}), download)
        except (KeyError, ValueError, SpiError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise SpiError(
                f"an incident of {PUBLISHER} cannot be read ({why}), it has {listing(shape.columns)}; compare it "
                "with spi_pipeline/publishers/police/parsing.py"
            ) from error


def _listing(peek: Peek) -> Shape:
    """Describe the archives on the page, and for how many it shows an MD5."""
    page = peek.body.decode("utf-8", "replace")
    links = newest_first(re.findall(rf"/archive/({MONTH}\.zip)", page))
    return Shape(rows=len(links), links=links[:3], facts={"MD5": str(len(fetching.sums_in(page)))})


def _lists_archives(shape: Shape) -> None:
    if not shape.links or not int(shape.facts.get("MD5", "0")):
        raise SpiError(
            f"the page of archives of {PUBLISHER} lists {shape.rows} archives and {shape.facts.get('MD5')} MD5s, so "
            "archives are checked only by the checksums inside them; compare it with "
            "spi_pipeline/publishers/police/fetching.py"
        )


def _archive(scope: Scope, earlier: EarlierResponse) -> Request:
    return fetching.archive_of(scope, _fixed(earlier).period, "")


def _members(peek: Peek) -> Shape:
    """Describe an archive by the number of its files and the first files of its newest month."""
    names = shapes.members_of(peek, PUBLISHER)
    months = newest_first(match[0] for name in names if (match := re.search(MONTH, name)))
    newest = sorted(name for name in names if months and months[0] in name)
    return Shape(rows=len(names), links=tuple(newest[:9]), periods=months[:3], facts=_oldest(months))


def _holds_kinds(shape: Shape) -> None:
    for kind in (STREET, STOPS):
        if not any(member_names(kind).fullmatch(name) for name in shape.links):
            raise SpiError(
                f"an archive of {PUBLISHER} holds no file like 2026-07/2026-07-bedfordshire-{kind.member}.csv but "
                f"{listing(shape.links)}; compare them with spi_pipeline/publishers/police/parsing.py"
            )


UPDATED = Probe("police/crime-last-updated", first_request_of(fetching.newest_month), _dates, (_names_months,))
DATES = Probe("police/crimes-street-dates", first_request_of(fetching.fetch_street_crime), _dates, (_names_months,))
CRIMES = Probe(
    "police/crimes-street", _crimes, _incidents, (partial(_is_read, STREET),), piece=Piece(MEGABYTE), follows=DATES
)
FORCE_STOPS = Probe(
    "police/stops-force", _stops, _incidents, (partial(_is_read, STOPS),), piece=Piece(2 * MEGABYTE), follows=DATES
)
LISTING = Probe("police/archives", lambda *_: fetching.LISTING, _listing, (_lists_archives,), piece=Piece(MEGABYTE))
ARCHIVE = Probe(
    "police/archive", _archive, _members, (_holds_kinds,), piece=Piece(MEGABYTE, end=True), follows=DATES,
    max_bytes=fetching.ARCHIVE_BYTES,
)  # fmt: skip
