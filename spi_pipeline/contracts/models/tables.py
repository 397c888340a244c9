"""Table contracts: what the Open Data Contract Standard (ODCS v3) files under ``sources/`` and ``products/`` say.

The small, typed view of them that the pipeline works with; how a file becomes one is for ``reading``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.models.vocabulary import Strict
from spi_pipeline.rules.rule import Rule

LogicalType = Literal["string", "integer", "number", "boolean", "date", "timestamp", "binary"]
LOGICAL_TYPES: tuple[str, ...] = get_args(LogicalType)


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
    start: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    end: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    column: Literal["month", "year"] | None = None

    @field_validator("start", "end")
    @classmethod
    def _real(cls, day: str | None) -> str | None:
        if day is not None:
            dt.date.fromisoformat(day)
        return day

    @model_validator(mode="after")
    def _one_way(self) -> Period:
        if (self.column is None) != (self.start is not None and self.end is not None):
            raise ValueError("a period has either start and end, or the column that holds it")
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


class SourceProperties(Strict):
    """The custom properties every source contract states, once.

    Attributes:
        publisher: who publishes.
        group: one lower-case word by which sources of one publisher are shown together.
        dataset: the publisher's title of the data set.
        url: where it is published.
        licence: word of the licence vocabulary.
        attribution: the sentence a reader of any derived figure is owed.
        mode: ``live`` (has a fetcher) or ``frozen`` (figures only in the snapshot).
        useful_life: word of the vocabulary of useful lives; empty where no indicator is read from the source.
        geography: see ``TableGeography``.
        period: see ``Period``.
    """

    publisher: str
    group: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    dataset: str
    url: str = Field(pattern=r"^https://")
    licence: str
    attribution: str
    mode: Literal["live", "frozen"]
    useful_life: str = ""
    geography: TableGeography
    period: Period


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


@dataclass(frozen=True)
class Product(Table):
    """A table we promise: the same columns in Parquet and in the database.

    Attributes:
        published: whether readers get it; what only other steps read is not.
    """

    published: bool = field(default=True, kw_only=True)
