"""GOV.UK: what is asked to see whether its pages still lead to the files, and these still have their columns."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.govuk import deprivation, fuel_poverty
from spi_pipeline.publishers.govuk.content import ASSETS, CONTENT, PUBLISHER, attachments
from spi_pipeline.publishers.http.exchange import MEGABYTE, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import KILOBYTE, Earlier, Probe, Shape, asks_first


def _page(body: bytes) -> Mapping[str, Any]:
    found = shapes.json_of(body, PUBLISHER)
    return found if isinstance(found, dict) else {}


def _files(peek: Peek) -> Shape:
    """The names of a page's attachments, and when it changed."""
    about = _page(peek.body)
    urls = [str(one.get("url")) for one in (about.get("details") or {}).get("attachments") or []]
    names = tuple(url.rsplit("/", 1)[-1] for url in urls)
    return Shape(columns=tuple(about), links=names, periods=tuple(filter(None, [about.get("public_updated_at")])))


def _attaches(pattern: str, path: str, shape: Shape) -> None:
    attachments({"details": {"attachments": [{"url": name} for name in shape.links]}}, pattern, path)


def _releases(peek: Peek) -> Shape:
    """The releases and files of a collection that are read, by the years of their figures."""
    about = _page(peek.body)
    found = fuel_poverty.attached(about) | fuel_poverty.releases(about)
    links = tuple(path.rsplit("/", 1)[-1] for path in found.values())
    return Shape(columns=tuple(about), links=links, periods=tuple(map(str, sorted(found, reverse=True)[:3])))


def _has_releases(shape: Shape) -> None:
    if not shape.periods:
        raise SpiError(
            f"{fuel_poverty.FUEL_POVERTY} of {PUBLISHER} lists no release of a year since "
            f"{fuel_poverty.FIRST_FUEL_YEAR} among its documents; see how their titles name it now"
        )


def _file_7(_: Scope, earlier: Earlier) -> Request:
    file = attachments(_page(earlier.body), deprivation.FILE_NAME, deprivation.INDICES)[0]
    return earlier.absolute(file, [ASSETS])


def _newest_release(_: Scope, earlier: Earlier) -> Request | None:
    found = fuel_poverty.releases(_page(earlier.body))
    if not found:
        return None  # what the collection should hold is judged there
    return Request(CONTENT, found[max(found)], media=("json",))


def _has_scores(shape: Shape) -> None:
    deprivation.columns_of(shape.columns, "File 7")


INDICES = Probe(
    "govuk/indices_of_deprivation", asks_first(deprivation.fetch_indices), _files,
    (partial(_attaches, deprivation.FILE_NAME, deprivation.INDICES),), piece=Piece(MEGABYTE),
)  # fmt: skip
FILE_7 = Probe(
    "govuk/file_7", _file_7, partial(shapes.table, publisher=PUBLISHER), (_has_scores,),
    piece=Piece(16 * KILOBYTE, ranged=True), follows=INDICES,
)  # fmt: skip
FUEL_POVERTY = Probe(
    "govuk/fuel_poverty", asks_first(fuel_poverty.fetch), _releases, (_has_releases,), piece=Piece(MEGABYTE)
)
FUEL_RELEASE = Probe(
    "govuk/fuel_poverty_release", _newest_release, _files,
    (partial(_attaches, fuel_poverty.FILE_NAME, "the newest release of fuel poverty"),), piece=Piece(MEGABYTE),
    follows=FUEL_POVERTY,
)  # fmt: skip
