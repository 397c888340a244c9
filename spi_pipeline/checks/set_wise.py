"""The rules of a large table, all at once and set-wise: DuckDB reads the columns in place and counts what fails.

The same kinds, words and failing rows as for small tables, which Great Expectations judges; a test holds both to it.
One pass over the table answers every rule that looks at single rows. Rows are looked at again only where some fail.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.checks import found, table_kinds
from spi_pipeline.checks.judge import Question, Verdict
from spi_pipeline.checks.row_kinds import ROUNDING
from spi_pipeline.checks.subject import MAX_FAILING_ROWS, Subject, plain, plain_rows
from spi_pipeline.checks.wording import counted, expected
from spi_pipeline.contracts.rules import Rule, RuleResult

_TABLE_KINDS = {
    "columns": table_kinds.columns,
    "types": table_kinds.types,
    "row_count": table_kinds.row_count,
    "coverage": table_kinds.coverage,
}
_POSITION = "row number"
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class _Asked:
    """What is asked of the table for one rule.

    Attributes:
        failing: SQL condition of a failing row.
        judged: SQL condition of a row there is something to judge in.
        tell: what was found, from the facts; ``judged`` and ``failing`` are among them.
        facts: further aggregates, by name.
        fails: whether the rule fails, from the facts.
    """

    failing: str
    judged: str
    tell: Callable[[Facts], str]
    facts: Mapping[str, str] = field(default_factory=dict)
    fails: Callable[[Facts], bool] = lambda facts: bool(facts["failing"])


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
        return _Large(table, types, connection).results(rules, key)


class _Large:
    """One large table under evaluation."""

    def __init__(self, table: pa.Table, types: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> None:
        self.table, self.types, self.connection = table, types, connection
        connection.register("rows", table.append_column(_POSITION, pa.array(np.arange(table.num_rows))))

    def results(self, rules: Sequence[Rule], key: Sequence[str]) -> list[RuleResult]:
        asked = {rule.id: getattr(self, f"_{rule.kind}")(rule) for rule in rules if rule.kind not in _TABLE_KINDS}
        facts = self._facts(asked)
        return [
            self._decided(rule, asked[rule.id], facts[rule.id], key) if rule.id in asked else self._whole(rule)
            for rule in rules
        ]

    def _facts(self, asked: Mapping[str, _Asked]) -> dict[str, dict[str, Any]]:
        """Every fact of every rule, in one pass."""
        wanted = [
            (rule_id, name, sql)
            for rule_id, each in asked.items()
            for name, sql in {"judged": _count(each.judged), "failing": _count(each.failing), **each.facts}.items()
        ]
        facts: dict[str, dict[str, Any]] = {rule_id: {} for rule_id in asked}
        if wanted:
            values = self._all(f"SELECT {', '.join(sql for _, _, sql in wanted)} FROM rows")[0]
            for (rule_id, name, _), value in zip(wanted, values, strict=True):
                facts[rule_id][name] = value
        return facts

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        """The whole answer: DuckDB takes no further question before it was fetched to its end."""
        return self.connection.execute(query).fetchall()

    def _frame(self, positions: str, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of the rows whose numbers a query gives, in its order."""
        chosen = pa.array([row[0] for row in self._all(positions)], pa.int64())
        return Subject.of(self.table.select(list(columns)).take(chosen)).frame

    def _decided(self, rule: Rule, asked: _Asked, facts: Facts, key: Sequence[str]) -> RuleResult:
        if not facts["judged"]:
            return RuleResult(rule, "skipped", nothing(self.table.num_rows), expected(rule))
        if not asked.fails(facts):
            return RuleResult(rule, "passed", asked.tell(facts), expected(rule))
        query = f'SELECT "{_POSITION}" FROM rows WHERE {asked.failing} ORDER BY 1 LIMIT {MAX_FAILING_ROWS}'
        shown = [name for name in dict.fromkeys([*rule.columns, *key]) if name in self.types]
        return RuleResult(rule, "failed", asked.tell(facts), expected(rule), plain_rows(self._frame(query, shown)))

    def _whole(self, rule: Rule) -> RuleResult:
        """A rule about the table as a whole; of its rows, coverage alone needs any, and of those each kind once."""
        frame = pd.DataFrame()
        if rule.kind == "coverage":
            columns = list(dict.fromkeys([*(rule.params.get("by") or ()), *rule.columns]))
            query = f'SELECT min("{_POSITION}") FROM rows GROUP BY {", ".join(map(_name, columns))} ORDER BY 1'
            frame = self._frame(query, columns)
        check = _TABLE_KINDS[rule.kind](rule, Subject(frame, dict(self.types), self.table.num_rows))
        verdicts = [_verdict(question, self.table.num_rows) for question in check.questions]
        failing = check.failing_rows(verdicts)[:MAX_FAILING_ROWS] if check.failing_rows else ()
        outcome: Any = "passed" if all(verdict.passed for verdict in verdicts) else "failed"
        return RuleResult(rule, outcome, check.tell(verdicts), expected(rule), failing)

    def _cell(self, name: str) -> str:
        """A column in SQL; NaN is null."""
        if not self.types[name].startswith("number") or pa.types.is_decimal(self.table.schema.field(name).type):
            return _name(name)
        return f"nullif({_name(name)}, 'NaN'::DOUBLE)"

    def _filled(self, names: Sequence[str], joint: str) -> str:
        return joint.join(f"{self._cell(name)} IS NOT NULL" for name in names)

    def _values(self, name: str, condition: str) -> list[Any]:
        """The values of a column in the rows that meet a condition, each once, in the order met."""
        query = f'SELECT {_name(name)} FROM rows WHERE {condition} GROUP BY 1 ORDER BY min("{_POSITION}")'
        return [row[0] for row in self._all(query)]

    def _required(self, rule: Rule) -> _Asked:
        nulls = {name: f"{self._cell(name)} IS NULL" for name in rule.columns}
        return _Asked(
            " OR ".join(nulls.values()),
            "TRUE",
            lambda facts: found.nulls(self.table.num_rows, facts["failing"], {name: facts[name] for name in nulls}),
            {name: _count(condition) for name, condition in nulls.items()},
        )

    def _key(self, rule: Rule) -> _Asked:
        cells = [self._cell(name) for name in rule.columns]
        there = self._filled(rule.columns, " OR ")
        # Hashes that all differ prove keys that all differ, in a third of the memory; where two agree, the keys decide.
        digest = f"hash({', '.join(cells)})"
        self._all(
            f"CREATE OR REPLACE TABLE alike AS SELECT {digest} AS digest FROM rows WHERE {there} "
            "GROUP BY 1 HAVING count(*) > 1"
        )
        repeated = _name(f"{rule.id}: repeated")
        self._all(
            f'CREATE TABLE {repeated} AS SELECT "{_POSITION}" AS place FROM rows '
            f"WHERE ({there}) AND {digest} IN (SELECT digest FROM alike) "
            f"QUALIFY count(*) OVER (PARTITION BY {', '.join(cells)}) > 1"
        )
        failing = f'"{_POSITION}" IN (SELECT place FROM {repeated})'
        return _Asked(failing, there, lambda facts: found.repeats(self.table.num_rows, facts["failing"]))

    def _of_text(self, rule: Rule, failing: str, words: Callable[[list[Any]], str]) -> _Asked:
        name = rule.columns[0]

        def tell(facts: Facts) -> str:
            values = self._values(name, failing) if facts["failing"] else []
            return found.cells(facts["judged"], facts["failing"], {}, words(values))

        return _Asked(failing, f"{self._cell(name)} IS NOT NULL", tell)

    def _in_set(self, rule: Rule) -> _Asked:
        cell = self._cell(rule.columns[0])
        allowed = ", ".join(_literal(value) for value in rule.params["values"])
        return self._of_text(rule, f"{cell} IS NOT NULL AND {cell} NOT IN ({allowed})", found.other_values)

    def _pattern(self, rule: Rule) -> _Asked:
        """Asked of each text once and of Python, whose patterns are those contracts are written in."""
        regex, name = re.compile(rf"\A(?:{rule.params['regex']})\Z"), rule.columns[0]
        texts = [text for text in pc.unique(self.table[name]).to_pylist() if text is not None]
        wrong = pa.table({"text": pa.array([text for text in texts if not regex.search(text)], pa.string())})
        self.connection.register(f"{rule.id}: wrong", wrong)
        failing = f"{_name(name)} IN (SELECT text FROM {_name(f'{rule.id}: wrong')})" if len(wrong) else "FALSE"
        return self._of_text(rule, failing, found.mismatches)

    def _known_areas(self, rule: Rule) -> _Asked:
        name, former = _name(rule.columns[0]), rule.params.get("former") or ()
        self.connection.register(f"{rule.id}: known", pa.table({"code": pa.array(rule.params["areas"], pa.string())}))
        failing = f"{name} IS NOT NULL AND {name} NOT IN (SELECT code FROM {_name(f'{rule.id}: known')})"
        return self._of_text(rule, failing, lambda codes: found.unknown_codes(codes, former))

    def _between(self, rule: Rule) -> _Asked:
        low, high = rule.params.get("min"), rule.params.get("max")
        if low is None and high is None:
            raise ValueError("min_value and max_value cannot both be None")
        cells = {name: self._cell(name) for name in rule.columns}
        outside = {name: self._outside(name, low, high) for name in cells}

        def tell(facts: Facts) -> str:
            lowest = min(facts[f"lowest {n}"] for n in cells if facts[f"lowest {n}"] is not None)
            highest = max(facts[f"highest {n}"] for n in cells if facts[f"highest {n}"] is not None)
            told = found.extremes(facts["failing"], lowest, highest)
            return found.cells(facts["judged"], facts["failing"], {name: facts[name] for name in cells}, told)

        facts = {name: _count(condition) for name, condition in outside.items()}
        facts |= {f"{word} {n}": f"{sql}({c})" for n, c in cells.items() for word, sql in _EXTREMES.items()}
        return _Asked(" OR ".join(outside.values()), self._filled(rule.columns, " OR "), tell, facts)

    def _outside(self, name: str, low: Any, high: Any) -> str:
        """The condition of a cell outside its range; infinity is outside any."""
        if self.types[name].startswith("number"):
            low = -sys.float_info.max if low is None else low
            high = sys.float_info.max if high is None else high
        cell = self._cell(name)
        ends = [f"{cell} < {_literal(low)}"] if low is not None else []
        return f"coalesce({' OR '.join([*ends, *([f'{cell} > {_literal(high)}'] if high is not None else [])])}, FALSE)"

    def _between_by(self, rule: Rule) -> _Asked:
        about, column = rule.columns
        cases = " ".join(
            f"WHEN {_literal(of)} THEN greatest({_literal(float(low))} - value, value - {_literal(float(high))})"
            for of, (low, high) in rule.params["bounds"].items()
        )
        value = f"{self._cell(column)}::DOUBLE"
        distance = f"CASE {_name(about)} {cases.replace('value', value)} ELSE 'Infinity'::DOUBLE END"
        judged = f"{value} IS NOT NULL"
        failing = f"{judged} AND {distance} > 0"

        def tell(facts: Facts) -> str:
            if not facts["failing"]:
                return found.beyond(facts["judged"], 0, None, 0, None)
            query = (
                f"SELECT {_name(about)}, {value} FROM rows WHERE {failing} "
                f'ORDER BY {distance} DESC, "{_POSITION}" LIMIT 1'
            )
            ((of, worst),) = self._all(query)
            return found.beyond(facts["judged"], facts["failing"], of, worst, rule.params["bounds"].get(of))

        return _Asked(failing, judged, tell)

    def _part_of_whole(self, rule: Rule) -> _Asked:
        part, whole = (f"{self._cell(name)}::DOUBLE" for name in rule.columns)
        failing = f"{part} > {whole} + {_literal(rule.params.get('tolerance', 0))}"
        return _Asked(
            failing,
            self._filled(rule.columns, " AND "),
            lambda facts: found.excess(facts["judged"], facts["failing"], rule.columns, facts["most"]),
            {"most": f"max({part} - {whole}) FILTER (WHERE {failing})"},
        )

    def _null_share(self, rule: Rule) -> _Asked:
        rows, enough = self.table.num_rows, max(0.0, 1 - rule.params["max_share"] - ROUNDING)
        short = []
        nulls = {}
        for name in rule.columns:
            ((nulls[name],),) = self._all(f"SELECT {_count(f'{self._cell(name)} IS NULL')} FROM rows")
            short += [name] if (rows - nulls[name]) / rows < enough else []
        failing = " OR ".join(f"{self._cell(name)} IS NULL" for name in short) or "FALSE"
        return _Asked(failing, "TRUE", lambda facts: found.null_shares(rows, nulls))

    def _empty(self, rule: Rule) -> _Asked:
        name = rule.columns[0]
        failing = f"{self._cell(name)} IS NOT NULL"

        def tell(facts: Facts) -> str:
            values = self._values(name, failing) if facts["failing"] else []
            return found.content(self.table.num_rows, facts["failing"], values)

        return _Asked(failing, "TRUE", tell)

    def _varies(self, rule: Rule) -> _Asked:
        cells = {name: self._cell(name) for name in rule.columns}
        facts = {name: f"count(DISTINCT {cell})" for name, cell in cells.items()}
        facts |= {f"one {name}": f"any_value({cell})" for name, cell in cells.items()}
        return _Asked(
            "FALSE",
            "TRUE",
            lambda facts: found.variety({name: (facts[name], facts[f"one {name}"]) for name in cells}),
            facts,
            lambda facts: any(facts[name] < 2 for name in cells),
        )


_EXTREMES = {"lowest": "min", "highest": "max"}


def _verdict(question: Question, rows: int) -> Verdict:
    """The answer to a question about the table as a whole, which needs no library."""
    if question.flags is not None:
        failing = tuple(map(int, question.flags.to_numpy().nonzero()[0]))
        return Verdict(not failing, failing)
    low, high = question.arguments["min_value"], question.arguments["max_value"]
    return Verdict((low is None or rows >= low) and (high is None or rows <= high))


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    """A value in SQL; decimals would not compare like the doubles they stand for."""
    value = plain(value)
    if isinstance(value, float):
        return f"{value!r}::DOUBLE"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
