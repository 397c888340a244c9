"""A kind of rule: one class holds everything about one promise that can be made of a table.

A kind expresses in SQL, for tables of any size, what breaks the promise, and puts the facts found into words. How
facts are gathered, and whether DuckDB or Great Expectations decides, is up to ``evaluation``. A kind without a passing
and a failing case is refused when its class is created.
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


class Declared(BaseModel):
    """A rule as a contract declares it under ``quality``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def column_names(self) -> tuple[str, ...]:
        """The columns of the rule."""
        return ()

    def params(self) -> dict[str, Any]:
        """The parameters of the rule, without ``geographies``: the contract reader looks up the areas these name."""
        return self.model_dump(exclude={"rule", "columns", "geographies"}, exclude_none=True)


class DeclaredForColumn(Declared):
    """A declared rule on columns: its kind and one column, unless the kind takes more."""

    rule: str
    columns: list[str] = Field(min_length=1, max_length=1)

    def column_names(self) -> tuple[str, ...]:
        """The columns of the rule."""
        return tuple(self.columns)


class DeclaredForColumns(DeclaredForColumn):
    """A declared rule on any number of columns."""

    columns: list[str] = Field(min_length=1)


class DeclaredForAreas(DeclaredForColumn):
    """A declared rule on areas: the sets of areas it judges by; if it names none, those of its table."""

    geographies: list[Places] | None = Field(default=None, min_length=1)


@dataclass(frozen=True)
class RuleQuery:
    """The SQL that one rule needs to judge a table.

    Attributes:
        failing: condition of a failing row; empty if ``Kind.failing_groups`` judges groups or columns instead.
        judged: condition of a row that holds something to judge.
        facts: aggregates by name, over all rows; over each group of the rule's ``by`` if groups are judged.
        details: further aggregates over all rows, needed only if rows fail.
        suspect: an aggregate that is cheaper than counting failing rows, and 0 only if there are none.
    """

    failing: str = ""
    judged: str = "TRUE"
    facts: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    suspect: str = ""


@dataclass(frozen=True)
class RuleFinding:
    """The facts found for one rule.

    Attributes:
        rows: number of rows of the table.
        types: the logical type found in each column.
        judged: number of rows that held something to judge.
        failing: number of failing rows, or of failing groups or columns.
        facts: the aggregates of the query over all rows, with its details if rows fail.
        groups: each group with its aggregates, in order of appearance; one group if the rule has no ``by``.
        failing_groups: the groups or columns that ``Kind.failing_groups`` returned.
        values: the distinct values of the first column in the failing rows, if ``Kind.names_values``.
    """

    rows: int
    types: Mapping[str, str]
    judged: int = 0
    failing: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    groups: Sequence[tuple[Group, Mapping[str, Any]]] = ()
    failing_groups: Sequence[Group] = ()
    values: Sequence[Any] = ()


class RuleMessage(NamedTuple):
    """The finding in words, with the figure that decided and the bound it was compared with, if there are any."""

    words: str
    number: float | None = None
    bound: float | None = None


class Expectation(NamedTuple):
    """An expectation of Great Expectations: its class there and its arguments."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """An example: the columns and parameters of a rule, the cells of each column, and the message about them.

    In a failing case, ``at`` holds the numbers of the failing rows, or the groups or columns shown in their place.
    """

    columns: tuple[str, ...]
    params: dict[str, Any]
    rows: dict[str, list[Any]]
    message: str
    at: tuple[int | Group, ...] = ()
    fails: bool = False

    def but(self, message: str, *at: int | Group, **cells: list[Any]) -> Case:
        """The same case with other cells, which fail."""
        return Case(self.columns, self.params, self.rows | cells, message, at, fails=True)


class Kind:
    """One kind of rule. The docstring of each kind is its page in the documentation, and its first line the promise.

    Attributes:
        name: its name in contracts and results.
        family: the family of checks under which it is shown.
        declaration: the model of what a contract may declare under ``quality``; None if rules of the kind only follow
            from columns, indicators or context measures.
        on_empty: the outcome on a table without rows, unless that depends on parameters.
        without_columns: the outcome on a table without columns.
        judges: what the columns must hold so that the kind can judge them.
        judges_many_rows: whether the kind judges many rows together; in a product in parts it judges each part.
        names_values: whether its message lists the failing values of its first column.
        shows_failing_groups: whether the groups or columns from ``failing_groups`` are shown as failing rows; not
            needed if the message says it all.
        cases: examples, which are also tests.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    declaration: ClassVar[type[Declared] | None] = None
    on_empty: ClassVar[Outcome] = "skipped"
    without_columns: ClassVar[Outcome] = "errored"
    judges: ClassVar[Literal["anything", "text", "numbers"]] = "anything"
    judges_many_rows: ClassVar[bool] = False
    names_values: ClassVar[bool] = False
    shows_failing_groups: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]]

    def __init_subclass__(cls) -> None:
        if not any(case.fails for case in cls.cases) or all(case.fails for case in cls.cases):
            raise TypeError(f"kind {cls.name} needs a case that passes and a case that fails")

    @property
    def promise(self) -> str:
        """The promise in one sentence."""
        sentence = (self.__doc__ or "").partition("\n")[0].rstrip(".")
        return sentence[:1].lower() + sentence[1:]

    def expected(self, rule: Rule) -> str:
        """The values that a rule allows, such as ``between 0 and 100``; independent of any table."""
        raise NotImplementedError

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        """The query for a table on which the rule can be evaluated."""
        raise NotImplementedError

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        """The groups or columns that fail; empty for kinds that judge rows, by ``RuleQuery.failing``."""
        return []

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        """The message about a finding."""
        raise NotImplementedError

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        """The equivalent expectations for columns of these types; empty if Great Expectations has none."""
        return []

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        """The columns whose values are judged."""
        return rule.columns

    def required_types(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        """What the judged columns must hold: in words, and as logical types; no types if any will do."""
        if self.judges == "text":
            return "text", ("string",)
        return ("numbers", ("integer", "number")) if self.judges == "numbers" else ("anything", ())
