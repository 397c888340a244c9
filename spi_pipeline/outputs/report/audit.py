"""Measurements of the finished report for the rules of the product ``report``: pages and PDF/UA-1 conformance."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pikepdf

PAGES_OF_A_WARD = 2


def audited(pdf: bytes, wards: Iterable[str]) -> Mapping[str, Any]:
    """The properties of a report that its rules check.

    Args:
        pdf: the report.
        wards: names of the wards that it must cover.

    Returns:
        ``pages``; ``untagged``, the first requirement of PDF/UA-1 that is not met; ``ward_without_two_pages``, the
        first such ward. The last two are None if there is no such fault.
    """
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return {
            "pages": len(document.pages),
            "untagged": next(_untagged(document), None),
            "ward_without_two_pages": next(_without_two_pages(document, set(wards)), None),
        }


def _untagged(document: pikepdf.Pdf) -> Iterator[str]:
    """Faults against ISO 14289-1 that a program can find: claim, language, title, tags, figures, headers, headings."""
    root = document.Root
    with document.open_metadata() as metadata:
        if metadata.get("pdfuaid:part") != "1":
            yield "the file does not claim PDF/UA-1"
        if not metadata.get("dc:title"):
            yield "the document has no title"
    if "/MarkInfo" not in root or not root.MarkInfo.get("/Marked"):
        yield "the file is not marked as tagged"
    if not root.get("/Lang"):
        yield "the document has no language"
    if "/ViewerPreferences" not in root or not root.ViewerPreferences.get("/DisplayDocTitle"):
        yield "a reader would show the name of the file in place of its title"
    tags = list(_tags(root.StructTreeRoot)) if "/StructTreeRoot" in root else []
    if not tags:
        yield "there are no tags"
    for tag in tags:
        if tag.S == "/Figure" and not str(tag.get("/Alt", "")).strip():
            yield "a figure has no alternative text"
        if tag.S == "/TH" and not any("/Scope" in attribute for attribute in _attributes(tag)):
            yield "a table header does not say whether it belongs to a row or a column"
    levels = [int(str(tag.S)[2:]) for tag in tags if str(tag.S)[:2] == "/H" and str(tag.S)[2:].isdigit()]
    for earlier, later in pairwise([0, *levels]):
        if later - earlier > 1:
            yield f"a heading of level {later} follows one of level {earlier}"


def _tags(node: Any) -> Iterator[Any]:
    """Every element of the structure tree, in reading order."""
    value = node.get("/K", [])
    for child in value if isinstance(value, pikepdf.Array) else [value]:
        if isinstance(child, pikepdf.Dictionary) and "/S" in child:
            yield child
            yield from _tags(child)


def _attributes(tag: Any) -> list[Any]:
    value = tag.get("/A", [])
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def _without_two_pages(document: pikepdf.Pdf, wards: set[str]) -> Iterator[str]:
    """Wards that the bookmarks do not name, or that do not have two pages."""
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
