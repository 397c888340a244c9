"""The kinds of rule as SQL, for tables that DuckDB judges: what a failing row is, and which figures tell of it.

One function a kind, as in ``row_kinds`` and ``group_kinds``; the words for what was found are the same.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.contracts.rules import Rule
from spi_pipeline.rules import found, group_kinds
from spi_pipeline.rules.check import Check
from spi_pipeline.rules.large import POSITION, Asked, Facts, Large, count, literal, quoted
from spi_pipeline.rules.row_kinds import AREA_CODE, QUOTIENT, ROUNDING, of_days


def required(rule: Rule, large: Large) -> Asked:
    """Rows with a null in any of the columns."""
    nulls = {name: f"{large.cell(name)} IS NULL" for name in rule.columns}
    return Asked(
        " OR ".join(nulls.values()),
        "TRUE",
        lambda facts: found.nulls(large.table.num_rows, facts["failing"], {name: facts[name] for name in nulls}),
        {name: count(condition) for name, condition in nulls.items()},
    )


def key(rule: Rule, large: Large) -> Asked:
    """Rows that share their key with another."""
    cells = [large.cell(name) for name in rule.columns]
    there = large.filled(rule.columns, " OR ")
    # Hashes that all differ prove keys that all differ, in a third of the memory; where two agree, the keys decide.
    digest = f"hash({', '.join(cells)})"
    large.all(
        f"CREATE OR REPLACE TABLE alike AS SELECT {digest} AS digest FROM rows WHERE {there} "
        "GROUP BY 1 HAVING count(*) > 1"
    )
    repeated = quoted(f"{rule.id}: repeated")
    large.all(
        f'CREATE TABLE {repeated} AS SELECT "{POSITION}" AS place FROM rows '
        f"WHERE ({there}) AND {digest} IN (SELECT digest FROM alike) "
        f"QUALIFY count(*) OVER (PARTITION BY {', '.join(cells)}) > 1"
    )
    failing = f'"{POSITION}" IN (SELECT place FROM {repeated})'
    return Asked(failing, there, lambda facts: found.repeats(large.table.num_rows, facts["failing"]))


def _of_text(rule: Rule, large: Large, failing: str, words: Callable[[list[Any]], str]) -> Asked:
    name = rule.columns[0]

    def tell(facts: Facts) -> str:
        values = large.values(name, failing) if facts["failing"] else []
        return found.cells(facts["judged"], facts["failing"], {}, words(values))

    return Asked(failing, f"{large.cell(name)} IS NOT NULL", tell)


def in_set(rule: Rule, large: Large) -> Asked:
    """Values that are not listed; null is looked past."""
    cell = large.cell(rule.columns[0])
    allowed = ", ".join(literal(value) for value in rule.params["values"])
    return _of_text(rule, large, f"{cell} IS NOT NULL AND {cell} NOT IN ({allowed})", found.other_values)


def pattern(rule: Rule, large: Large) -> Asked:
    """Asked of each text once and of Python, whose patterns are those contracts are written in."""
    regex, name = re.compile(rf"\A(?:{rule.params['regex']})\Z"), rule.columns[0]
    texts = [text for text in pc.unique(large.table[name]).to_pylist() if text is not None]
    wrong = pa.table({"text": pa.array([text for text in texts if not regex.search(text)], pa.string())})
    large.connection.register(f"{rule.id}: wrong", wrong)
    failing = f"{quoted(name)} IN (SELECT text FROM {quoted(f'{rule.id}: wrong')})" if len(wrong) else "FALSE"
    return _of_text(rule, large, failing, found.mismatches)


def known_areas(rule: Rule, large: Large) -> Asked:
    """Codes that are not known, or among any texts those that look like codes."""
    name, former, others = quoted(rule.columns[0]), rule.params.get("former") or (), rule.params.get("others", ())
    allowed = [*rule.params["areas"], *(() if others == "any" else others)]
    large.connection.register(f"{rule.id}: known", pa.table({"code": pa.array(allowed, pa.string())}))
    judged = f"regexp_full_match({name}, '{AREA_CODE}')" if others == "any" else f"{name} IS NOT NULL"
    failing = f"{judged} AND {name} NOT IN (SELECT code FROM {quoted(f'{rule.id}: known')})"
    return _of_text(rule, large, failing, lambda codes: found.unknown_codes(codes, former))


def between(rule: Rule, large: Large) -> Asked:
    """Cells outside the range."""
    low, high = rule.params.get("min"), rule.params.get("max")
    if low is None and high is None:
        raise ValueError("min_value and max_value cannot both be None")
    cells = {name: _day(large, name) if of_days(rule) else large.cell(name) for name in rule.columns}
    outside = {name: _outside(cell, large.types[name], low, high) for name, cell in cells.items()}

    def tell(facts: Facts) -> str:
        lowest = min(facts[f"lowest {n}"] for n in cells if facts[f"lowest {n}"] is not None)
        highest = max(facts[f"highest {n}"] for n in cells if facts[f"highest {n}"] is not None)
        told = found.extremes(facts["failing"], lowest, highest)
        return found.cells(facts["judged"], facts["failing"], {name: facts[name] for name in cells}, told)

    facts = {name: count(condition) for name, condition in outside.items()}
    facts |= {f"{word} {n}": f"{sql}({c})" for n, c in cells.items() for word, sql in _EXTREMES.items()}
    return Asked(" OR ".join(outside.values()), large.filled(rule.columns, " OR "), tell, facts)


def _day(large: Large, name: str) -> str:
    """A date, or the date of a moment in UTC."""
    kind = large.table.schema.field(name).type
    return f"({quoted(name)} AT TIME ZONE 'UTC')::DATE" if getattr(kind, "tz", None) else f"{quoted(name)}::DATE"


def _outside(cell: str, kind: str, low: Any, high: Any) -> str:
    """The condition of a cell outside its range; infinity is outside any."""
    if kind.startswith("number"):
        low = -sys.float_info.max if low is None else low
        high = sys.float_info.max if high is None else high
    ends = [f"{cell} < {literal(low)}"] if low is not None else []
    return f"coalesce({' OR '.join([*ends, *([f'{cell} > {literal(high)}'] if high is not None else [])])}, FALSE)"


def between_by(rule: Rule, large: Large) -> Asked:
    """Values outside the range of what their row is about; no range is no match."""
    about, column = rule.columns
    cases = " ".join(
        f"WHEN {literal(of)} THEN greatest({literal(float(low))} - value, value - {literal(float(high))})"
        for of, (low, high) in rule.params["bounds"].items()
    )
    value = f"{large.cell(column)}::DOUBLE"
    distance = f"CASE {quoted(about)} {cases.replace('value', value)} ELSE 'Infinity'::DOUBLE END"
    judged = f"{value} IS NOT NULL"
    failing = f"{judged} AND {distance} > 0"

    def tell(facts: Facts) -> str:
        if not facts["failing"]:
            return found.beyond(facts["judged"], 0, None, 0, None)
        query = (
            f'SELECT {quoted(about)}, {value} FROM rows WHERE {failing} ORDER BY {distance} DESC, "{POSITION}" LIMIT 1'
        )
        ((of, worst),) = large.all(query)
        return found.beyond(facts["judged"], facts["failing"], of, worst, rule.params["bounds"].get(of))

    return Asked(failing, judged, tell)


def part_of_whole(rule: Rule, large: Large) -> Asked:
    """Parts larger than their whole plus the tolerance."""
    part, whole = (f"{large.cell(name)}::DOUBLE" for name in rule.columns)
    failing = f"{part} > {whole} + {literal(rule.params.get('tolerance', 0))}"
    return Asked(
        failing,
        large.filled(rule.columns, " AND "),
        lambda facts: found.excess(facts["judged"], facts["failing"], rule.columns, facts["most"]),
        {"most": f"max({part} - {whole}) FILTER (WHERE {failing})"},
    )


def adds_up(rule: Rule, large: Large) -> Asked:
    """Rows whose parts do not come to their whole."""
    whole, *parts = (f"{large.cell(name)}::DOUBLE" for name in rule.columns)
    off = f"abs({whole} - ({' + '.join(parts)}))"
    failing = f"coalesce({off} > {literal(rule.params.get('tolerance', 0) + ROUNDING)}, FALSE)"
    return Asked(
        failing,
        large.filled(rule.columns, " AND "),
        lambda facts: found.sums(facts["judged"], facts["failing"], rule.columns[0], facts["most"]),
        {"most": f"max({off}) FILTER (WHERE {failing})"},
    )


def quotient(rule: Rule, large: Large) -> Asked:
    """Values that are not the quotient they are said to be."""
    about = quoted(rule.columns[0])
    value, over, under = (f"{large.cell(name)}::DOUBLE" for name in rule.columns[1:])
    cases = " ".join(f"WHEN {literal(of)} THEN {literal(float(by))}" for of, by in rule.params["factors"].items())
    factor = f"(CASE {about} {cases} END)"
    meant = f"({factor} * {over} / nullif({under}, 0))"
    same = f"abs({value} - {meant}) <= {literal(QUOTIENT)} * abs({meant}) + {literal(ROUNDING)}"
    judged = f"({value} IS NOT NULL AND {factor} IS NOT NULL)"
    failing = f"{judged} AND NOT coalesce({same}, FALSE)"

    def tell(facts: Facts) -> str:
        if not facts["failing"]:
            return found.quotients(facts["quotients"], 0, None, 0, 0)
        query = f'SELECT {about}, {value}, {meant} FROM rows WHERE {failing} ORDER BY "{POSITION}" LIMIT 1'
        ((of, held, wanted),) = large.all(query)
        return found.quotients(facts["quotients"], facts["failing"], of, held, wanted)

    return Asked(failing, f"{value} IS NOT NULL", tell, {"quotients": count(judged)})


def together(rule: Rule, large: Large) -> Asked:
    """Rows in which some of the columns are null."""
    nulls = {name: f"({large.cell(name)} IS NULL)" for name in rule.columns}
    mixed = f"({' OR '.join(nulls.values())}) AND NOT ({' AND '.join(nulls.values())})"
    rows = large.table.num_rows
    return Asked(
        mixed,
        "TRUE",
        lambda facts: found.disagreements(rows, facts["failing"], {name: facts[name] for name in nulls}),
        {name: count(f"{null} AND {mixed}") for name, null in nulls.items()},
    )


def empty(rule: Rule, large: Large) -> Asked:
    """Rows that hold something."""
    name = rule.columns[0]
    failing = f"{large.cell(name)} IS NOT NULL"

    def tell(facts: Facts) -> str:
        values = large.values(name, failing) if facts["failing"] else []
        return found.content(large.table.num_rows, facts["failing"], values)

    return Asked(failing, "TRUE", tell)


def varies(rule: Rule, large: Large) -> Asked:
    """No row fails: the column does."""
    cells = {name: large.cell(name) for name in rule.columns}
    facts = {name: f"count(DISTINCT {cell})" for name, cell in cells.items()}
    facts |= {f"one {name}": f"any_value({cell})" for name, cell in cells.items()}
    return Asked(
        "FALSE",
        "TRUE",
        lambda facts: found.variety({name: (facts[name], facts[f"one {name}"]) for name in cells}),
        facts,
        lambda facts: any(facts[name] < 2 for name in cells),
    )


def typical(rule: Rule, large: Large) -> Check:
    """The mean of the absolute values of each column in each group."""
    sizes = [f"avg(abs({large.cell(name)}::DOUBLE))" for name in rule.columns]
    found_sizes = [
        (place, name, math.nan if size is None else size)
        for place, row in _groups(rule, large, sizes)
        for name, size in zip(rule.columns, row, strict=True)
    ]
    return group_kinds.typical_check(rule, found_sizes)


def totals(rule: Rule, large: Large) -> Check:
    """The sum of a column in each group."""
    total = f"coalesce(sum({large.cell(rule.columns[0])}::DOUBLE), 0)"
    return group_kinds.totals_check(rule, [(place, row[0]) for place, row in _groups(rule, large, [total])])


def null_share(rule: Rule, large: Large) -> Check:
    """The nulls of each column in each group."""
    wanted = ["count(*)", *(count(f"{large.cell(name)} IS NULL") for name in rule.columns)]
    shares = [
        (place, name, rows, nulls)
        for place, (rows, *row) in _groups(rule, large, wanted)
        for name, nulls in zip(rule.columns, row, strict=True)
    ]
    return group_kinds.null_share_check(rule, shares)


def unbroken(rule: Rule, large: Large) -> Check:
    """The numbers of a column in each group, ascending."""
    cell = large.cell(rule.columns[0])
    numbers = f"coalesce(list_sort(list(DISTINCT {cell}) FILTER (WHERE {cell} IS NOT NULL)), [])"
    return group_kinds.unbroken_check(rule, [(place, row[0]) for place, row in _groups(rule, large, [numbers])])


def _groups(rule: Rule, large: Large, wanted: Sequence[str]) -> Iterator[tuple[dict[str, Any], tuple[Any, ...]]]:
    """What is wanted of each group, in the order met; rows without a group are in none."""
    by = list(rule.params.get("by") or ())
    if not by:
        yield {}, large.all(f"SELECT {', '.join(wanted)} FROM rows")[0]
        return
    names = ", ".join(map(quoted, by))
    query = (
        f"SELECT {names}, {', '.join(wanted)} FROM rows WHERE {large.filled(by, ' AND ')} "
        f'GROUP BY {names} ORDER BY min("{POSITION}")'
    )
    for row in large.all(query):
        yield dict(zip(by, row[: len(by)], strict=True)), row[len(by) :]


_EXTREMES = {"lowest": "min", "highest": "max"}
