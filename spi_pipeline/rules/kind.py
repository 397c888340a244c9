"""What a kind of rule is: everything about one promise that can be made of a table, in one class.

A kind says what offends in SQL over the whole table, at any size, and words what was found from plain facts. How facts
are gathered, and who decides, is for ``evaluation``. A kind without a failing case is refused when its class is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from spi_pipeline.rules.rule import Outcome, Places, Rule
from spi_pipeline.rules.table import Table

Family = Literal["form", "values", "coverage", "relations"]
Group = dict[str, Any]


class Stated(BaseModel):
    """What a contract states of a rule by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def named(self) -> tuple[str, ...]:
        """The columns of the rule."""
        return ()

    def params(self) -> dict[str, Any]:
        """The parameters of the rule; the areas that ``geographies`` names are looked up by the contract."""
        return self.model_dump(exclude={"rule", "columns", "geographies"}, exclude_none=True)


class StatedOfColumn(Stated):
    """What is stated of a kind that takes a column: the kind, and one column unless the kind takes more."""

    rule: str
    columns: list[str] = Field(min_length=1, max_length=1)

    def named(self) -> tuple[str, ...]:
        """The columns of the rule."""
        return tuple(self.columns)


class StatedOfColumns(StatedOfColumn):
    """What is stated of a kind that takes any number of columns."""

    columns: list[str] = Field(min_length=1)


class StatedOfAreas(StatedOfColumn):
    """What is stated of a kind that knows areas: sets of them, those of the table where none is named."""

    geographies: list[Places] | None = Field(default=None, min_length=1)


@dataclass(frozen=True)
class Asked:
    """What is asked of a table for one rule.

    Attributes:
        failing: SQL condition of a failing row; empty where groups or columns are judged, by ``Kind.wrong``.
        judged: SQL condition of a row that there is something to judge in.
        facts: aggregates by name: of all rows, or of each group of the rule's ``by`` where groups are judged.
        details: further aggregates of all rows, needed only where rows fail.
        suspect: aggregate that is cheaper than to count failing rows, and 0 only where there are none.
    """

    failing: str = ""
    judged: str = "TRUE"
    facts: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    suspect: str = ""


@dataclass(frozen=True)
class Found:
    """What was found for one rule.

    Attributes:
        rows: rows of the table.
        types: the logical type found in each column.
        judged: rows there was something to judge in.
        failing: rows, or groups or columns, that fail.
        facts: the aggregates asked for, of all rows, with the details where rows fail.
        groups: each group with its aggregates, in the order met; one group where the rule has no ``by``.
        wrong: what ``Kind.wrong`` found.
        values: the values of the first column in the failing rows, each once, where ``Kind.names_values``.
    """

    rows: int
    types: Mapping[str, str]
    judged: int = 0
    failing: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    groups: Sequence[tuple[Group, Mapping[str, Any]]] = ()
    wrong: Sequence[Group] = ()
    values: Sequence[Any] = ()


class Told(NamedTuple):
    """What was found in words, the figure that decided and the bound it was held to, where there are such."""

    words: str
    number: float | None = None
    bound: float | None = None


class Native(NamedTuple):
    """An expectation of Great Expectations: its class there and its arguments."""

    expectation: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """An example: the columns and parameters of a rule, the cells of each column, and what is said of them.

    Of a failing case ``at`` are the numbers of the failing rows, or the groups or columns shown in their place.
    """

    columns: tuple[str, ...]
    params: dict[str, Any]
    rows: dict[str, list[Any]]
    says: str
    at: tuple[int | Group, ...] = ()
    fails: bool = False

    def but(self, says: str, *at: int | Group, **cells: list[Any]) -> Case:
        """The same with other cells, which fail."""
        return Case(self.columns, self.params, self.rows | cells, says, at, fails=True)


class Kind:
    """One kind of rule; its docstring is its page, whose first line is what it promises.

    Attributes:
        name: as contracts and results have it.
        family: the family of checks it is shown in.
        states: what a contract may state by hand; None where the kind follows from columns or from what is measured.
        on_empty: the outcome on a table without rows, where it does not depend on parameters.
        without_columns: the outcome on a table without columns.
        of: what the columns must hold to be judged at all.
        of_many_rows: it says something about many rows together: of a product in parts, about each part.
        names_values: its words name the values of its first column that fail.
        cases: examples, from which tests are made.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    states: ClassVar[type[Stated] | None] = None
    on_empty: ClassVar[Outcome] = "skipped"
    without_columns: ClassVar[Outcome] = "errored"
    of: ClassVar[Literal["anything", "text", "numbers"]] = "anything"
    of_many_rows: ClassVar[bool] = False
    names_values: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]]

    def __init_subclass__(cls) -> None:
        if not any(case.fails for case in cls.cases) or all(case.fails for case in cls.cases):
            raise TypeError(f"kind {cls.name} needs a case that passes and a case that fails")

    @property
    def promise(self) -> str:
        """What it promises, in a sentence."""
        said = (self.__doc__ or "").partition("\n")[0].rstrip(".")
        return said[:1].lower() + said[1:]

    def expected(self, rule: Rule) -> str:
        """What a rule allows, such as ``between 0 and 100``; independent of any table."""
        raise NotImplementedError

    def ask(self, rule: Rule, table: Table) -> Asked:
        """What is asked of a table that the rule can be put to."""
        raise NotImplementedError

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        """The groups or columns that fail, where those are judged; rows are judged by ``Asked.failing``."""
        return []

    def tell(self, rule: Rule, found: Found) -> Told:
        """What was found."""
        raise NotImplementedError

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        """The expectations that say the same of columns of these types; none where Great Expectations has no such."""
        return []

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        """The columns whose values are judged."""
        return rule.columns

    def wants(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        """What the judged columns must hold: in words, and the logical types that do; none where any will do."""
        if self.of == "text":
            return "text", ("string",)
        return ("numbers", ("integer", "number")) if self.of == "numbers" else ("anything", ())
