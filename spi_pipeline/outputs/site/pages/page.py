"""What a page is, and what all pages may ask of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.drawing import WardMap
from spi_pipeline.outputs.site.figures import derived, figure, places, word
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
        ("explore.html", "Explore the results"),
        ("measures/index.html", "Measures"),
    )

    @property
    def name(self) -> str:
        """Of the site."""
        return f"Social progress in {self.results.town.name}"

    @cached_property
    def map(self) -> WardMap | None:
        """The wards, drawn once."""
        return drawing.ward_map(self.results.boundaries)

    def score(self, element: Element, area: Area, digits: int = 1, edition: int | None = None) -> Markup:
        """The score of an area, in the newest edition unless another is named."""
        year = edition or self.results.edition
        row = self.results.history.get((element.id, area.code, year), {})
        return figure(
            row.get("score"), "score", "score", digits, "no score", area_code=area.code, id=element.id, edition=year,
            profile=self.results.profile,
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

    def value(
        self, element: Element, area: Area, column: str = "value", digits: int | None = None, edition: int | None = None
    ) -> Markup:
        """A column of the table ``observation``, with as many places as tell wards apart unless some are named."""
        year, stated = edition or self.results.edition, self.results.indicators[element.id]
        row = self.results.observations.get((element.id, area.code, year), {})
        shown = places(stated["worst"], stated["best"]) if digits is None else digits
        key: dict[str, Any] = {"indicator_id": element.id, "area_code": area.code, "edition": year}
        return figure(row.get(column), "observation", column, shown, "no figure", **key)

    def england(self, element: Element, area: Area) -> Markup:
        """The share of the wards of England that do worse."""
        results = self.results
        share = results.scores[element.id, area.code]["england_percentile"]
        key: dict[str, Any] = {"id": element.id, "edition": results.edition, "profile": results.profile}
        return figure(share, "score", "england_percentile", 0, area_code=area.code, **key)

    def weight(self, parent: Element, child: Element, column: str = "weight", digits: int = 3) -> Markup:
        """What a child counts for in its parent, or the share of its parent’s spread (``effective_weight``)."""
        results = self.results
        key: dict[str, Any] = {"edition": results.edition, "profile": results.profile, "parent_id": parent.id}
        row = results.weights.get((parent.id, child.id), {})
        return figure(row.get(column), "weight", column, digits, authority_code=results.town.code, id=child.id, **key)

    def over_editions(self, element: Element, area: Area) -> list[float | None]:
        """The score of an area in every edition, oldest first."""
        rows = (self.results.history.get((element.id, area.code, year), {}) for year in self.results.editions)
        return [row.get("score") for row in rows]

    def path(self, element: Element) -> str:
        """Of the page of an element."""
        return f"{'indicators' if element.level == 'indicator' else 'measures'}/{element.id}.html"

    def above(self, element: Element) -> list[Element]:
        """What an element is part of, the index first."""
        parent = self.results.elements.get(element.parent or "")
        return [] if parent is None else [*self.above(parent), parent]

    def change(self, element: Element, area: Area, start: int, end: int) -> Markup:
        """What may be said of how a score moved: ``▲ rose: 2.3 points, likely 0.5 to 4.1``, or that nothing may."""
        row = self.results.changes.get((element.id, area.code, start, end))
        if row is None or row["change"] is None or row["verdict"] == "cannot_tell":
            return Markup("{}").format(words.VERDICTS["cannot_tell"])
        key: dict[str, Any] = {"edition_from": start, "edition_to": end, "profile": self.results.profile}
        key |= {"area_code": area.code, "id": element.id}
        by, low, high = (
            figure(row[name], "change", name, 1, **key) for name in ("change", "change_low", "change_high")
        )
        verdict = word(words.VERDICTS[row["verdict"]], row["verdict"], "change", "verdict", **key)
        return Markup("{}: {} points, likely {} to {}").format(verdict, by, low, high)

    def place(self, element: Element, area: Area) -> int | None:
        """The colour class of an area's score, against the town's own."""
        own, town = (self.results.scores[element.id, one.code]["score"] for one in (area, self.results.town))
        return None if town is None else drawing.colour_class(own, town)


Kind = Callable[[Site], Iterable[Page | File]]
