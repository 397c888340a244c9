"""The rules of one table evaluated: what can be asked is asked, what cannot is reported as errored or skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.rules import Outcome, Rule, RuleResult
from spi_pipeline.rules import group_kinds, row_kinds, set_wise, table_kinds
from spi_pipeline.rules.check import Check
from spi_pipeline.rules.judge import Verdict, judge
from spi_pipeline.rules.subject import MAX_FAILING_ROWS, Subject, distinct_names, types_of
from spi_pipeline.rules.wording import expected, listing

# Up to here Great Expectations decides, above it DuckDB: 5 million rows take the former minutes and gigabytes.
SET_WISE_ABOVE = 100_000

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
    "adds_up": row_kinds.adds_up,
    "quotient": row_kinds.quotient,
    "together": row_kinds.together,
    "varies": row_kinds.varies,
    "empty": row_kinds.empty,
}
_GROUP_KINDS: dict[str, Callable[[Rule, Subject], Check]] = {
    "null_share": group_kinds.null_share,
    "typical": group_kinds.typical,
    "totals": group_kinds.totals,
    "unbroken": group_kinds.unbroken,
}
_KINDS = _TABLE_KINDS | _ROW_KINDS | _GROUP_KINDS
# These say something about nulls, or about a column that holds nothing else.
_JUDGE_NULLS = ("required", "null_share", "together", "varies", "empty")
# These need all of their columns in a row, the others any.
_JUDGE_WHOLE_ROWS = ("part_of_whole", "adds_up")
_OF_TEXT = ("pattern", "known_areas", "in_set")
_OF_NUMBERS = ("between", "between_by", "part_of_whole", "adds_up", "quotient", "typical", "totals", "unbroken")


def evaluate(
    table: pa.Table | pd.DataFrame, rules: Sequence[Rule], *, table_name: str, set_wise_above: int = SET_WISE_ABOVE
) -> list[RuleResult]:
    """Evaluate the rules of one table.

    Only ``required`` and ``null_share`` judge nulls (NaN is one); the other kinds look past them. A rule about rows
    that finds none to judge is skipped. A missing column, or one of another type, is one broken rule: ``columns`` or
    ``types`` tells it and the rules that look at the column are skipped; without such a rule they are errored. Failing
    rows show the columns of the rule and of the key, no others.

    Args:
        table: the rows; a frame's columns are typed by what they hold.
        rules: what the table must keep, ids unique.
        table_name: the table, for messages.
        set_wise_above: Arrow tables with more rows are judged set-wise; the results are the same.

    Returns:
        One result per rule, in order.

    Raises:
        SpiError: a rule is of an unknown kind or names no column, or two rules share an id.
        ValueError: the parameters of a rule do not make sense to its kind.
    """
    _refuse_unclear(rules, table_name)
    key = next((rule.columns for rule in rules if rule.kind == "key"), ())
    if isinstance(table, pa.Table) and table.num_rows > max(set_wise_above, 0):
        table = table.rename_columns(distinct_names(table.column_names))
        types = types_of(table)
        unasked = _unasked(rules, types)
        results = set_wise.evaluate(table, types, [rule for rule in rules if rule.id not in unasked], key)
    else:
        subject = Subject.of(table)
        unasked = _unasked(rules, subject.types)
        for rule in rules:
            if (
                rule.kind not in _TABLE_KINDS
                and rule.id not in unasked
                and (nothing := _nothing_to_judge(rule, subject))
            ):
                unasked[rule.id] = nothing
        results = _judged(subject, [rule for rule in rules if rule.id not in unasked], key)
    decided = {result.rule.id: result for result in results} | unasked
    return [decided[rule.id] for rule in rules]


def _refuse_unclear(rules: Sequence[Rule], table_name: str) -> None:
    for rule in rules:
        if rule.kind not in _KINDS:
            raise SpiError(
                f"table {table_name}: rule {rule.id} is of the unknown kind {rule.kind!r}, "
                f"use one of {listing(_KINDS, len(_KINDS))}"
            )
        if not rule.columns and rule.kind != "row_count":
            raise SpiError(f"table {table_name}: rule {rule.id} of kind {rule.kind} names no column, name at least one")
        if len(rule.columns) > 1 and rule.kind in _OF_TEXT:
            raise SpiError(f"table {table_name}: rule {rule.id} of kind {rule.kind} names several columns, name one")
    ids = [rule.id for rule in rules]
    if repeated := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise SpiError(f"table {table_name}: rule ids {listing(repeated)} are used twice, rename one of each")


def _unasked(rules: Sequence[Rule], types: Mapping[str, str]) -> dict[str, RuleResult]:
    """The results of the rules that cannot be put to a table of these columns."""
    unasked: dict[str, RuleResult] = {}
    for rule in rules:
        if rule.kind == "columns":
            continue
        missing = [name for name in _looked_at(rule) if name not in types]
        if missing:
            told = any(other.kind == "columns" and set(missing) <= set(other.columns) for other in rules)
            if told and rule.kind == "types" and len(missing) < len(rule.columns):
                continue  # it judges the columns that are there
            verb = "column {} is missing" if len(missing) == 1 else "columns {} are missing"
            unasked[rule.id] = _cannot(rule, verb.format(listing(missing)), told)
        elif "unlisted" in rule.params:
            unasked[rule.id] = _cannot(rule, rule.params["unlisted"], False)
        elif rule.kind == "coverage" and rule.params.get("areas") == []:
            unasked[rule.id] = _cannot(rule, "no areas are named that should be there", False)
        elif rule.kind in ("known_areas", "coverage") and "areas" not in rule.params and not rule.params.get("choices"):
            unasked[rule.id] = _cannot(rule, "no lookup of its small areas is at hand", True)
        elif unfit := list(_unfit(rule, types)):
            told = any(
                other.kind == "types" and not table_kinds.fits(types[name], other.params["types"].get(name, ""))
                for other in rules
                for name in unfit
            )
            wanted = "text" if rule.kind in _OF_TEXT else "days" if row_kinds.of_days(rule) else "numbers"
            holds = ", ".join(f"column {name} holds {types[name]}, not {wanted}" for name in unfit)
            unasked[rule.id] = _cannot(rule, holds, told)
    return unasked


def _looked_at(rule: Rule) -> list[str]:
    return list(dict.fromkeys([*rule.columns, *(rule.params.get("by") or ())]))


def _unfit(rule: Rule, types: Mapping[str, str]) -> Iterator[str]:
    """Columns of a type the rule cannot be asked about; a column of nulls has none and leaves nothing to judge."""
    if rule.kind in _OF_TEXT and all(isinstance(value, str) for value in rule.params.get("values", ())):
        yield from (name for name in rule.columns if types[name] not in ("string", "null"))
    if rule.kind in _OF_NUMBERS:
        yield from (name for name in _judged_columns(rule) if not types[name].startswith((*_fit(rule), "null")))


def _fit(rule: Rule) -> tuple[str, ...]:
    """The types a rule of numbers can be asked about."""
    if row_kinds.of_days(rule):
        return ("date", "timestamp")
    bounds = [bound for name in ("min", "max") if (bound := rule.params.get(name)) is not None]
    if not all(isinstance(bound, int | float) for bound in bounds):
        return ("",)  # whatever the library makes of them
    return ("integer", "string") if rule.kind == "unbroken" else ("integer", "number")


def _judged_columns(rule: Rule) -> tuple[str, ...]:
    """The columns whose values a rule is about; some kinds only look a range or factor up by the first."""
    return rule.columns[1:] if rule.kind in ("between_by", "quotient") else rule.columns


def _cannot(rule: Rule, why: str, told: bool) -> RuleResult:
    return _without_rows(rule, "skipped" if told else "errored", why)


def _nothing_to_judge(rule: Rule, subject: Subject) -> RuleResult | None:
    """The result of a rule about rows that finds none to judge."""
    frame = subject.frame
    if frame.empty:
        return _without_rows(rule, "skipped", "no rows to judge")
    if rule.kind in _JUDGE_NULLS:
        return None
    if rule.kind in _JUDGE_WHOLE_ROWS:
        filled = bool(frame[list(rule.columns)].notna().all(axis=1).any())
    else:
        names = rule.columns[1:2] if rule.kind == "quotient" else _judged_columns(rule)
        filled = any(frame[name].notna().any() for name in names)
    if filled:
        return None
    return _without_rows(rule, "skipped", set_wise.nothing(len(frame)))


def _without_rows(rule: Rule, outcome: Outcome, observed: str) -> RuleResult:
    return RuleResult(rule, outcome, observed, expected(rule))


def _judged(subject: Subject, rules: Sequence[Rule], key: Sequence[str]) -> list[RuleResult]:
    checks = [_KINDS[rule.kind](rule, subject) for rule in rules]
    verdicts = iter(judge(subject.frame, [question for check in checks for question in check.questions]))
    return [
        _result(rule, subject, check, [next(verdicts) for _ in check.questions], key)
        for rule, check in zip(rules, checks, strict=True)
    ]


def _result(rule: Rule, subject: Subject, check: Check, verdicts: Sequence[Verdict], key: Sequence[str]) -> RuleResult:
    if errors := [verdict.error for verdict in verdicts if verdict.error]:
        return _without_rows(rule, "errored", errors[0])
    if all(verdict.passed for verdict in verdicts):
        return _without_rows(rule, "passed", check.tell(verdicts))
    if check.failing_rows:
        failing = check.failing_rows(verdicts)[:MAX_FAILING_ROWS]
    else:
        positions = {position for verdict in verdicts for position in verdict.positions}
        shown = [name for name in dict.fromkeys([*rule.columns, *key]) if name in subject.frame.columns]
        failing = subject.shown(positions, shown)
    return RuleResult(rule, "failed", check.tell(verdicts), expected(rule), failing)


def evaluate_parts(
    tables: Mapping[str, pa.Table], rules: Sequence[Rule], product: str
) -> dict[str, tuple[RuleResult, ...]]:
    """What became of each rule of each part of a product.

    Parts of one product share its rules, and every such rule looks at rows, or at areas within the part: they are
    judged in one go, and one by one only where that finds a fault.

    Args:
        tables: the parts by name.
        rules: the rules of the product.
        product: its name, for messages.
    """
    judged: dict[str, tuple[RuleResult, ...]] = {}
    for alike in _alike(tables):
        union = pa.concat_tables([tables[name].replace_schema_metadata(None) for name in alike])
        results = evaluate(union, rules, table_name=product)
        if all(result.outcome in ("passed", "skipped") for result in results):
            judged |= dict.fromkeys(alike, _of_all(results, len(alike)))
    return {
        name: judged[name] if name in judged else tuple(evaluate(table, rules, table_name=name))
        for name, table in tables.items()
    }


def _of_all(results: Sequence[RuleResult], parts: int) -> tuple[RuleResult, ...]:
    """Results of parts judged in one go: what was counted was counted in all of them, and says so."""
    said = f" ({parts} parts judged together)"
    return tuple(replace(r, observed=r.observed + said) if r.outcome == "passed" else r for r in results)


def _alike(tables: Mapping[str, pa.Table]) -> list[list[str]]:
    """Tables of the same columns, those with rows and those without apart: a rule about rows passes over the latter."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for name, table in tables.items():
        # The metadata of parts differ, such as what could not be placed, and so would the hashes of their schemas.
        groups.setdefault((str(table.schema.remove_metadata()), bool(table.num_rows)), []).append(name)
    return [names for names in groups.values() if len(names) > 1]
