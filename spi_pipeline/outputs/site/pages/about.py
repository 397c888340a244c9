"""The page about the site, how to cite it, whom to contact and its licences; and the page for unknown addresses."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.pages.page import Page, Site


def about(site: Site) -> Iterator[Page]:
    """The page about the site."""
    results = site.results
    used = set(results.tables["source_release"]["licence"].dropna())
    licences = [licence for name, licence in results.contracts.vocabulary.licences.items() if name in used]
    yield Page(
        path="about.html",
        template="about.html",
        title="About, cite and contact",
        description="What this site is, how to cite it, whom to ask, how to report an error, and the licences.",
        content={
            "purpose": purpose(site), "citation": citation(site), "licences": licences,
            "findings": len(results.tables["published_finding"]),
        },
        section="about.html",
    )  # fmt: skip


def purpose(site: Site) -> list[Markup]:
    """What the index is, and what it is not, a paragraph each."""
    results = site.results
    return [
        Markup(
            "The {} says how people fare in the {} of {}: their health, safety, homes, schooling, "
            "surroundings, and their say in what happens. It counts what life is like, and leaves money out. "
            "Everything is worked out from public figures by open methods."
        ).format(results.index.title, site.wards_counted, results.town.name),
        Markup("It describes places, not the people in them. It says how things are, not why."),
    ]


def citation(site: Site) -> Markup:
    """The text to cite: the edition, the day the figures were taken and the exact file that holds them."""
    results = site.results
    text = Markup("{}: {}, edition {}, figures taken on {}.").format(
        site.name, results.index.title, results.edition, words.day(results.as_of)
    )
    if results.sha256 is None:
        return text
    return Markup("{} Scores in score.csv, SHA-256 <code>{}</code>.").format(text, results.sha256)


def missing(site: Site) -> Iterator[Page]:
    """The page that a server shows for unknown addresses; its links are relative, as everywhere."""
    yield Page(path="404.html", template="missing.html", title="Page not found", description="There is no such page.")
