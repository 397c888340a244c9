"""The data of a page, and the parts of the site that all pages share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.downloads import Download
from spi_pipeline.outputs.site.drawing import WardMap
from spi_pipeline.outputs.site.figures import derived, figure, places, word
from spi_pipeline.outputs.site.results import Area, Element, Results, Row

# More wards than most towns have: Luton has 20, Birmingham 69. With 300 wards, a table of all wards by all measures, or
# of all wards by all wards, would take seconds to load on a phone.
MANY = 50
# The columns that identify the area of a row: a ward or the town, or an area of the council's own.
AREAS = ("area_code", "own_area")


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        path: the path of its file below the site's folder.
        template: the name of its template.
        title: the title of the document, without the name of the site.
        description: one sentence, for search engines and link previews.
        content: the values that the template shows.
        section: the path of the menu entry that it belongs to.
        area_code: the code of the ward that it is about; otherwise empty.
    """

    path: str
    template: str
    title: str
    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    area_code: str = ""


@dataclass(frozen=True)
class File:
    """A file that accompanies the pages: data of a script, or a download.

    Attributes:
        path: its path below the site's folder.
        text: its content.
    """

    path: str
    text: str


def data_file(name: str, held: object) -> File:
    """Data for a script, as a script: a page opened from a file may not fetch anything.

    Args:
        name: the name by which scripts look it up.
        held: anything that JSON can express.
    """
    data = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    return File(f"static/{name}.js", f'DATA["{name}"]={data};\n')


@dataclass(frozen=True)
class SiteFile:
    """One file of the site.

    Attributes:
        path: its path below the site's folder.
        content: its bytes.
        title: the title of a page; empty for other files.
        area_code: the code of the ward that a page is about; otherwise empty.
    """

    path: str
    content: bytes
    title: str = ""
    area_code: str = ""


