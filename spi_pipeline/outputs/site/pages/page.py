"""What a page is, and what all pages may ask of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site import drawing
from spi_pipeline.outputs.site.drawing import WardMap
from spi_pipeline.outputs.site.figures import derived, figure
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


@dataclass(frozen=True)
class File:
    """What stands beside the pages: data of a script, or a download.

    Attributes:
        path: below the site's folder.
        text: what it holds.
    """

    path: str
    text: str


class Site:
    """What pages have in common.

    Args:
        results: what was published.
    """

    def __init__(self, results: Results) -> None:
        self.results = results

    # Path and words of each entry.
    menu = (
        ("index.html", "Luton in one page"),
        ("wards/index.html", "Wards"),
    )

    @property
    def name(self) -> str:
        """Of the site."""
        return f"Social progress in {self.results.town.name}"

    @cached_property
    def map(self) -> WardMap | None:
        """The wards, drawn once."""
        return drawing.ward_map(self.results.boundaries)

    def score(self, element: Element, area: Area, digits: int = 1) -> Markup:
        """The score of an area."""
        return figure(
            self.results.scores[element.id, area.code]["score"], "score", "score", digits, "no score",
            area_code=area.code, id=element.id, edition=self.results.edition, profile=self.results.profile,
        )  # fmt: skip

    def rank(self, element: Element, area: Area) -> Markup:
        """The rank of a ward with its likely range, never one without the other: ``19th, likely 16th to 20th``.

        Where markup has no place, as in an attribute, ``rank_text`` says the same.
        """
        row = self.results.scores[element.id, area.code]
        if None in (row["rank"], row["rank_low"], row["rank_high"]):
            return Markup("no rank")
        rank, low, high = (
            figure(
                row[column], "score", column, 0, how="ordinal", area_code=area.code, id=element.id,
                edition=self.results.edition, profile=self.results.profile,
            )
            for column in ("rank", "rank_low", "rank_high")
        )  # fmt: skip
        ends = Markup("{} to {}").format(low, high) if row["rank_low"] != row["rank_high"] else low
        return Markup("{}, likely {}").format(rank, ends)

    def rank_text(self, element: Element, area: Area) -> str:
        """As ``rank``, in plain text."""
        return self.rank(element, area).striptags()

    @cached_property
    def counted_wards(self) -> Markup:
        """How many wards there are."""
        return derived(len(self.results.wards), "SELECT count(*) FROM area WHERE level = 'ward'")

    def place(self, element: Element, area: Area) -> int | None:
        """The colour class of an area's score, against the town's own."""
        own, town = (self.results.scores[element.id, one.code]["score"] for one in (area, self.results.town))
        return None if town is None else drawing.colour_class(own, town)


Kind = Callable[[Site], Iterable[Page | File]]
