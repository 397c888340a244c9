"""The example cases of each kind of rule, as rules and tables."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.kind import Case, Kind
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Rule

# With fewer rows than this, Great Expectations judges every rule that it can.
ENGINES = pytest.mark.parametrize("great_expectations_below", [0, 1000], ids=["set-wise", "great_expectations"])
EVERY_CASE = pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, case, id=f"{name}: {case.message[:40]}")
        for name, kind in KINDS.items()
        for case in kind.cases
    ],
)


def rule(kind: str, *columns: str, **params: Any) -> Rule:
    return Rule(kind, kind, "error", f"example of {kind}", columns, params)


def rule_of(kind: Kind, case: Case) -> Rule:
    return rule(kind.name, *case.columns, **case.params)


def only_result(table: pa.Table, rule: Rule, great_expectations_below: int = 1000) -> RuleResult:
    (result,) = evaluate(table, [rule], table_name="example", great_expectations_below=great_expectations_below)
    return result


def column(name: str, cells: list[Any], kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({name: pa.array(cells, kind)})
