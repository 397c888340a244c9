"""The rules of one table evaluated together: what can be asked is asked, what cannot is reported as errored or skipped.

DuckDB gathers the facts of all rules about rows in one pass, at any size. Below a size Great Expectations decides the
kinds that it knows, from its own look at the rows, and DuckDB the others.
"""

import atexit
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from spi_pipeline.rules.askable import unaskable
from spi_pipeline.rules.duck import connect
from spi_pipeline.rules.kind import Asked, Found, Group
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.native import Verdict, judge
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Outcome, Rule
from spi_pipeline.rules.table import POSITION, Table, count
from spi_pipeline.rules.wording import counted, listing

MAX_FAILING_ROWS = 10
# Aggregates in SQL by name, and what they came to, by rule and part of what is asked for it.
_Wanted = dict[tuple[str, str], Mapping[str, str]]
_Measured = dict[tuple[str, str], dict[str, Any]]
# Up to here Great Expectations decides what it can; it takes milliseconds for each column of a rule, and each row adds.
NATIVE_BELOW = 100
# Metadata of a table that is meant to have no rows: why, in words.
EMPTY_BECAUSE = "spi_empty_because"


def evaluate(
    table: pa.Table, rules: Sequence[Rule], *, table_name: str, native_below: int = NATIVE_BELOW
) -> list[RuleResult]:
    """Evaluate the rules of one table.

    Kinds that do not speak of nulls look past them (NaN is one). A rule about rows that finds none to judge is skipped.
    A missing column, or one of another type, is one broken rule: ``columns`` or ``types`` tells it and the rules that
    look at the column are skipped; without such a rule they are errored. Failing rows show the columns of the rule and
    of the key, no others. Of a table that says in ``EMPTY_BECAUSE`` why it has no rows no rule asks for any.

    Args:
        table: the rows.
        rules: what the table must keep, ids unique.
        table_name: the table, for messages.
        native_below: with fewer rows Great Expectations decides what it can; the results are the same.

    Returns:
        One result per rule, in order.

    Raises:
        ValueError: two rules share an id, or a rule is of a kind that there is not.
    """
    _refuse_unclear(rules, table_name)
    with _database(os.getpid()).cursor() as connection:
        because = (table.schema.metadata or {}).get(EMPTY_BECAUSE.encode(), b"").decode()
        return _Evaluation(rules, Table(table, connection), because).results(native_below)


def evaluate_parts(
    tables: Mapping[str, pa.Table], rules: Sequence[Rule], product: str
) -> dict[str, tuple[RuleResult, ...]]:
    """Evaluate the rules of a product on each of the parts it comes in.

    Parts share their rules, and every such rule looks at rows, or at areas within the part: they are judged as one
    table, and one by one only where that finds a fault, since a rule costs milliseconds whatever the number of rows.
    """
    judged: dict[str, tuple[RuleResult, ...]] = {}
    for alike in _alike(tables):
        union = pa.concat_tables([tables[name].replace_schema_metadata(None) for name in alike])
        results = evaluate(union, rules, table_name=product)
        if all(result.outcome in ("passed", "skipped") for result in results):
            said = f" ({len(alike)} parts judged together)"
            passed = (replace(r, observed=r.observed + said) if r.outcome == "passed" else r for r in results)
            judged |= dict.fromkeys(alike, tuple(passed))
    return {
        name: judged[name] if name in judged else tuple(evaluate(table, rules, table_name=name))
        for name, table in tables.items()
    }


