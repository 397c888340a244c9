"""The accessibility statement: what was tested and what was not, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from spi_pipeline.outputs.site.pages.page import Page, Site


def accessibility(site: Site) -> Iterator[Page]:
    """The accessibility statement."""
    yield Page(
        path="accessibility.html",
        template="accessibility.html",
        title="Accessibility statement",
        description="How accessible this site is, what was tested, what was not, and how to report a problem.",
        section="accessibility.html",
    )
