"""The rules of a large table, all at once and set-wise: DuckDB reads the columns in place and counts what fails.

The same kinds, words and failing rows as for small tables, which Great Expectations judges; a test holds both to it.
One pass over the table answers every rule that looks at single rows. Rows are looked at again only where some fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.rules import Rule, RuleResult
from spi_pipeline.rules import set_wise_kinds, table_kinds
from spi_pipeline.rules.check import Check
from spi_pipeline.rules.judge import Question, Verdict
from spi_pipeline.rules.large import POSITION, Asked, Facts, Large, count, quoted
from spi_pipeline.rules.subject import MAX_FAILING_ROWS, Subject, plain_rows
from spi_pipeline.rules.wording import counted, expected

_TABLE_KINDS: dict[str, Callable[[Rule, Subject], Check]] = {
    "columns": table_kinds.columns,
    "types": table_kinds.types,
    "row_count": table_kinds.row_count,
    "coverage": table_kinds.coverage,
}
_ROW_KINDS: dict[str, Callable[[Rule, Large], Asked]] = {
    "required": set_wise_kinds.required,
    "key": set_wise_kinds.key,
    "in_set": set_wise_kinds.in_set,
    "between": set_wise_kinds.between,
    "between_by": set_wise_kinds.between_by,
    "pattern": set_wise_kinds.pattern,
    "known_areas": set_wise_kinds.known_areas,
    "part_of_whole": set_wise_kinds.part_of_whole,
    "adds_up": set_wise_kinds.adds_up,
    "quotient": set_wise_kinds.quotient,
    "together": set_wise_kinds.together,
    "varies": set_wise_kinds.varies,
    "empty": set_wise_kinds.empty,
}
_GROUP_KINDS: dict[str, Callable[[Rule, Large], Check]] = {
    "null_share": set_wise_kinds.null_share,
    "typical": set_wise_kinds.typical,
    "totals": set_wise_kinds.totals,
    "unbroken": set_wise_kinds.unbroken,
}


def nothing(rows: int) -> str:
    """What is said where no row holds anything to judge."""
    return f"no values to judge in {counted(rows, 'row')}"


def evaluate(table: pa.Table, types: Mapping[str, str], rules: Sequence[Rule], key: Sequence[str]) -> list[RuleResult]:
    """Evaluate rules that can be put to the table.

    Args:
        table: the rows, no column name twice.
        types: the logical type found in each column.
        rules: see ``evaluation``, which sorts out what cannot be asked.
        key: columns shown beside failing rows.
    """
    with duckdb.connect(config={"threads": 2}) as connection:
        large = Large(table, types, connection)
        asked = {rule.id: _ROW_KINDS[rule.kind](rule, large) for rule in rules if rule.kind in _ROW_KINDS}
        facts = _facts(asked, large)
        return [
            _of_rows(rule, asked[rule.id], facts[rule.id], large, key) if rule.id in asked else _of_all(rule, large)
            for rule in rules
        ]


def _facts(asked: Mapping[str, Asked], large: Large) -> dict[str, dict[str, Any]]:
    """Every fact of every rule, in one pass."""
    wanted = [
        (rule_id, name, sql)
        for rule_id, each in asked.items()
        for name, sql in {"judged": count(each.judged), "failing": count(each.failing), **each.facts}.items()
    ]
    facts: dict[str, dict[str, Any]] = {rule_id: {} for rule_id in asked}
    if wanted:
        values = large.all(f"SELECT {', '.join(sql for _, _, sql in wanted)} FROM rows")[0]
        for (rule_id, name, _), value in zip(wanted, values, strict=True):
            facts[rule_id][name] = value
    return facts


def _of_rows(rule: Rule, asked: Asked, facts: Facts, large: Large, key: Sequence[str]) -> RuleResult:
    if not facts["judged"]:
        return RuleResult(rule, "skipped", nothing(large.table.num_rows), expected(rule))
    if not asked.fails(facts):
        return RuleResult(rule, "passed", asked.tell(facts), expected(rule))
    query = f'SELECT "{POSITION}" FROM rows WHERE {asked.failing} ORDER BY 1 LIMIT {MAX_FAILING_ROWS}'
    shown = [name for name in dict.fromkeys([*rule.columns, *key]) if name in large.types]
    return RuleResult(rule, "failed", asked.tell(facts), expected(rule), plain_rows(large.frame(query, shown)))


def _of_all(rule: Rule, large: Large) -> RuleResult:
    """A rule about groups of rows, or about the table as a whole."""
    rows: int = large.table.num_rows
    if rule.kind in _GROUP_KINDS:
        if (
            rule.kind != "null_share"
            and not large.all(f"SELECT {count(large.filled(rule.columns, ' OR '))} FROM rows")[0][0]
        ):
            return RuleResult(rule, "skipped", nothing(rows), expected(rule))
        check = _GROUP_KINDS[rule.kind](rule, large)
    else:
        check = _TABLE_KINDS[rule.kind](rule, Subject(_looked_at(rule, large), dict(large.types), rows))
    verdicts = [_verdict(question, rows) for question in check.questions]
    if all(verdict.passed for verdict in verdicts):
        return RuleResult(rule, "passed", check.tell(verdicts), expected(rule))
    failing = check.failing_rows(verdicts)[:MAX_FAILING_ROWS] if check.failing_rows else ()
    return RuleResult(rule, "failed", check.tell(verdicts), expected(rule), failing)


def _looked_at(rule: Rule, large: Large) -> pd.DataFrame:
    """The rows a rule about the table as a whole looks at: coverage alone needs any, and of those each kind once."""
    if rule.kind != "coverage":
        return pd.DataFrame()
    columns = list(dict.fromkeys([*(rule.params.get("by") or ()), *rule.columns]))
    query = f'SELECT min("{POSITION}") FROM rows GROUP BY {", ".join(map(quoted, columns))} ORDER BY 1'
    return large.frame(query, columns)


def _verdict(question: Question, rows: int) -> Verdict:
    """The answer to a question about the table as a whole, which needs no library."""
    if question.flags is not None:
        failing = tuple(map(int, question.flags.to_numpy().nonzero()[0]))
        return Verdict(not failing, failing)
    low, high = question.arguments["min_value"], question.arguments["max_value"]
    return Verdict((low is None or rows >= low) and (high is None or rows <= high))