def _alike(tables: Mapping[str, pa.Table]) -> list[list[str]]:
    """Tables of the same columns, those with rows and those without apart: a rule about rows passes over the latter."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for name, table in tables.items():
        # The metadata of parts differ, such as what could not be placed, and so would the hashes of their schemas.
        groups.setdefault((str(table.schema.remove_metadata()), bool(table.num_rows)), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """One database in memory for each process, since its threads do not survive a fork; to open one takes a while."""
    # Let go of before the interpreter ends: where another library's thread still waits then, nothing is freed any more,
    # and DuckDB's binding fills the terminal with leaks, after every second first refresh.
    atexit.register(_database.cache_clear)
    return connect(config={"threads": 2})


def _refuse_unclear(rules: Sequence[Rule], table_name: str) -> None:
    ids = [rule.id for rule in rules]
    if repeated := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise ValueError(f"table {table_name}: rule ids {listing(repeated)} are used twice, rename one of each")
    if unknown := [rule for rule in rules if rule.kind not in KINDS]:
        known = listing(KINDS, len(KINDS))
        raise ValueError(f"table {table_name}: there is no kind {unknown[0].kind!r} of rule; use one of {known}")


class _Evaluation:
    """The rules of one table while they are evaluated; ``key`` are the columns shown beside failing rows."""

    def __init__(self, rules: Sequence[Rule], table: Table, empty_because: str) -> None:
        self.table = table
        self.empty_because = empty_because
        self.rules = {rule.id: rule for rule in rules}
        self.key = next((rule.columns for rule in rules if rule.kind == "key"), ())

    def results(self, native_below: int) -> list[RuleResult]:
        """What became of every rule, in order."""
        done = {name: result for name, rule in self.rules.items() if (result := self._unasked(rule))}
        asked = {n: KINDS[rule.kind].ask(rule, self.table) for n, rule in self.rules.items() if n not in done}
        found = self._found(asked)
        nothing = f"no values to judge in {counted(self.table.rows, 'row')}"
        for name in asked:
            if not found[name].judged and KINDS[self.rules[name].kind].on_empty == "skipped":
                done[name] = _unjudged(self.rules[name], "skipped", nothing)
        left = [name for name in asked if name not in done]
        verdicts = self._verdicts(left) if self.table.rows < native_below else {}
        done |= {name: self._result(self.rules[name], asked[name], found[name], verdicts.get(name)) for name in left}
        return [done[name] for name in self.rules]

    def _unasked(self, rule: Rule) -> RuleResult | None:
        """The result of a rule that cannot be put to a table of these columns, or of no rows."""
        if why := unaskable(rule, self.table.types, self.rules.values()):
            return _unjudged(rule, "skipped" if why.told else "errored", why.said)
        if not self.table.rows:
            if KINDS[rule.kind].on_empty == "skipped":
                return _unjudged(rule, "skipped", "no rows to judge")
            if KINDS[rule.kind].on_empty == "failed" and self.empty_because:
                return _unjudged(rule, "skipped", self.empty_because)
        return None

    def _found(self, asked: Mapping[str, Asked]) -> dict[str, Found]:
        """The facts of every rule: in one pass over the table, and in one more for each way of grouping rows."""
        ways: dict[tuple[str, ...], _Wanted] = {(): {}}
        for name, each in asked.items():
            counts = {"judged": count(each.judged), "failing": each.suspect or count(each.failing or "FALSE")}
            ways[()][name, "counts"] = counts
            ways.setdefault(self._by(name, each), {})[name, "facts"] = each.facts
        groups = {by: list(self._measured(by, wanted)) for by, wanted in ways.items()}
        ((_, whole),) = groups[()]
        found = {}
        for name, each in asked.items():
            own = [(group, facts[name, "facts"]) for group, facts in groups[self._by(name, each)]]
            seen = {"facts": own[0][1]} if each.failing else {"groups": own}
            found[name] = Found(self.table.rows, self.table.types, **whole[name, "counts"], **seen)
        suspects: _Wanted = {
            (name, "counts"): {"failing": count(each.failing)}
            for name, each in asked.items()
            if each.suspect and found[name].failing
        }
        for _, exact in self._measured((), suspects):
            found |= {name: replace(found[name], **counts) for (name, _), counts in exact.items()}
        return found

    def _by(self, name: str, asked: Asked) -> tuple[str, ...]:
        """The columns that rows are grouped by for one rule."""
        return () if asked.failing else tuple(self.rules[name].by)

    def _measured(self, by: tuple[str, ...], wanted: _Wanted) -> Iterator[tuple[Group, _Measured]]:
        """Aggregates of several rules, of each group."""
        measures = [sql for facts in wanted.values() for sql in facts.values()]
        for row in self.table.groups(by, measures) if measures else [()]:
            values = iter(row[len(by) :])
            group = dict(zip(by, row[: len(by)], strict=True))
            yield group, {asked: {name: next(values) for name in facts} for asked, facts in wanted.items()}

    def _verdicts(self, names: Sequence[str]) -> dict[str, Verdict]:
        """What Great Expectations decides of the rules it knows."""
        natives = {name: KINDS[(rule := self.rules[name]).kind].native(rule, self.table.types) for name in names}
        return judge(self.table.arrow, {name: each for name, each in natives.items() if each})

    def _result(self, rule: Rule, asked: Asked, found: Found, verdict: Verdict | None) -> RuleResult:
        kind, failing = KINDS[rule.kind], asked.failing
        if not failing:
            found = replace(found, wrong=(wrong := kind.wrong(rule, found)), failing=len(wrong))
        elif verdict:
            failing = f"{POSITION} IN {self.table.among(verdict.positions)}"
            found = replace(found, failing=len(verdict.positions))
        if verdict.passed if verdict else not found.failing:
            told = kind.tell(rule, found)
            return RuleResult(rule, "passed", told.words, kind.expected(rule), (), 0, told.number, told.bound)
        shown: Sequence[Group] = found.wrong[:MAX_FAILING_ROWS] if kind.shows_wrong else ()
        if failing:
            ((_, details),) = self._measured((), {(rule.id, "details"): asked.details})
            found = replace(found, facts={**found.facts, **details[rule.id, "details"]})
            columns = [name for name in dict.fromkeys([*rule.columns, *self.key]) if name in self.table.types]
            shown = self.table.shown(failing, columns, MAX_FAILING_ROWS)
            if kind.names_values:
                found = replace(found, values=self.table.values(rule.columns[0], failing))
        told = kind.tell(rule, found)
        expected = kind.expected(rule)
        return RuleResult(rule, "failed", told.words, expected, tuple(shown), found.failing, told.number, told.bound)


def _unjudged(rule: Rule, outcome: Outcome, observed: str) -> RuleResult:
    return RuleResult(rule, outcome, observed, KINDS[rule.kind].expected(rule))
