"""Downloads: what there is to take away, how large it is and what it holds."""

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
    """The page, with or without files."""
    ordered = sorted(site.downloads, key=lambda one: one.path)
    grouped = {said: [one for one in ordered if one.group == name] for name, said in GROUPS.items()}
    yield Page(
        path="downloads.html",
        template="downloads.html",
        title="Downloads",
        description="The figures to take away: database, tables, map layer, workbook and dictionary.",
        content={"grouped": {said: list(_things(site, files)) for said, files in grouped.items() if files}},
        section="downloads.html",
    )


def _things(site: Site, files: list[Download]) -> Iterator[dict[str, Any]]:
    """What there is, each in one file or, as tables are, in one of each kind."""
    for (stem, title), of_it in groupby(files, key=lambda file: (PurePath(file.path).stem, file.title)):
        kinds = list(of_it)
        product = site.results.contracts.products.get(stem) if kinds[0].group == "tables" else None
        yield {
            "title": title,
            "holds": " ".join((product.description if product else kinds[0].holds).split()),
            "version": product.version if product else "",
            "files": [
                (file.path, PurePath(file.path).name, file.size and size(file.size, file.path)) for file in kinds
            ],
        }
