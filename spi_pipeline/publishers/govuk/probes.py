"""GOV.UK: the probes that its pages still lead to the files, and that the files still have their columns."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.govuk import deprivation, fuel_poverty
from spi_pipeline.publishers.govuk.content import ASSETS, CONTENT, PUBLISHER, attached, attachments, matching, name_of
from spi_pipeline.publishers.http.exchange import MEGABYTE, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import (
    KILOBYTE,
    EarlierResponse,
    Probe,
    Shape,
    first_request_of,
    newest_first,
)


def _page(body: bytes) -> Mapping[str, Any]:
    content = shapes.json_of(body, PUBLISHER)
    return content if isinstance(content, dict) else {}


def _files(peek: Peek) -> Shape:
    """Describe a page by the names of its attachments and the time of its last change."""
    content = _page(peek.body)
    names = tuple(name_of(url) for url, _ in attached(content))
    return Shape(columns=tuple(content), links=names, periods=tuple(filter(None, [content.get("public_updated_at")])))


def _attaches(pattern: str, path: str, shape: Shape) -> None:
    matching(shape.links, pattern, path)


def _releases(peek: Peek) -> Shape:
    """Describe a collection by the releases and files that are read, and the years of their figures."""
    content = _page(peek.body)
    addresses = fuel_poverty.own_files(content) | fuel_poverty.releases(content)
    links = tuple(map(name_of, addresses.values()))
    return Shape(columns=tuple(content), links=links, periods=newest_first(map(str, addresses))[:3])


def _has_releases(shape: Shape) -> None:
    if not shape.periods:
        raise SpiError(
            f"{fuel_poverty.FUEL_POVERTY} of {PUBLISHER} lists no release of a year since "
            f"{fuel_poverty.FIRST_FUEL_YEAR} among its documents; see how their titles name it now"
        )


def _file_7(_: Scope, earlier: EarlierResponse) -> Request:
    file = attachments(_page(earlier.body), deprivation.FILE_NAME, deprivation.INDICES)[0]
    return earlier.absolute(file, [ASSETS])


def _newest_release(_: Scope, earlier: EarlierResponse) -> Request | None:
    releases = fuel_poverty.releases(_page(earlier.body))
    if not releases:
        return None  # the probe of the collection reports missing releases
    return Request(CONTENT, releases[max(releases)], media=("json",))


def _has_scores(shape: Shape) -> None:
    deprivation.columns_of(shape.columns, "File 7")


INDICES = Probe(
    "govuk/indices_of_deprivation", first_request_of(deprivation.fetch_indices), _files,
    (partial(_attaches, deprivation.FILE_NAME, deprivation.INDICES),), piece=Piece(MEGABYTE),
)  # fmt: skip
FILE_7 = Probe(
    "govuk/file_7", _file_7, partial(shapes.table, publisher=PUBLISHER), (_has_scores,),
    piece=Piece(16 * KILOBYTE, ranged=True), follows=INDICES,
)  # fmt: skip
FUEL_POVERTY = Probe(
    "govuk/fuel_poverty", first_request_of(fuel_poverty.fetch), _releases, (_has_releases,), piece=Piece(MEGABYTE)
)
FUEL_RELEASE = Probe(
    "govuk/fuel_poverty_release", _newest_release, _files,
    (partial(_attaches, fuel_poverty.FILE_NAME, "the newest release of fuel poverty"),), piece=Piece(MEGABYTE),
    follows=FUEL_POVERTY,
)  # fmt: skip
