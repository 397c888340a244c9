"""Table contracts: the content of the Open Data Contract Standard (ODCS v3) files in ``sources/`` and ``products/``.

These are the small, typed objects that the pipeline works with; ``reading`` builds them from the files.
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
# The columns by which the rows of a council's own table are placed.
Placed = Literal["ward_code", "ward_name", "lsoa", "postcode", "wgs84", "british_national_grid"]
POINTS: tuple[Placed, ...] = ("wgs84", "british_national_grid")


def level_of(placed_by: Placed) -> str:
    """The level of the areas over which rows placed in this way are added up."""
    return "lsoa" if placed_by == "lsoa" else "ward"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name.
        type: logical type of the standard; ``binary`` is ODCS ``string`` with ``format: binary``.
        description: what it holds.
        required: whether null is refused.
        key: position in the primary key, from 1; 0 if not part of it.
        unit: word of the unit vocabulary, empty for codes and names.
        concept: word of the concept vocabulary, empty in product tables.
        published_name: the column's name in the publisher's own file, if a parser maps it by contract.
        minimum: smallest allowed number.
        maximum: largest allowed number.
        mean_magnitude: the range of the mean of the absolute values; it detects a column in an unexpected unit.
        pattern: regular expression that must match the whole text.
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
    mean_magnitude: tuple[float, float] | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()


class TableGeography(Strict):
    """The geography of a source table.

    Attributes:
        levels: levels to which its ``area_code`` may belong, finest first; ``point`` for coordinates; empty for
            lookups.
        vintage: year of the codes.
        names: whether the table names wards instead of giving codes, because the publisher gives none. A name is looked
            up in the authority that its row names.
    """

    levels: list[str] = Field(default_factory=list)
    vintage: int
    names: bool = False


class Period(Strict):
    """The period to which figures refer.

    Attributes:
        basis: ``reference`` if figures belong to the publisher's reference period; ``release`` for composites and
            multi-year pools, which belong to the year of release.
        start: first day, if the whole table has one period.
        end: last day, if the whole table has one period.
        column: the column that holds the period (``month`` as YYYY-MM, or ``year``), if rows differ.
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
    """Limits that distinguish a whole month from one published in part or without places.

    Attributes:
        thin: a month with less than this share of the usual count of the months within a year of it is assumed to be
            published in part, and treated as missing.
        without_place: the largest share of a month's incidents that may lack a place without a warning.
    """

    thin: float = Field(default=1 / 3, gt=0, lt=1)
    without_place: float = Field(default=1, ge=0, le=1)


class Restriction(Strict):
    """A publisher's restriction on some of its figures, beyond the licence of the whole table.

    Attributes:
        columns: the columns that it concerns.
        says: the publisher's words.
        reason: why the figures are used nevertheless; empty if no indicator reads them.
    """

    columns: list[str] = Field(min_length=1)
    says: str = Field(min_length=1)
    reason: str = ""


class OwnTable(Strict):
    """How a council's own table is read from its file in the inbox.

    Attributes:
        placed_by: how each row is placed: by codes or names of wards, codes of LSOAs, postcodes, longitude and
            latitude, or easting and northing.
        columns: the file's columns that hold the place; for coordinates two, easting or longitude first.
        sheet: the sheet of a workbook; empty if the workbook has one table.
        date: the column with the day, if each row is an event on a day; every day lies in the period.
        expires: the last day on which the figures still describe the present.
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
    """The custom properties of every source contract.

    Attributes:
        publisher: who publishes the data set.
        group: one lower-case word under which sources of one publisher are shown together.
        dataset: the publisher's title of the data set.
        url: where it is published.
        licence: word of the licence vocabulary.
        restrictions: the publisher's restrictions on some columns, beyond the licence.
        attribution: the sentence that must accompany any derived figure.
        mode: ``live`` (has a fetcher), ``frozen`` (figures only in the snapshot) or ``own`` (a council's own file).
        own: see ``OwnTable``; only for a council's own file.
        minimum_count: the smallest count that may be shown. Smaller counts derived from the source, except zero, are
            suppressed everywhere. 1 if the publisher shows every count. A council declares it for each of its files.
        useful_life: word of the vocabulary of useful lives; empty if no indicator reads the source.
        geography: see ``TableGeography``.
        period: see ``Period``.
        months: see ``Months``; for sources counted month by month.
        no_total: why the contract declares no published total that the table must agree with; empty if it does.
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
    def _own_is_complete(self) -> SourceProperties:
        if (self.mode == "own") != (self.own is not None):
            raise ValueError("mode own needs the property own, which says how its file is read; no other mode has one")
        if self.own and "minimum_count" not in self.model_fields_set:
            raise ValueError("mode own needs the property minimum_count, the smallest count that may be shown")
        if self.minimum_count > 1 and self.period.column == "month":
            raise ValueError(
                "a minimum_count does not protect figures by month, since the difference of two successive "
                "twelve-month rates reveals single months; count by year, or declare no minimum"
            )
        return self

    @property
    def restricted(self) -> list[str]:
        """The restrictions beyond the licence, in words with their columns."""
        return [f"{one.says} ({', '.join(one.columns)})" for one in self.restrictions]

    def terms(self, columns: Collection[str] | None = None) -> str:
        """The licence, with the restrictions on the given columns; on any column if none are given."""
        restrictions = self.restricted
        if columns is not None:
            restrictions = [one.says for one in self.restrictions if not set(columns).isdisjoint(one.columns)]
        return "; ".join([self.licence, *restrictions])


@dataclass(frozen=True)
class Table:
    """The contract of one table.

    Attributes:
        id: its name everywhere: file, asset, database.
        title: shown to people.
        version: semantic version of the contract.
        owner: the team responsible for it.
        support: where readers can ask questions.
        licence: word of the licence vocabulary.
        cadence: word of the cadence vocabulary.
        description: what it holds.
        limits: what a reader must know; empty if there is nothing.
        file: contract file, relative to the contracts folder.
        columns: the columns, in order.
        rules: every rule; rules implied by the columns come first.
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
        cycle_days: days from one publication to the next; None if the publisher keeps no calendar.
        grace_days: further days by which a publication may be late.
    """

    properties: SourceProperties = field(kw_only=True)
    cycle_days: int | None = field(default=None, kw_only=True)
    grace_days: int = field(default=0, kw_only=True)

    @property
    def figures(self) -> list[str]:
        """The columns that hold measured figures, not place, time or category."""
        return [c.name for c in self.columns if c.unit and c.concept not in ("place", "time", "category")]

    @property
    def of_points(self) -> bool:
        """Whether its rows are points, placed by coordinates."""
        return "point" in self.properties.geography.levels

    @property
    def without_rows(self) -> Source:
        """The same contract for a table without figures for any authority: it is empty, so no rule on rows applies."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.kind in ("columns", "types")))


@dataclass(frozen=True)
class Product(Table):
    """A table that we promise to readers, with the same columns in Parquet and in the database.

    Attributes:
        published: whether readers get it; False if only other steps read it.
    """

    published: bool = field(default=True, kw_only=True)
