"""What the site is, how to cite it, whom to ask, what may be done with it; and the page for an address that is none."""

from __future__ import annotations

from collections.abc import Iterator

from spi_pipeline.outputs.site.pages.page import Page, Site


def about(site: Site) -> Iterator[Page]:
    """The page."""
    results = site.results
    used = set(results.tables["source_release"]["licence"].dropna())
    licences = [licence for name, licence in results.contracts.vocabulary.licences.items() if name in used]
    yield Page(
        path="about.html",
        template="about.html",
        title="About, cite and contact",
        description="What this site is, how to cite it, whom to ask, how to report an error, and the licences.",
        content={"licences": licences, "findings": len(results.tables["published_finding"])},
        section="about.html",
    )


def missing(site: Site) -> Iterator[Page]:
    """The page that a server shows for an address that is none; its links are relative, as everywhere."""
    yield Page(path="404.html", template="missing.html", title="Page not found", description="There is no such page.")