class Site:
    """The parts that pages share.

    Args:
        results: the published results.
        downloads: the files for download.
    """

    def __init__(self, results: Results, downloads: Sequence[Download] = ()) -> None:
        self.results = results
        self.downloads = downloads
        self._keys: dict[str, list[str]] = {}

    # The path and the words of each entry.
    menu = (
        ("index.html", "Home"),
        ("wards/index.html", "Wards"),
        ("measures/index.html", "Measures"),
        ("explore.html", "Explore"),
        ("economy.html", "Economy"),
        ("progress.html", "Progress"),
        ("certainty.html", "How certain"),
        ("quality.html", "Quality"),
    )
    # The entries at the foot of every page.
    foot = (
        ("compare.html", "Compare wards"),
        ("method.html", "Method"),
        ("downloads.html", "Downloads"),
        ("targets.html", "Targets"),
        ("found.html", "What others found"),
        ("about.html", "About, cite and contact"),
        ("accessibility.html", "Accessibility statement"),
    )

    @property
    def publication(self) -> SitePublication:
        """The council's settings for its site."""
        return self.results.contracts.publication

    @property
    def name(self) -> str:
        """The name of the site."""
        return self.publication.name or f"Social progress in {self.results.town.name}"

    @cached_property
    def map(self) -> WardMap | None:
        """The map of the wards, drawn once."""
        return drawing.ward_map(self.results.boundaries)

    def figure(
        self, table: str, row: Row, column: str, digits: int = 1, absent: str = "not known", how: str = ""
    ) -> Markup:
        """A number from a row of a published table."""
        return figure(row[column], table, column, digits, absent, how, **self._key(table, row))

    def word(self, table: str, row: Row, column: str, text: str) -> Markup:
        """Words for a word in a row of a published table."""
        return word(text, row[column], table, column, **self._key(table, row))

    def _key(self, table: str, row: Row) -> dict[str, Any]:
        """The columns that identify a row: the key of its contract, without columns that are the same in all rows.

        The column of the area is always included, so that the readback looks for the area's name near the number.
        """
        if table not in self._keys:
            columns = [column.name for column in self.results.contracts.products[table].columns if column.key]
            rows = self.results.tables[table]
            self._keys[table] = [name for name in columns if name in AREAS or rows[name].nunique() > 1]
        return {name: row[name] for name in self._keys[table]}

    @property
    def without_score(self) -> list[tuple[str, list[Row]]]:
        """A heading for each component without a score, and its indicators as rows of the table ``indicator``."""
        titles = self.results.contracts.titles
        return [
            (f"{titles[component]} has no score here: none of its indicators has figures of use", rows)
            for component, rows in self.results.left_out.items()
        ]

    @property
    def many(self) -> bool:
        """Whether there are so many wards that pages give counts in place of names and full tables."""
        return len(self.results.wards) > MANY

    @property
    def ward_count(self) -> Markup:
        """The number of wards."""
        return derived(len(self.results.wards), "SELECT count(*) FROM area WHERE level = 'ward'")

    @property
    def wards_counted(self) -> Markup:
        """The number of wards with the noun: ``20 wards``."""
        return Markup("{} ward{}").format(self.ward_count, "" if len(self.results.wards) == 1 else "s")

    def part_count(self, level: str) -> Markup:
        """The number of dimensions, components or indicators with scores."""
        rows = self.results.tables["score"]
        query = f"SELECT count(DISTINCT id) FROM score WHERE level = {literal(level)}"
        return derived(rows.loc[rows["level"] == level, "id"].nunique(), query)

    def amount(self, table: str, row: Row, column: str, unit: str, beside: float = 0.0) -> Markup:
        """A value with its unit: £24,471, 12.2%, 41.8% for a share of 1; other units give the number alone.

        It is rounded by its size, or by the size of the value ``beside`` it if that is larger.
        """
        units = self.results.contracts.vocabulary.units
        if row[column] is None:
            return self.figure(table, row, column)
        percent, share, pounds = (unit == units[name].title for name in ("percent", "proportion", "pounds"))
        size = max(abs(row[column]), abs(beside))
        digits = 1 if percent or share else 0 if size >= 1000 else 1 if size >= 10 else 2
        number = self.figure(table, row, column, digits, how="percent" if share else "")
        return Markup("{}{}{}").format("£" if pounds else "", number, "%" if percent or share else "")

    def in_words(self, element: Element, area: Area, beside: float = 0.0) -> Markup:
        """The newest value of an indicator with its unit (see ``amount``): ``12.2%``, ``163 (England = 100)``."""
        results, unit = self.results, self.results.indicators[element.id]["unit"]
        row = results.observations[element.id, area.code, results.edition]
        number = self.amount("observation", row, "value", unit, beside)
        if any(sign in number.striptags() for sign in "£%"):
            return number
        return Markup("{} <span>{}</span>").format(number, f"({unit})" if ", " in unit else unit)

    @cached_property
    def neighbours(self) -> dict[str, list[Area]]:
        """The wards that border on each ward, by its code, ordered by name."""
        touching: dict[str, set[str]] = {}
        for code, other in Shapes.from_frame(self.results.boundaries).touching():
            touching.setdefault(code, set()).add(other)
        return {code: [ward for ward in self.results.wards if ward.code in codes] for code, codes in touching.items()}

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

        ``rank_text`` gives the same where markup cannot be used, as in an attribute.
        """
        return _ranked(
            self.results.scores[element.id, area.code], "score", "rank", area_code=area.code, id=element.id,
            edition=self.results.edition, profile=self.results.profile,
        )  # fmt: skip

    def ranked(self, table: str, row: Row, column: str) -> Markup:
        """The same as ``rank``, for a column of any published table that has columns for its likely range."""
        return _ranked(row, table, column, **self._key(table, row))

    def between(self, table: str, row: Row, low: str, high: str, unit: str | None = None) -> Markup:
        """A range in parentheses, formatted as in ``amount`` if it has a unit; empty if there is no range."""
        if row[low] is None or row[high] is None:
            return Markup("")
        ends = [self.amount(table, row, end, unit) if unit else self.figure(table, row, end) for end in (low, high)]
        return Markup("({} to {})").format(*ends)

    def rank_text(self, element: Element, area: Area) -> str:
        """The same as ``rank``, in plain text."""
        return self.rank(element, area).striptags()

    def value(
        self, element: Element, area: Area, column: str = "value", digits: int | None = None, edition: int | None = None
    ) -> Markup:
        """A column of the table ``observation``, with enough decimal places to tell wards apart unless given."""
        year, catalogued = edition or self.results.edition, self.results.indicators[element.id]
        row = self.results.observations.get((element.id, area.code, year), {})
        shown = places(catalogued["worst"], catalogued["best"]) if digits is None else digits
        key: dict[str, Any] = {"indicator_id": element.id, "area_code": area.code, "edition": year}
        return figure(row.get(column), "observation", column, shown, "no figure", **key)

    def england(self, element: Element, area: Area) -> Markup:
        """The share of the wards of England that do worse."""
        results = self.results
        share = results.scores[element.id, area.code]["england_percentile"]
        key: dict[str, Any] = {"id": element.id, "edition": results.edition, "profile": results.profile}
        return figure(share, "score", "england_percentile", 0, area_code=area.code, **key)

    def weight(self, parent: Element, child: Element, column: str = "weight", digits: int = 3) -> Markup:
        """The weight of a child in its parent, or its share of the parent’s spread (``effective_weight``)."""
        results = self.results
        key: dict[str, Any] = {"edition": results.edition, "profile": results.profile, "parent_id": parent.id}
        row = results.weights.get((parent.id, child.id), {})
        return figure(row.get(column), "weight", column, digits, authority_code=results.town.code, id=child.id, **key)

    def released(self, row: Row) -> bool:
        """Whether a figure carries the year of its publication rather than the year of measurement.

        Args:
            row: a row with ``source_id`` and, for an indicator, ``indicator_id``, whose measure may name its months.
        """
        contracts = self.results.contracts
        source = contracts.sources.get(row.get("source_id") or "")
        indicator = contracts.indicators.get(row.get("indicator_id") or "")
        dated = indicator is not None and indicator.measure.months is not None
        return source is not None and source.properties.period.basis == "release" and not dated

    def status(self, row: Row) -> str:
        """The origin of the value in a row of the table ``observation``, one of ``words.STATUSES``.

        A value published in a year was measured some time before, so it is never described as measured in that year.
        """
        status = str(row["status"])
        return "released" if status == "observed" and self.released(row) else status

    def when(self, row: Row, source_id: str | None = None) -> str:
        """The period of a figure: ``March 2021``, or ``published in 2025``; empty if unknown.

        Args:
            row: a row with ``period_start`` and ``period_end``.
            source_id: the id of its source, if the row does not have it.
        """
        if row["period_end"] is None:
            return ""
        period = words.period(row["period_start"], row["period_end"])
        sourced = row if source_id is None else {**row, "source_id": source_id}
        return f"published in {period}" if self.released(sourced) else period

    def over_editions(self, element: Element, area: Area) -> list[float | None]:
        """The score of an area in every edition, oldest first."""
        rows = (self.results.history.get((element.id, area.code, year), {}) for year in self.results.editions)
        return [row.get("score") for row in rows]

    def path(self, element: Element) -> str:
        """The path of the page of an element."""
        return f"{'indicators' if element.level == 'indicator' else 'measures'}/{element.id}.html"

    def instead(self, row: Row) -> Row | None:
        """The indicator that fills the slot of one that is left out, as a row of the table ``indicator``."""
        others = self.results.indicators.values()
        return next((other for other in others if other["slot_id"] == row["slot_id"] and other["in_basis"]), None)

    def above(self, element: Element) -> list[Element]:
        """The elements that an element is part of, the index first."""
        parent = self.results.elements.get(element.parent or "")
        return [] if parent is None else [*self.above(parent), parent]

    def change(self, element: Element, area: Area, start: int, end: int) -> Markup:
        """How a score moved, ``▲ rose: 2.3 points, likely 0.5 to 4.1``, or that this cannot be told."""
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
        """The colour class of an area's score, relative to the town's own."""
        own, town = (self.results.scores[element.id, either.code]["score"] for either in (area, self.results.town))
        return None if town is None else drawing.colour_class(own, town)


def _ranked(row: Row, table: str, column: str, **key: Any) -> Markup:
    columns = (column, f"{column}_low", f"{column}_high")
    if None in [row[name] for name in columns]:
        return Markup("no rank")
    rank, low, high = (figure(row[name], table, name, 0, how="ordinal", **key) for name in columns)
    ends = Markup(f"{low} to {high}") if row[columns[1]] != row[columns[2]] else low
    return Markup(f"{rank}, likely {ends}")


Kind = Callable[[Site], Iterable[Page | File]]
