"""Judging mutations: a mutation is caught where a rule is broken that the good table keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import pyarrow as pa

from spi_pipeline.checks.evaluation import evaluate
from spi_pipeline.contracts.rules import Rule
from spi_pipeline_tests.integration.houses import House
from spi_pipeline_tests.mutations.kinds import Mutation, mutations
from spi_pipeline_tests.mutations.tables import Real, real_tables


@dataclass(frozen=True)
class Found:
    """What became of one mutation.

    Attributes:
        mutation: the mutation.
        refused: the rules of severity error that it breaks.
        reported: those of severity warning.
    """

    mutation: Mutation
    refused: tuple[str, ...]
    reported: tuple[str, ...]

    @property
    def missed(self) -> bool:
        return not self.refused and not self.reported


def all_mutations(house: House) -> list[tuple[Real, Mutation]]:
    """Every mutation of every real table of a refreshed house."""
    contracts = house.contracts
    units, former = contracts.vocabulary.units, sorted(contracts.geography.former_wards)
    return [
        (real, mutation)
        for real in real_tables(house)
        for mutation in mutations(real.name, real.rows, real.contract, units, former)
    ]


def sample(items: Sequence[tuple[Real, Mutation]], size: int, seed: int) -> list[tuple[Real, Mutation]]:
    """Some of them, the same for the same seed, in their order."""
    chosen = sorted(Random(seed).sample(range(len(items)), min(size, len(items))))
    return [items[number] for number in chosen]


def judge(items: Iterable[tuple[Real, Mutation]]) -> Iterator[Found]:
    """What becomes of each mutation.

    Raises:
        AssertionError: where a table breaks a rule before anything is done to it.
    """
    sound: set[str] = set()
    for real, mutation in items:
        if mutation.table not in sound:
            broken = _broken(real.rows, real.rules, mutation.table)
            assert not broken, f"the good table {mutation.table} breaks {[rule.id for rule in broken]}"
            sound.add(mutation.table)
        broken = _broken(mutation.change(real.rows), real.rules, mutation.table)
        by_severity = {word: tuple(r.id for r in broken if r.severity == word) for word in ("error", "warning")}
        yield Found(mutation, by_severity["error"], by_severity["warning"])


def _broken(table: pa.Table, rules: Sequence[Rule], name: str) -> list[Rule]:
    results = evaluate(table, rules, table_name=name)
    return [result.rule for result in results if result.outcome in ("failed", "errored")]
