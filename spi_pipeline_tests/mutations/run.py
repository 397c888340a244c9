"""Judging mutations: a mutation is caught where a rule is broken that the good table keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from random import Random

import pyarrow as pa

from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.rule import Rule
from spi_pipeline_tests.integration.houses import House
from spi_pipeline_tests.mutations.kinds import Mutation, mutations
from spi_pipeline_tests.mutations.tables import Real, real_tables

# Rules about the columns there are, whichever was spoilt.
_OF_EVERY_COLUMN = ("columns", "types")


@dataclass(frozen=True)
class Found:
    """What became of one mutation.

    Attributes:
        table: the table spoilt.
        column: the column spoilt; empty where rows were.
        kind: what was done.
        sure: see ``Mutation``.
        refused: the rules of severity error that it breaks.
        reported: those of severity warning.
    """

    table: str
    column: str
    kind: str
    sure: str
    refused: tuple[str, ...]
    reported: tuple[str, ...]

    @property
    def missed(self) -> bool:
        return not self.refused and not self.reported


def mutations_of(house: House, real: Real) -> list[Mutation]:
    """Every mutation of one real table."""
    contracts = house.contracts
    units, former = contracts.vocabulary.units, sorted(contracts.geography.former_wards)
    return list(mutations(real.name, real.rows, real.contract, units, former))


def sampled(house: House, size: int, seed: int) -> Iterator[tuple[Real, Mutation]]:
    """Some mutations of all, the same for the same seed, table by table."""
    every = [(real, mutation) for real in real_tables(house) for mutation in mutations_of(house, real)]
    for number in sorted(Random(seed).sample(range(len(every)), min(size, len(every)))):
        yield every[number]


def judge(real: Real, mutation: Mutation) -> Found:
    """What becomes of one mutation.

    Only the rules that look at the spoilt column are asked: the outcome of the others cannot be another.

    Raises:
        AssertionError: where the table breaks a rule before anything is done to it.
    """
    assert not _broken_when_good(real), f"the good table {real.name} breaks {_broken_when_good(real)}"
    rules = [rule for rule in real.rules if not mutation.column or _looks_at(rule, mutation.column)]
    broken = _broken(mutation.change(real.rows), rules, real.name)
    refused, reported = (tuple(r.id for r in broken if r.severity == word) for word in ("error", "warning"))
    return Found(mutation.table, mutation.column, mutation.kind, mutation.sure, refused, reported)


def judge_all(house: House, names: Sequence[str], processes: int) -> Iterator[list[Found]]:
    """What becomes of every mutation of some tables, table by table, in several processes."""
    with ProcessPoolExecutor(processes, initializer=_open, initargs=(house,)) as pool:
        yield from pool.map(_judge_table, names)


_tables: dict[str, tuple[House, Real]] = {}


def _open(house: House) -> None:
    _tables.update({real.name: (house, real) for real in real_tables(house)})


def _judge_table(name: str) -> list[Found]:
    house, real = _tables[name]
    return [judge(real, mutation) for mutation in mutations_of(house, real)]


def _looks_at(rule: Rule, column: str) -> bool:
    return rule.kind in _OF_EVERY_COLUMN or column in (*rule.columns, *(rule.params.get("by") or ()))


@cache
def _broken_when_good(real: Real) -> tuple[str, ...]:
    return tuple(rule.id for rule in _broken(real.rows, real.rules, real.name))


def _broken(table: pa.Table, rules: Sequence[Rule], name: str) -> list[Rule]:
    results = evaluate(table, rules, table_name=name)
    return [result.rule for result in results if result.outcome in ("failed", "errored")]
