"""Evaluation of all rules of one table together; rules that cannot be evaluated are reported as errored or skipped.

DuckDB gathers the facts of all rules about rows in one pass, at any size. For small tables Great Expectations decides
the kinds that it knows, reading the rows itself, and DuckDB decides the others.
"""

import atexit
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from spi_pipeline.rules.duck import connect
from spi_pipeline.rules.evaluable import why_not_evaluable
from spi_pipeline.rules.great_expectations import Verdict, judge
from spi_pipeline.rules.kind import Group, RuleFinding, RuleQuery
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Outcome, Rule
from spi_pipeline.rules.table import POSITION, Table, count
from spi_pipeline.rules.wording import counted, listing

MAX_FAILING_ROWS = 10
# By rule and part of its query: aggregates in SQL by name, and their values.
_Wanted = dict[tuple[str, str], Mapping[str, str]]
_Measured = dict[tuple[str, str], dict[str, Any]]
# Below so many rows Great Expectations decides the kinds it knows: it takes milliseconds per column, and more per row.
GREAT_EXPECTATIONS_BELOW = 100
# The metadata of a table that is meant to be empty gives the reason in words under this key.
EMPTY_BECAUSE = "spi_empty_because"


def evaluate(
    table: pa.Table, rules: Sequence[Rule], *, table_name: str, great_expectations_below: int = GREAT_EXPECTATIONS_BELOW
) -> list[RuleResult]:
    """Evaluate the rules of one table.

    Kinds ignore nulls, NaN included, unless their page mentions nulls. A rule about rows is skipped if there are none
    to judge. A missing column, or one of another type, breaks one rule only: ``columns`` or ``types`` reports it, and
    the rules that read the column are skipped. Without such a rule they are errored. Failing rows show the columns of
    the rule and of the key, no others. If the table's metadata say under ``EMPTY_BECAUSE`` why it is empty, rules that
    fail on an empty table are skipped.

    Args:
        table: the rows.
        rules: the rules of the table, with unique ids.
        table_name: the name of the table, for messages.
        great_expectations_below: with fewer rows Great Expectations decides the kinds it knows; the results are the
            same.

    Returns:
        One result per rule, in order.

    Raises:
        ValueError: two rules share an id, or the kind of a rule is unknown.
    """
    _refuse_unclear(rules, table_name)
    with _database(os.getpid()).cursor() as connection:
        empty_because = (table.schema.metadata or {}).get(EMPTY_BECAUSE.encode(), b"").decode()
        return _Evaluation(rules, Table(table, connection), empty_because).results(great_expectations_below)


def evaluate_parts(
    tables: Mapping[str, pa.Table], rules: Sequence[Rule], product: str
) -> dict[str, tuple[RuleResult, ...]]:
    """Evaluate the rules of a product on each of its parts.

    All parts share the same rules, and each of these judges rows, or areas within a part. So the parts are judged
    together as one table, and one by one only if that finds a fault: a rule costs milliseconds however few rows it
    judges.
    """
    judged: dict[str, tuple[RuleResult, ...]] = {}
    for alike in _alike(tables):
        union = pa.concat_tables([tables[name].replace_schema_metadata(None) for name in alike])
        results = evaluate(union, rules, table_name=product)
        if all(result.outcome in ("passed", "skipped") for result in results):
            together = f" ({len(alike)} parts judged together)"
            passed = (replace(r, observed=r.observed + together) if r.outcome == "passed" else r for r in results)
            judged |= dict.fromkeys(alike, tuple(passed))
    return {
        name: judged[name] if name in judged else tuple(evaluate(table, rules, table_name=name))
        for name, table in tables.items()
    }


