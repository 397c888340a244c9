"""Table contracts: what the Open Data Contract Standard (ODCS v3) files under ``sources/`` and ``products/`` say.

The small, typed view of them that the pipeline works with; how a file becomes one is for ``reading``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from pydantic import Field, model_validator

from spi_pipeline.contracts.models.vocabulary import Day, Strict
from spi_pipeline.rules.rule import Rule

LogicalType = Literal["string", "integer", "number", "boolean", "date", "timestamp", "binary"]
LOGICAL_TYPES: tuple[str, ...] = get_args(LogicalType)
# What places the rows of a council's own table.
Placed = Literal["ward_code", "ward_name", "lsoa", "postcode", "wgs84", "british_national_grid"]
POINTS: tuple[Placed, ...] = ("wgs84", "british_national_grid")


def level_of(placed_by: Placed) -> str:
    """The level of the areas that rows placed so are added up to."""
    return "lsoa" if placed_by == "lsoa" else "ward"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name.
        type: logical type of the standard; ``binary`` is ODCS ``string`` with ``format: binary``.
        description: what it holds.
        required: whether null is refused.
        key: position in the primary key from 1, or 0.
        unit: word of the unit vocabulary, empty for codes and names.
        concept: word of the concept vocabulary, empty in product tables.
        published_name: the column's name in the publisher's own file, where a parser maps it by contract.
        minimum: smallest allowed number.
        maximum: largest allowed number.
        typical: the range that the mean of the absolute values must lie in: by it another unit is noticed.
        pattern: regular expression a text must match as a whole.
        values: the closed list of allowed values, if there is one.
    """

    name: str
    type: LogicalType
    description: str
    required: bool = False
    key: int = 0
    unit: str = ""
    concept: str = ""
    published_name: str = ""
    minimum: float | None = None
    maximum: float | None = None
    typical: tuple[float, float] | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()


class TableGeography(Strict):
    """The geography of a source table.

    Attributes:
        levels: levels its ``area_code`` may belong to, finest first; ``point`` for coordinates; empty for lookups.
        vintage: year of the codes.
        names: whether wards are named, only where the publisher gives no codes; a name is resolved in the authority
            that its row names.
    """

    levels: list[str] = Field(default_factory=list)
    vintage: int
    names: bool = False


