"""Reads a report back with pypdf, which did not write it: text, tags, metadata, fonts and links."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject


class Tag:
    """An element of the structure tree."""

    def __init__(self, node: DictionaryObject) -> None:
        self.node = node

    @property
    def name(self) -> str:
        return str(self.node.get("/S", "")).removeprefix("/")

    @property
    def children(self) -> list[Tag]:
        value = self.node.get("/K", [])
        value = value.get_object() if isinstance(value, IndirectObject) else value
        nodes = [one.get_object() for one in (value if isinstance(value, ArrayObject) else [value])]
        return [Tag(one) for one in nodes if isinstance(one, DictionaryObject) and "/S" in one]

    def all(self) -> Iterator[Tag]:
        """This tag and all tags below it, in reading order."""
        yield self
        for tag in self.children:
            yield from tag.all()

    def named(self, *names: str) -> list[Tag]:
        return [tag for tag in self.all() if tag.name in names]

    @property
    def scope(self) -> str | None:
        """The scope of a header."""
        value = self.node.get("/A", [])
        attributes = [one.get_object() for one in (value if isinstance(value, ArrayObject) else [value])]
        return next((str(one["/Scope"]) for one in attributes if "/Scope" in one), None)


class Report:
    """A finished report."""

    def __init__(self, content: bytes) -> None:
        self.reader = PdfReader(io.BytesIO(content))

    @cached_property
    def pages(self) -> list[str]:
        """The text of each page, with white space collapsed and hyphenated words rejoined."""
        return [
            " ".join(page.extract_text().replace("-\n", "").replace("\u00ad", "").split()) for page in self.reader.pages
        ]

    @cached_property
    def root(self) -> DictionaryObject:
        return self.reader.root_object

    @cached_property
    def tags(self) -> Tag:
        return Tag(self.root["/StructTreeRoot"].get_object())  # type: ignore[arg-type]

    @property
    def bookmarks(self) -> list[tuple[str, int]]:
        """The first-level bookmarks with their page numbers, counted from 1."""
        return [
            (str(one.title), self.reader.get_destination_page_number(one) + 1)
            for one in self.reader.outline
            if not isinstance(one, list)
        ]

    @property
    def links(self) -> list[Any]:
        """The target of each link."""
        annotations = [one.get_object() for page in self.reader.pages for one in page.get("/Annots", [])]
        return [one.get("/A", {}).get("/URI") or one.get("/Dest") or one["/A"]["/D"] for one in annotations]

    @property
    def fonts(self) -> dict[str, bool]:
        """Whether each font is embedded in the file, including the fonts of pictures."""
        objects = (self.reader.get_object(number) for number in range(1, int(self.reader.trailer["/Size"])))
        described = [one for one in objects if isinstance(one, DictionaryObject) and "/FontName" in one]
        return {str(one["/FontName"]): not {"/FontFile2", "/FontFile3"}.isdisjoint(one) for one in described}
