"""Judge mutations: a mutation is caught if it breaks a rule that the good table keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from random import Random

import pyarrow as pa

from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.rule import Rule
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.mutations.kinds import Mutation, mutations
from spi_pipeline_tests.mutations.tables import Real, real_tables

# Kinds of rule that judge all columns, whichever was spoilt.
_OF_EVERY_COLUMN = ("columns", "types")


@dataclass(frozen=True)
class Result:
    """The result of one mutation.

    Attributes:
        table: the spoilt table.
        column: the spoilt column; empty if rows were spoilt.
        kind: the change, in words.
        sure: see ``Mutation``.
        refused: the broken rules of severity error.
        reported: the broken rules of severity warning.
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


def mutations_of(sandbox: Sandbox, real: Real) -> list[Mutation]:
    """Every mutation of one real table."""
    contracts = sandbox.contracts
    units, former = contracts.vocabulary.units, sorted(contracts.geography.former_wards)
    return list(mutations(real.name, real.rows, real.contract, units, former))


def sampled(sandbox: Sandbox, size: int, seed: int) -> Iterator[tuple[Real, Mutation]]:
    """A random sample of all mutations, in order of table; the same seed gives the same sample."""
    every = [(real, mutation) for real in real_tables(sandbox) for mutation in mutations_of(sandbox, real)]
    for number in sorted(Random(seed).sample(range(len(every)), min(size, len(every)))):
        yield every[number]


def judge(real: Real, mutation: Mutation) -> Result:
    """Judge one mutation.

    Only the rules that read the spoilt column are evaluated: the outcome of the others cannot change.

    Raises:
        AssertionError: if the unspoilt table already breaks a rule.
    """
    assert not _broken_when_good(real), f"the good table {real.name} breaks {_broken_when_good(real)}"
    rules = [rule for rule in real.rules if not mutation.column or _reads(rule, mutation.column)]
    broken = _broken(mutation.change(real.rows), rules, real.name)
    refused, reported = (tuple(r.id for r in broken if r.severity == word) for word in ("error", "warning"))
    return Result(mutation.table, mutation.column, mutation.kind, mutation.sure, refused, reported)


def judge_all(sandbox: Sandbox, names: Sequence[str], processes: int) -> Iterator[list[Result]]:
    """Judge every mutation of the given tables, table by table, in several processes."""
    with ProcessPoolExecutor(processes, initializer=_open, initargs=(sandbox,)) as pool:
        yield from pool.map(_judge_table, names)


_tables: dict[str, tuple[Sandbox, Real]] = {}


def _open(sandbox: Sandbox) -> None:
    _tables.update({real.name: (sandbox, real) for real in real_tables(sandbox)})


def _judge_table(name: str) -> list[Result]:
    sandbox, real = _tables[name]
    return [judge(real, mutation) for mutation in mutations_of(sandbox, real)]


def _reads(rule: Rule, column: str) -> bool:
    return rule.kind in _OF_EVERY_COLUMN or column in (*rule.columns, *(rule.params.get("by") or ()))


@cache
def _broken_when_good(real: Real) -> tuple[str, ...]:
    return tuple(rule.id for rule in _broken(real.rows, real.rules, real.name))


def _broken(table: pa.Table, rules: Sequence[Rule], name: str) -> list[Rule]:
    results = evaluate(table, rules, table_name=name)
    return [result.rule for result in results if result.outcome in ("failed", "errored")]
