"""Checks of each file of the site before publication; the rules of the product ``site`` judge the outcome."""

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

# The ways in which a script or a style could make requests.
_REQUESTS = {
    "js": re.compile(r"\bfetch\(|XMLHttpRequest|\beval\(|new Function|\bimport\b|https?:"),
    "css": re.compile(r"@import|url\((?!['\"]?data:)[^)]*\)?|@font-face"),
}
# An element that links may lead to. Quotation marks inside texts are escaped.
ID = re.compile(rb'<[^>]*?\sid="([^"]*)"')


def audited(files: Sequence[SiteFile], facts: Facts, download_sizes: Mapping[str, int]) -> pd.DataFrame:
    """The rows of the product ``site``.

    Args:
        files: every file of the site.
        facts: the published database and the contracts, against which pages are read back.
        download_sizes: the size in bytes of each download, by its path; links may lead to downloads.
    """
    sizes = {file.path: len(file.content) for file in files} | {**download_sizes}
    # The parsed trees of all pages together would take gigabytes for 300 wards, so only one is held at a time.
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
        elif requests := _REQUESTS.get(file.path.rpartition(".")[2]):
            match = requests.search(file.content.decode())
            row["outside"] = f"{match.group()} makes a request" if match else None
        if file.path == "static/site.css":
            where, lowest = min(contrasts(css).items(), key=lambda item: item[1])
            row |= {"contrast": lowest, "lowest_contrast_at": where}
        rows.append(row)
    columns = ("path", "title", "area_code", "content", "bytes", "transferred", "numbers", "contrast",
               "lowest_contrast_at", "unread", "broken", "outside", "placed")  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"bytes": "Int64", "transferred": "Int64", "numbers": "Int64"})


def refuse_faults(files: Sequence[SiteFile], facts: Facts, download_sizes: Mapping[str, int]) -> None:
    """Refuse a site with a fault, whatever its contract says about faults.

    Args:
        files: as for ``audited``.
        facts: as for ``audited``.
        download_sizes: as for ``audited``.

    Raises:
        SpiError: when there is a fault; the message gives the first, and the number of faults.
    """
    faults = (
        audited(files, facts, download_sizes)
        .melt("path", ["unread", "broken", "outside", "placed"], value_name="fault")
        .dropna()
    )
    messages = [f"{path}: {fault}" for path, fault in zip(faults["path"], faults["fault"], strict=True)]
    if messages:
        raise SpiError(
            f"the site has faults and was not written: {messages[0]} ({len(messages)} faults by file and kind)"
        )


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
    """Links of a page to files or places that do not exist."""
    for address in tree.xpath("//@href | //@src"):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        to = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
        # A fragment that a script reads, such as #m=housing, is not a place in the page.
        place = unquote(parts.fragment)
        if to not in known:
            yield f"{address} leads to no file"
        elif place and "=" not in place and to in places and place not in places[to]:
            yield f"{address} leads to no place in {to}"


def _outside(tree: html.HtmlElement) -> Iterator[str]:
    """Things that a page loads from elsewhere, and elements in it that its own policy forbids."""
    for address in tree.xpath("//@src | //link[not(@rel='canonical')]/@href | //object/@data | //@srcset | //@poster"):
        if urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data"):
            yield f"{address} is loaded from elsewhere"
    for element in tree.xpath("//style | //script[not(@src)] | //iframe | //base"):
        yield f"a {element.tag} element is in the page"
    for name in tree.xpath("//@style/.. | //@*[starts-with(name(), 'on')]/.."):
        yield f"{name.tag} has a style or script of its own"
