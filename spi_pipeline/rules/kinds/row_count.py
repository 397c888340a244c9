from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, Native, Stated, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, span

_GOOD = Case((), {"min": 2, "max": 2}, {"a": [1, 2]}, "2 rows")


class _Stated(Stated):
    """As the standard words it: its own metric ``rowCount``."""

    must_be: int | None = Field(default=None, alias="mustBe")
    between: list[int] | None = Field(default=None, alias="mustBeBetween", min_length=2, max_length=2)
    at_least: int | None = Field(default=None, alias="mustBeGreaterOrEqualTo")
    at_most: int | None = Field(default=None, alias="mustBeLessOrEqualTo")

    @model_validator(mode="after")
    def _bounded(self) -> _Stated:
        if self.params()["min"] is None:
            raise ValueError("a row count states mustBe, mustBeBetween or mustBeGreaterOrEqualTo")
        return self

    def params(self) -> dict[str, Any]:
        low, high = self.between or (self.at_least, self.at_most)
        return {"min": low, "max": high} if self.must_be is None else {"min": self.must_be, "max": self.must_be}


class RowCount(Kind):
    """The number of rows lies in a range.

    The range is ``min``, ``max`` or both. It is stated as the standard has it: ``metric: rowCount`` with ``mustBe``,
    ``mustBeBetween``, ``mustBeGreaterOrEqualTo``, ``mustBeLessOrEqualTo``.
    """

    name, family = "row_count", "coverage"
    states = _Stated
    on_empty = without_columns = "failed"
    cases = (_GOOD, _GOOD.but("3 rows", {"rows": 3}, a=[1, 2, 3]))

    def expected(self, rule: Rule) -> str:
        return f"{span(rule.params.get('min'), rule.params.get('max'))} rows"

    def ask(self, rule: Rule, table: Table) -> Asked:
        return Asked()

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        low, high = rule.params.get("min"), rule.params.get("max")
        outside = (low is not None and found.rows < low) or (high is not None and found.rows > high)
        return [{"rows": found.rows}] if outside else []

    def tell(self, rule: Rule, found: Found) -> Told:
        low, high = rule.params.get("min"), rule.params.get("max")
        bound = high if low is None or (high is not None and found.rows > high) else low
        return Told(counted(found.rows, "row"), float(found.rows), bound)

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        arguments = {"min_value": rule.params.get("min"), "max_value": rule.params.get("max")}
        return [Native("ExpectTableRowCountToBeBetween", arguments)]