class Period(Strict):
    """The period figures refer to.

    Attributes:
        basis: ``reference`` when figures belong to the publisher's reference period; ``release`` for composites and
            multi-year pools, which belong to the year of release.
        start: first day, where the whole table has one period.
        end: last day, likewise.
        column: the column that holds the period (``month`` as YYYY-MM, or ``year``), where rows differ.
    """

    basis: Literal["reference", "release"]
    start: Day | None = None
    end: Day | None = None
    column: Literal["month", "year"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Period:
        if (self.column is None) != (self.start is not None and self.end is not None):
            raise ValueError("a period has either start and end, or the column that holds it")
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


class Months(Strict):
    """What tells a month that is whole from one that was published in part or without places.

    Attributes:
        thin: a month with less than this share of what the months within a year of it usually hold is taken for
            published in part, and used as if it were missing.
        without_place: the largest share of a month's incidents without a place that is not reported.
    """

    thin: float = Field(default=1 / 3, gt=0, lt=1)
    without_place: float = Field(default=1, ge=0, le=1)


class Restriction(Strict):
    """What a publisher's own words about some of its figures restrict beyond the licence of the whole.

    Attributes:
        columns: those they concern.
        says: the publisher's words.
        reason: why the figures are used nevertheless; empty where no indicator reads them.
    """

    columns: list[str] = Field(min_length=1)
    says: str = Field(min_length=1)
    reason: str = ""


class OwnTable(Strict):
    """How a table of the council's own is read from the file that lies in the inbox.

    Attributes:
        placed_by: what says where each row is: codes or names of wards, codes of LSOAs, postcodes, longitude and
            latitude, or easting and northing.
        columns: the file's columns that hold it; two of coordinates, easting or longitude first.
        sheet: of a workbook; empty where it has one table.
        date: the column that says when, where each row is what happened on a day; every day lies in the period.
        expires: the last day on which the figures still say how things stand.
    """

    placed_by: Placed
    columns: list[str] = Field(min_length=1, max_length=2)
    sheet: str = ""
    date: str = ""
    expires: Day

    @model_validator(mode="after")
    def _whole(self) -> OwnTable:
        wanted = 2 if self.placed_by in POINTS else 1
        if len(self.columns) != wanted:
            raise ValueError(f"rows placed by {self.placed_by} need {wanted} columns, not {len(self.columns)}")
        return self


class SourceProperties(Strict):
    """The custom properties every source contract states, once.

    Attributes:
        publisher: who publishes.
        group: one lower-case word by which sources of one publisher are shown together.
        dataset: the publisher's title of the data set.
        url: where it is published.
        licence: word of the licence vocabulary.
        restrictions: what holds of some columns beyond the licence.
        attribution: the sentence a reader of any derived figure is owed.
        mode: ``live`` (has a fetcher), ``frozen`` (figures only in the snapshot) or ``own`` (a council's own file).
        own: see ``OwnTable``; of a council's own file and no other.
        minimum_count: a smaller count, but for none, is suppressed wherever it is derived from the source; 1 where the
            publisher shows every count. A council states it of each of its own files.
        useful_life: word of the vocabulary of useful lives; empty where no indicator is read from the source.
        geography: see ``TableGeography``.
        period: see ``Period``.
        months: see ``Months``; of sources counted month by month.
        no_total: why no published total is stated that the table must agree with; empty where one is.
    """

    publisher: str
    group: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    dataset: str
    url: str = Field(pattern=r"^https://")
    licence: str
    restrictions: list[Restriction] = Field(default=[])
    attribution: str
    mode: Literal["live", "frozen", "own"]
    own: OwnTable | None = None
    minimum_count: int = Field(default=1, ge=1)
    useful_life: str = ""
    geography: TableGeography
    period: Period
    months: Months = Field(default_factory=lambda: Months())
    no_total: str = ""

    @model_validator(mode="after")
    def _own_is_told(self) -> SourceProperties:
        if (self.mode == "own") != (self.own is not None):
            raise ValueError("mode own needs the property own, which says how its file is read; no other mode has one")
        if self.own and "minimum_count" not in self.model_fields_set:
            raise ValueError("mode own needs the property minimum_count, the smallest count that may be shown")
        if self.minimum_count > 1 and self.period.column == "month":
            raise ValueError(
                "a minimum_count does not go with figures by month: rates over twelve months that follow each other "
                "tell each month apart; count by year, or state no minimum"
            )
        return self

    @property
    def restricted(self) -> list[str]:
        """What holds of some columns beyond the licence, in words with the columns."""
        return [f"{one.says} ({', '.join(one.columns)})" for one in self.restrictions]

    def terms(self, columns: Collection[str] | None = None) -> str:
        """The licence, and what restricts some columns or, where none are named, any."""
        said = self.restricted
        if columns is not None:
            said = [one.says for one in self.restrictions if not set(columns).isdisjoint(one.columns)]
        return "; ".join([self.licence, *said])


@dataclass(frozen=True)
class Table:
    """The contract of one table.

    Attributes:
        id: its name everywhere: file, asset, database.
        title: shown to people.
        version: semantic version of the contract.
        owner: the team that answers for it.
        support: where a reader asks.
        licence: word of the licence vocabulary.
        cadence: word of the cadence vocabulary.
        description: what it holds.
        limits: what a reader must know; empty when nothing.
        file: contract file, relative to the contracts folder.
        columns: in order.
        rules: every rule, those the columns imply first.
    """

    id: str
    title: str
    version: str
    owner: str
    support: str
    licence: str
    cadence: str
    description: str
    limits: str
    file: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """Columns of the primary key, in order."""
        return tuple(column.name for column in sorted(self.columns, key=lambda c: c.key) if column.key)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Source(Table):
    """A source: the contract of its table and what its publisher promises.

    Attributes:
        properties: publisher, licence, geography, period.
        cycle_days: days from one publication to the next; None where the publisher keeps no calendar.
        grace_days: days it may be later than that.
    """

    properties: SourceProperties = field(kw_only=True)
    cycle_days: int | None = field(default=None, kw_only=True)
    grace_days: int = field(default=0, kw_only=True)

    @property
    def figures(self) -> list[str]:
        """The columns that hold what was measured, not where, when or of which kind."""
        return [c.name for c in self.columns if c.unit and c.concept not in ("place", "time", "category")]

    @property
    def of_points(self) -> bool:
        """Whether its rows say where by coordinates."""
        return "point" in self.properties.geography.levels

    @property
    def without_rows(self) -> Source:
        """The same of a table without figures for anybody: it is empty, and nothing is promised of its rows."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.kind in ("columns", "types")))


@dataclass(frozen=True)
class Product(Table):
    """A table we promise: the same columns in Parquet and in the database.

    Attributes:
        published: whether readers get it; what only other steps read is not.
    """

    published: bool = field(default=True, kw_only=True)
