from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from spi_pipeline.rules.kind import Case, Declared, Expectation, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, span

_GOOD = Case((), {"min": 2, "max": 2}, {"a": [1, 2]}, "2 rows")


class _Declared(Declared):
    """The standard's own metric ``rowCount``, under the standard's own names."""

    must_be: int | None = Field(default=None, alias="mustBe")
    between: list[int] | None = Field(default=None, alias="mustBeBetween", min_length=2, max_length=2)
    at_least: int | None = Field(default=None, alias="mustBeGreaterOrEqualTo")
    at_most: int | None = Field(default=None, alias="mustBeLessOrEqualTo")

    @model_validator(mode="after")
    def _bounded(self) -> _Declared:
        if self.params()["min"] is None:
            raise ValueError("a row count states mustBe, mustBeBetween or mustBeGreaterOrEqualTo")
        return self

    def params(self) -> dict[str, Any]:
        low, high = self.between or (self.at_least, self.at_most)
        return {"min": low, "max": high} if self.must_be is None else {"min": self.must_be, "max": self.must_be}


class RowCount(Kind):
    """The number of rows lies in a range.

    The range is ``min``, ``max`` or both. A contract declares it with the standard's own metric: ``metric: rowCount``
    with ``mustBe``, ``mustBeBetween``, or ``mustBeGreaterOrEqualTo``, to which ``mustBeLessOrEqualTo`` may be added.
    """

    name, family = "row_count", "coverage"
    declaration = _Declared
    on_empty = without_columns = "failed"
    shows_failing_groups = False
    cases = (_GOOD, _GOOD.but("3 rows", {"rows": 3}, a=[1, 2, 3]))

    def expected(self, rule: Rule) -> str:
        return f"{span(rule.params.get('min'), rule.params.get('max'))} rows"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        return RuleQuery()

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        low, high = rule.params.get("min"), rule.params.get("max")
        outside = (low is not None and finding.rows < low) or (high is not None and finding.rows > high)
        return [{"rows": finding.rows}] if outside else []

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        low, high = rule.params.get("min"), rule.params.get("max")
        bound = high if low is None or (high is not None and finding.rows > high) else low
        return RuleMessage(counted(finding.rows, "row"), float(finding.rows), bound)

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        arguments = {"min_value": rule.params.get("min"), "max_value": rule.params.get("max")}
        return [Expectation("ExpectTableRowCountToBeBetween", arguments)]
