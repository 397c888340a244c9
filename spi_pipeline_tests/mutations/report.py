"""The tables of the mutation run in ``docs/contracts.md``: results by kind, and every mutation that was missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.tables import Column, Table
from spi_pipeline.steps.outputs.readers import RECORDED
from spi_pipeline_tests.docs.documents import REPOSITORY, markdown_table
from spi_pipeline_tests.mutations.run import Result

DOCUMENT = REPOSITORY / "docs" / "contracts.md"
BY_KIND, MISSED = "mutations by kind", "missed mutations"
_HEAD = ("Mutation", "Tried", "Refused", "Reported", "Missed")


def by_kind(results: Sequence[Result]) -> str:
    """One row per kind of mutation and one for all: how many were refused, only reported, and missed."""
    kinds = dict.fromkeys(item.kind for item in results)
    rows = [[kind, *_counts([item for item in results if item.kind == kind])] for kind in kinds]
    return markdown_table(_HEAD, [*rows, ["all", *_counts(results)]], numbers=_HEAD[1:])


def missed_table(results: Sequence[Result], contracts: Contracts) -> str:
    """One row per column and reason: the mutations missed, in how many tables of the contract, and why."""
    tables = Counter(name.split(".")[0] for name in {item.table for item in results})
    rows = []
    for (table, column, reason), items in _grouped(results, contracts).items():
        kinds = ", ".join(dict.fromkeys(item.kind for item in items))
        names = {item.table for item in items}
        where = f"`{table}`" if tables[table] == 1 else f"`{table}`, {len(names)} of {tables[table]} tables"
        rows.append([where, f"`{column}`" if column else "rows", kinds, reason])
    return markdown_table(("Table", "Column", "Mutations missed", "Why"), rows)


def known_as_missed(document_table: str) -> set[tuple[str, str, str]]:
    """Contract, column and kind of the mutations that a document lists as missed."""
    known = set()
    for line in document_table.splitlines()[2:]:
        table, column, kinds, _ = (cell.strip() for cell in line.strip("|").split(" | "))
        name = table.split(",")[0].strip("` ")
        known |= {(name, "" if column == "rows" else column.strip("`"), kind) for kind in kinds.split(", ")}
    return known


def key(item: Result) -> tuple[str, str, str]:
    """The key of a mutation in the document: contract, column and kind."""
    return item.table.split(".")[0], item.column, item.kind


def why(item: Result, contracts: Contracts) -> str:
    """The reason why no rule of the contract can distinguish a mutation from good figures."""
    contract = contract_of(item.table, contracts)
    column = contract.column(item.column)
    if column is None:
        return _why_rows(contract)
    if "null" in item.kind:
        return _why_nulls(contract, column)
    return _why_size(contract, column)


def _why_rows(contract: Table) -> str:
    if contract.id in RECORDED:
        return "a log of what happened; no rule can know beforehand how much will"
    if any(rule.kind == "coverage" for rule in contract.rules):
        return "what is left covers every area; which periods there should be is not listed"
    if contract.key:
        return "no list says which rows there should be"
    return "rows are what happened; no rule can know beforehand how much will"


def _why_nulls(contract: Table, column: Column) -> str:
    shares = [rule.params["max_share"] for rule in contract.rules
              if rule.kind == "null_share" and column.name in rule.columns]  # fmt: skip
    if shares:
        return f"up to {100 * min(shares):g} % may be null"
    return "may be null in any row"


def _why_size(contract: Table, column: Column) -> str:
    bounded = any(rule.kind in ("between_by", "quotient") and column.name in rule.columns for rule in contract.rules)
    if column.mean_magnitude or column.maximum is not None or bounded:
        return "what it becomes is still plausible"
    return "what it holds may be of any size"


def _grouped(results: Sequence[Result], contracts: Contracts) -> Mapping[tuple[str, str, str], list[Result]]:
    grouped: dict[tuple[str, str, str], list[Result]] = {}
    for item in results:
        if item.missed:
            table, column, _ = key(item)
            grouped.setdefault((table, column, why(item, contracts)), []).append(item)
    return grouped


def _counts(items: Sequence[Result]) -> list[object]:
    refused, missed = sum(bool(item.refused) for item in items), sum(item.missed for item in items)
    share = f" ({missed / len(items):.1%})" if missed else ""
    return [len(items), refused, len(items) - refused - missed, f"{missed:,}{share}"]
