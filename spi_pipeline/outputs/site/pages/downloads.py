"""Downloads: what there is to take away, how large it is and what it holds."""

from __future__ import annotations

from collections.abc import Iterator

from spi_pipeline.outputs.site.pages.page import Page, Site

GROUPS = {
    "wards": "By ward",
    "whole": "Everything",
    "tables": "Table by table",
}


def downloads(site: Site) -> Iterator[Page]:
    """The page, with or without files."""
    grouped = {said: [one for one in site.downloads if one.group == name] for name, said in GROUPS.items()}
    yield Page(
        path="downloads.html",
        template="downloads.html",
        title="Downloads",
        description="The figures to take away: database, tables, map layer, workbook and dictionary.",
        content={"grouped": {said: files for said, files in grouped.items() if files}, "size": size},
        section="downloads.html",
    )


def size(count: int) -> str:
    """A number of bytes as people say it."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(count / 1e3, 1):.0f} KB"
