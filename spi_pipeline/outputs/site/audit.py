"""What each file of the site is found to be before anybody sees it, as the rules of the product ``site`` judge it."""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
from lxml import html

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.places import place_beside_figure
from spi_pipeline.outputs.site.contrast import contrasts
from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline.outputs.site.pages.page import SiteFile
from spi_pipeline.outputs.site.readback import read_page

# What a script could ask others by, and a style.
_ASKING = {
    "js": re.compile(r"\bfetch\(|XMLHttpRequest|\beval\(|new Function|\bimport\b|https?:"),
    "css": re.compile(r"@import|url\((?!['\"]?data:)[^)]*\)?|@font-face"),
}
# A place that links may lead to. Inside texts quotation marks are escaped.
ID = re.compile(rb'<[^>]*?\sid="([^"]*)"')


def audited(files: Sequence[SiteFile], facts: Facts, beside: Mapping[str, int]) -> pd.DataFrame:
    """The rows of the product ``site``.

    Args:
        files: every file of the site.
        facts: the published database and the contracts, by which pages are read back.
        beside: size in bytes of each file to take away, which links may lead to, by its path.
    """
    sizes = {file.path: len(file.content) for file in files} | {**beside}
    # Trees of all pages at once would be gigabytes where there are 300 wards.
    pages = {file.path: file for file in files if file.path.endswith(".html")}
    places = {path: set(map(bytes.decode, ID.findall(file.content))) for path, file in pages.items()}
    zipped = {file.path: len(gzip.compress(file.content, 9, mtime=0)) for file in files}
    css = "\n".join(file.content.decode() for file in files if file.path.endswith(".css"))
    rows = []
    for file in files:
        row: dict[str, Any] = {
            "path": file.path, "title": file.title or None, "area_code": file.area_code or None,
            "content": file.content, "bytes": len(file.content),
            "placed": place_beside_figure(file.path, file.content),
        }  # fmt: skip
        if file.path in pages:
            tree = html.document_fromstring(file.content)
            read = read_page(file.path, tree, facts, sizes)
            row |= {
                "transferred": zipped[file.path] + sum(zipped.get(path, 0) for path in _shared(file.path, tree)),
                "numbers": read.numbers,
                "unread": _first(read.faults),
                "broken": _first(list(_broken(file.path, tree, sizes, places))),
                "outside": _first(list(_outside(tree))),
            }
        elif asking := _ASKING.get(file.path.rpartition(".")[2]):
            found = asking.search(file.content.decode())
            row["outside"] = f"{found.group()} asks for something" if found else None
        if file.path == "static/site.css":
            where, lowest = min(contrasts(css).items(), key=lambda item: item[1])
            row |= {"contrast": lowest, "faintest": where}
        rows.append(row)
    columns = ("path", "title", "area_code", "content", "bytes", "transferred", "numbers", "contrast", "faintest",
               "unread", "broken", "outside", "placed")  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"bytes": "Int64", "transferred": "Int64", "numbers": "Int64"})


def refuse_faults(files: Sequence[SiteFile], facts: Facts, beside: Mapping[str, int]) -> None:
    """Refuse a site with a fault, whatever its contract would make of it.

    Args:
        files: as for ``audited``.
        facts: likewise.
        beside: likewise.

    Raises:
        SpiError: with the first fault, and how many files have one.
    """
    found = (
        audited(files, facts, beside)
        .melt("path", ["unread", "broken", "outside", "placed"], value_name="fault")
        .dropna()
    )
    told = [f"{path}: {fault}" for path, fault in zip(found["path"], found["fault"], strict=True)]
    if told:
        raise SpiError(f"the site is not in order and was not written: {told[0]} ({len(told)} faults by file and kind)")


def _first(faults: Sequence[str]) -> str | None:
    more = f"; and {len(faults) - 1:,} more" if len(faults) > 1 else ""
    return f"{faults[0]}{more}" if faults else None


def _shared(path: str, tree: html.HtmlElement) -> Iterator[str]:
    """The styles and scripts that a page loads."""
    for address in tree.xpath("//script/@src | //link[@rel='stylesheet']/@href"):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(path), address))


def _broken(
    path: str, tree: html.HtmlElement, known: Collection[str], places: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """What a page links to that is not there."""
    for address in tree.xpath("//@href | //@src"):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        to = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
        # What a script reads, such as #m=housing, is no place in the page.
        place = unquote(parts.fragment)
        if to not in known:
            yield f"{address} leads to no file"
        elif place and "=" not in place and to in places and place not in places[to]:
            yield f"{address} leads to no place in {to}"


def _outside(tree: html.HtmlElement) -> Iterator[str]:
    """What a page loads from elsewhere, and what stands in it that its own policy forbids."""
    for address in tree.xpath("//@src | //link[not(@rel='canonical')]/@href | //object/@data | //@srcset | //@poster"):
        if urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data"):
            yield f"{address} is loaded from elsewhere"
    for one in tree.xpath("//style | //script[not(@src)] | //iframe | //base"):
        yield f"a {one.tag} stands in the page"
    for name in tree.xpath("//@style/.. | //@*[starts-with(name(), 'on')]/.."):
        yield f"{name.tag} has a style or script of its own"