def _alike(tables: Mapping[str, pa.Table]) -> list[list[str]]:
    """Groups of tables with the same columns; empty tables form groups of their own, since rules on rows skip them."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for name, table in tables.items():
        # Without metadata, which differ between parts, for example in the rows that could not be placed.
        groups.setdefault((str(table.schema.remove_metadata()), bool(table.num_rows)), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """One database in memory for each process: its threads do not survive a fork, and opening one takes a while."""
    # Closed before the interpreter ends. If a thread of another library still waits by then, nothing more is freed, and
    # DuckDB's binding fills the terminal with leaks; that happened after every second first refresh.
    atexit.register(_database.cache_clear)
    return connect(config={"threads": 2})


def _refuse_unclear(rules: Sequence[Rule], table_name: str) -> None:
    ids = [rule.id for rule in rules]
    if repeated := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise ValueError(
            f"table {table_name}: more than one rule has the id {listing(repeated)}; give each an id of its own"
        )
    if unknown := [rule for rule in rules if rule.kind not in KINDS]:
        known = listing(KINDS, len(KINDS))
        raise ValueError(f"table {table_name}: there is no rule kind {unknown[0].kind!r}; use one of {known}")


class _Evaluation:
    """The rules of one table during evaluation; failing rows also show the columns of ``key``."""

    def __init__(self, rules: Sequence[Rule], table: Table, empty_because: str) -> None:
        self.table = table
        self.empty_because = empty_because
        self.rules = {rule.id: rule for rule in rules}
        self.key = next((rule.columns for rule in rules if rule.kind == "key"), ())

    def results(self, great_expectations_below: int) -> list[RuleResult]:
        """The result of every rule, in order."""
        done = {name: result for name, rule in self.rules.items() if (result := self._unevaluated(rule))}
        queries = {n: KINDS[rule.kind].query(rule, self.table) for n, rule in self.rules.items() if n not in done}
        findings = self._findings(queries)
        nothing = f"no values to judge in {counted(self.table.rows, 'row')}"
        for name in queries:
            if not findings[name].judged and KINDS[self.rules[name].kind].on_empty == "skipped":
                done[name] = _unjudged(self.rules[name], "skipped", nothing)
        left = [name for name in queries if name not in done]
        verdicts = self._verdicts(left) if self.table.rows < great_expectations_below else {}
        for name in left:
            done[name] = self._result(self.rules[name], queries[name], findings[name], verdicts.get(name))
        return [done[name] for name in self.rules]

    def _unevaluated(self, rule: Rule) -> RuleResult | None:
        """The result of a rule that cannot be evaluated on these columns, or on an empty table; None for any other."""
        if why := why_not_evaluable(rule, self.table.types, self.rules.values()):
            return _unjudged(rule, "skipped" if why.reported else "errored", why.reason)
        if not self.table.rows:
            if KINDS[rule.kind].on_empty == "skipped":
                return _unjudged(rule, "skipped", "no rows to judge")
            if KINDS[rule.kind].on_empty == "failed" and self.empty_because:
                return _unjudged(rule, "skipped", self.empty_because)
        return None

    def _findings(self, queries: Mapping[str, RuleQuery]) -> dict[str, RuleFinding]:
        """The facts of every rule: one pass over the whole table, and one more for each way of grouping rows."""
        ways: dict[tuple[str, ...], _Wanted] = {(): {}}
        for name, query in queries.items():
            counts = {"judged": count(query.judged), "failing": query.suspect or count(query.failing or "FALSE")}
            ways[()][name, "counts"] = counts
            ways.setdefault(self._by(name, query), {})[name, "facts"] = query.facts
        groups = {by: list(self._measured(by, wanted)) for by, wanted in ways.items()}
        ((_, whole),) = groups[()]
        findings = {}
        for name, query in queries.items():
            own = [(group, facts[name, "facts"]) for group, facts in groups[self._by(name, query)]]
            numbers = whole[name, "counts"]
            aggregates = {"facts": own[0][1]} if query.failing else {"groups": own}
            findings[name] = RuleFinding(self.table.rows, self.table.types, **numbers, **aggregates)
        suspects: _Wanted = {
            (name, "counts"): {"failing": count(query.failing)}
            for name, query in queries.items()
            if query.suspect and findings[name].failing
        }
        for _, exact in self._measured((), suspects):
            findings |= {name: replace(findings[name], **counts) for (name, _), counts in exact.items()}
        return findings

    def _by(self, name: str, query: RuleQuery) -> tuple[str, ...]:
        """The columns that rows are grouped by for one rule."""
        return () if query.failing else tuple(self.rules[name].by)

    def _measured(self, by: tuple[str, ...], wanted: _Wanted) -> Iterator[tuple[Group, _Measured]]:
        """The aggregates of several rules, for each group."""
        measures = [sql for facts in wanted.values() for sql in facts.values()]
        for row in self.table.groups(by, measures) if measures else [()]:
            values = iter(row[len(by) :])
            group = dict(zip(by, row[: len(by)], strict=True))
            yield group, {key: {name: next(values) for name in facts} for key, facts in wanted.items()}

    def _verdicts(self, names: Sequence[str]) -> dict[str, Verdict]:
        """The verdicts of Great Expectations on the rules it knows."""
        expectations = {
            name: KINDS[(rule := self.rules[name]).kind].expectations(rule, self.table.types) for name in names
        }
        return judge(self.table.arrow, {name: each for name, each in expectations.items() if each})

    def _result(self, rule: Rule, query: RuleQuery, finding: RuleFinding, verdict: Verdict | None) -> RuleResult:
        kind, failing = KINDS[rule.kind], query.failing
        if not failing:
            groups = kind.failing_groups(rule, finding)
            finding = replace(finding, failing_groups=groups, failing=len(groups))
        elif verdict:
            failing = f"{POSITION} IN {self.table.among(verdict.positions)}"
            finding = replace(finding, failing=len(verdict.positions))
        expected = kind.expected(rule)
        if verdict.passed if verdict else not finding.failing:
            message = kind.message(rule, finding)
            return RuleResult(rule, "passed", message.words, expected, (), 0, message.number, message.bound)
        shown: Sequence[Group] = finding.failing_groups[:MAX_FAILING_ROWS] if kind.shows_failing_groups else ()
        if failing:
            ((_, details),) = self._measured((), {(rule.id, "details"): query.details})
            finding = replace(finding, facts={**finding.facts, **details[rule.id, "details"]})
            columns = [name for name in dict.fromkeys([*rule.columns, *self.key]) if name in self.table.types]
            shown = self.table.shown(failing, columns, MAX_FAILING_ROWS)
            if kind.names_values:
                finding = replace(finding, values=self.table.values(rule.columns[0], failing))
        message = kind.message(rule, finding)
        return RuleResult(
            rule, "failed", message.words, expected, tuple(shown), finding.failing, message.number, message.bound
        )


def _unjudged(rule: Rule, outcome: Outcome, observed: str) -> RuleResult:
    return RuleResult(rule, outcome, observed, KINDS[rule.kind].expected(rule))
