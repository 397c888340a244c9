"""The page of downloads: each file, its size and its content."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePath
from typing import Any

from spi_pipeline.outputs.site.downloads import Download
from spi_pipeline.outputs.site.figures import size
from spi_pipeline.outputs.site.pages.page import Page, Site

GROUPS = {
    "wards": "By ward",
    "whole": "Everything",
    "tables": "Table by table",
}


def downloads(site: Site) -> Iterator[Page]:
    """The page of downloads, with or without files."""
    ordered = sorted(site.downloads, key=lambda download: download.path)
    grouped = {
        heading: [download for download in ordered if download.group == name] for name, heading in GROUPS.items()
    }
    yield Page(
        path="downloads.html",
        template="downloads.html",
        title="Downloads",
        description="The figures to take away: database, tables, map layer, workbook and dictionary.",
        content={"grouped": {heading: list(_entries(site, files)) for heading, files in grouped.items() if files}},
        section="downloads.html",
    )


def _entries(site: Site, files: list[Download]) -> Iterator[dict[str, Any]]:
    """The entries of the page; a table is one entry with a file of each kind."""
    for (stem, title), matching in groupby(files, key=lambda file: (PurePath(file.path).stem, file.title)):
        kinds = list(matching)
        product = site.results.contracts.products.get(stem) if kinds[0].group == "tables" else None
        yield {
            "title": title,
            "holds": " ".join((product.description if product else kinds[0].holds).split()),
            "version": product.version if product else "",
            "files": [
                (file.path, PurePath(file.path).name, file.size and size(file.size, file.path)) for file in kinds
            ],
        }
