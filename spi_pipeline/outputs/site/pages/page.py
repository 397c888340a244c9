"""What a page is, and what all pages may ask of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.downloads import Download
from spi_pipeline.outputs.site.drawing import WardMap
from spi_pipeline.outputs.site.figures import figure
from spi_pipeline.outputs.site.results import Area, Element, Results


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        path: of its file, below the site's folder.
        template: its name.
        title: of the document, without the name of the site.
        description: one sentence, for search engines and whoever shares a link.
        content: what the template shows.
        section: which entry of the menu it belongs to.
    """

    path: str
    template: str
    title: str
    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""


class Site:
    """What pages have in common.

    Args:
        results: what was published.
        downloads: the files to take away.
    """

    def __init__(self, results: Results, downloads: Sequence[Download] = ()) -> None:
        self.results = results
        self.downloads = downloads

    # Path and words of each entry.
    menu = (
        ("index.html", "Luton in one page"),
        ("wards/index.html", "Wards"),
        ("economy.html", "Economy"),
        ("progress.html", "Progress"),
        ("certainty.html", "How certain"),
        ("quality.html", "Quality"),
        ("method.html", "Method"),
        ("downloads.html", "Downloads"),
    )
    # What stands at the foot of every page.
    foot = (
        ("targets.html", "Targets"),
        ("found.html", "What others found"),
        ("about.html", "About, cite and contact"),
        ("accessibility.html", "Accessibility statement"),
    )

    @property
    def publication(self) -> SitePublication:
        """What the council says of its site."""
        return self.results.contracts.publication

    @property
    def name(self) -> str:
        """Of the site."""
        return self.publication.name or f"Social progress in {self.results.town.name}"

    @cached_property
    def map(self) -> WardMap | None:
        """The wards, drawn once."""
        return drawing.ward_map(self.results.boundaries)

    def score(self, element: Element, area: Area, digits: int = 1) -> Markup:
        """The score of an area."""
        return figure(
            self.results.scores[element.id, area.code]["score"], "score", "score", digits, "no score", area_code=area.code, id=element.id,
            edition=self.results.edition, profile=self.results.profile,
        )  # fmt: skip

    def rank(self, element: Element, area: Area) -> str:
        """The rank of a ward with its likely range, never one without the other: ``19th, likely 16th to 20th``."""
        row = self.results.scores[element.id, area.code]
        if None in (row["rank"], row["rank_low"], row["rank_high"]):
            return "no rank"
        return f"{words.ordinal(row['rank'])}, likely {words.likely(row['rank_low'], row['rank_high'])}"

    def place(self, element: Element, area: Area) -> int | None:
        """The colour class of an area's score, against the town's own."""
        own, town = (self.results.scores[element.id, one.code]["score"] for one in (area, self.results.town))
        return None if town is None else drawing.colour_class(own, town)


Kind = Callable[[Site], Iterable[Page]]
