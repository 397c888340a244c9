"""What the finished report is found to be, as the rules of the product ``report`` judge it: pages, and PDF/UA-1."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pikepdf

PAGES_OF_A_WARD = 2


def audited(pdf: bytes, wards: Iterable[str]) -> Mapping[str, Any]:
    """What is known of a report.

    Args:
        pdf: the report.
        wards: names of those it must tell of.

    Returns:
        ``pages``; ``untagged``, the first thing that PDF/UA-1 asks for and is not there; ``astray``, the first ward
        that has not two pages. Both are None where there is no such thing.
    """
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return {
            "pages": len(document.pages),
            "untagged": next(_untagged(document), None),
            "astray": next(_astray(document, set(wards)), None),
        }


def _untagged(document: pikepdf.Pdf) -> Iterator[str]:
    """ISO 14289-1, as far as a program can tell: claim, language, title, tags, texts for figures, headers, headings."""
    root = document.Root
    with document.open_metadata() as told:
        if told.get("pdfuaid:part") != "1":
            yield "the file does not claim PDF/UA-1"
        if not told.get("dc:title"):
            yield "the document has no title"
    if "/MarkInfo" not in root or not root.MarkInfo.get("/Marked"):
        yield "the file is not marked as tagged"
    if not root.get("/Lang"):
        yield "the document has no language"
    if "/ViewerPreferences" not in root or not root.ViewerPreferences.get("/DisplayDocTitle"):
        yield "a reader would show the name of the file and not its title"
    tags = list(_tags(root.StructTreeRoot)) if "/StructTreeRoot" in root else []
    if not tags:
        yield "there are no tags"
    for tag in tags:
        if tag.S == "/Figure" and not str(tag.get("/Alt", "")).strip():
            yield "a figure has no text in its place"
        if tag.S == "/TH" and not any("/Scope" in one for one in _attributes(tag)):
            yield "a header of a table says not whether it is of a row or a column"
    levels = [int(str(tag.S)[2:]) for tag in tags if str(tag.S)[:2] == "/H" and str(tag.S)[2:].isdigit()]
    for earlier, later in pairwise([0, *levels]):
        if later - earlier > 1:
            yield f"a heading of level {later} follows one of level {earlier}"


def _tags(node: Any) -> Iterator[Any]:
    """Every element of the structure tree, in the order of reading."""
    held = node.get("/K", [])
    for one in held if isinstance(held, pikepdf.Array) else [held]:
        if isinstance(one, pikepdf.Dictionary) and "/S" in one:
            yield one
            yield from _tags(one)


def _attributes(tag: Any) -> list[Any]:
    held = tag.get("/A", [])
    return list(held) if isinstance(held, pikepdf.Array) else [held]


def _astray(document: pikepdf.Pdf, wards: set[str]) -> Iterator[str]:
    """Wards that the bookmarks do not name, or that have another number of pages."""
    number = {page.objgen: place for place, page in enumerate(document.pages)}
    with document.open_outline() as outline:
        begins = [(str(item.title), number[_page(item).objgen]) for item in outline.root]
    ends = [begin for _, begin in begins[1:]] + [len(document.pages)]
    lengths = {title: end - begin for (title, begin), end in zip(begins, ends, strict=True)}
    for name in sorted(wards):
        if lengths.get(name) != PAGES_OF_A_WARD:
            yield f"{name} has {lengths.get(name, 'no')} pages"


def _page(item: Any) -> Any:
    destination = item.action.D if item.destination is None else item.destination
    return destination[0]
