"""The rules of one table evaluated: what can be asked is asked, what cannot is reported as errored or skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import pyarrow as pa

from spi_pipeline.checks import row_kinds, table_kinds
from spi_pipeline.checks.check import Check
from spi_pipeline.checks.judge import Verdict, judge
from spi_pipeline.checks.subject import MAX_FAILING_ROWS, Subject
from spi_pipeline.checks.wording import expected, listing
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.rules import Outcome, Rule, RuleResult

_TABLE_KINDS: dict[str, Callable[[Rule, Subject], Check]] = {
    "columns": table_kinds.columns,
    "types": table_kinds.types,
    "row_count": table_kinds.row_count,
    "coverage": table_kinds.coverage,
}
_ROW_KINDS: dict[str, Callable[[Rule, Subject], Check]] = {
    "required": row_kinds.required,
    "key": row_kinds.key,
    "in_set": row_kinds.in_set,
    "between": row_kinds.between,
    "between_by": row_kinds.between_by,
    "pattern": row_kinds.pattern,
    "known_areas": row_kinds.known_areas,
    "part_of_whole": row_kinds.part_of_whole,
    "null_share": row_kinds.null_share,
    "varies": row_kinds.varies,
    "empty": row_kinds.empty,
}
_KINDS = _TABLE_KINDS | _ROW_KINDS
# These say something about nulls, or about a column that holds nothing else.
_JUDGE_NULLS = ("required", "key", "null_share", "varies", "empty")


def evaluate(table: pa.Table | pd.DataFrame, rules: Sequence[Rule], *, table_name: str) -> list[RuleResult]:
    """Evaluate the rules of one table.

    Only ``required``, ``key`` and ``null_share`` judge nulls (NaN is one); the other kinds look past them. A rule whose
    column is missing is errored, a rule about rows that finds none to judge is skipped. Failing rows show the columns
    of the rule and of the key, no others.

    Args:
        table: the rows; a frame's columns are typed by what they hold.
        rules: what the table must keep, ids unique.
        table_name: the table, for messages.

    Returns:
        One result per rule, in order.

    Raises:
        SpiError: a rule is of an unknown kind or names no column, or two rules share an id.
        ValueError: the parameters of a rule do not make sense to its kind.
    """
    _refuse_unclear(rules, table_name)
    subject = Subject.of(table)
    unasked = {rule.id: result for rule in rules if (result := _unasked(rule, subject))}
    checks = {rule.id: _KINDS[rule.kind](rule, subject) for rule in rules if rule.id not in unasked}
    verdicts = iter(judge(subject.frame, [question for check in checks.values() for question in check.questions]))
    decided = {rule_id: [next(verdicts) for _ in check.questions] for rule_id, check in checks.items()}
    key = next((rule.columns for rule in rules if rule.kind == "key"), ())
    return [unasked.get(rule.id) or _result(rule, subject, checks[rule.id], decided[rule.id], key) for rule in rules]


def _refuse_unclear(rules: Sequence[Rule], table_name: str) -> None:
    for rule in rules:
        if rule.kind not in _KINDS:
            raise SpiError(
                f"table {table_name}: rule {rule.id} is of the unknown kind {rule.kind!r}, "
                f"use one of {listing(_KINDS, len(_KINDS))}"
            )
        if not rule.columns and rule.kind != "row_count":
            raise SpiError(f"table {table_name}: rule {rule.id} of kind {rule.kind} names no column, name at least one")
    ids = [rule.id for rule in rules]
    if repeated := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise SpiError(f"table {table_name}: rule ids {listing(repeated)} are used twice, rename one of each")


def _unasked(rule: Rule, subject: Subject) -> RuleResult | None:
    """The result of a rule that cannot be put to this table."""
    frame = subject.frame
    missing = [name for name in _looked_at(rule) if name not in frame.columns]
    if missing:
        verb = "column {} is missing" if len(missing) == 1 else "columns {} are missing"
        return _without_rows(rule, "errored", verb.format(listing(missing)))
    if rule.kind == "coverage" and not rule.params["areas"]:
        return _without_rows(rule, "errored", "no areas are named that should be there")
    if rule.kind == "known_areas" and "areas" not in rule.params:
        return _without_rows(rule, "skipped", "no lookup of its small areas is at hand")
    if rule.kind not in _ROW_KINDS:
        return None
    if frame.empty:
        return _without_rows(rule, "skipped", "no rows to judge")
    if rule.kind in _JUDGE_NULLS:
        return None
    filled = frame[list(rule.columns)].notna()
    if not (filled.all(axis=1) if rule.kind == "part_of_whole" else filled.any(axis=1)).any():
        return _without_rows(rule, "skipped", f"no values to judge in {len(frame):,} rows")
    if rule.kind == "part_of_whole":
        for name in rule.columns:
            if subject.types[name] != "integer" and not subject.types[name].startswith("number"):
                return _without_rows(rule, "errored", f"column {name} holds {subject.types[name]}, not numbers")
    return None


def _looked_at(rule: Rule) -> list[str]:
    if rule.kind == "columns":
        return []
    return list(dict.fromkeys([*rule.columns, *(rule.params.get("by") or ())]))


def _without_rows(rule: Rule, outcome: Outcome, observed: str) -> RuleResult:
    return RuleResult(rule, outcome, observed, expected(rule))


def _result(rule: Rule, subject: Subject, check: Check, verdicts: Sequence[Verdict], key: Sequence[str]) -> RuleResult:
    if errors := [verdict.error for verdict in verdicts if verdict.error]:
        return _without_rows(rule, "errored", errors[0])
    if all(verdict.passed for verdict in verdicts):
        return _without_rows(rule, "passed", check.tell(verdicts))
    if check.failing_rows:
        failing = check.failing_rows(verdicts)[:MAX_FAILING_ROWS]
    else:
        asked = {position % len(subject.frame) for verdict in verdicts for position in verdict.positions}
        positions = asked.union(check.failing())
        shown = [name for name in dict.fromkeys([*rule.columns, *key]) if name in subject.frame.columns]
        failing = subject.rows(positions, shown)
    return RuleResult(rule, "failed", check.tell(verdicts), expected(rule), failing)
