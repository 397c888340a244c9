"""The real tables: the embedded sources, and every product of a store as the database holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from spi_pipeline.contracts.rules import Rule
from spi_pipeline.contracts.tables import Table
from spi_pipeline.orchestration.plan import build_plan
from spi_pipeline.orchestration.publication import product_rows
from spi_pipeline_tests.integration.houses import House


@dataclass(frozen=True)
class Real:
    """One real table with what it is judged by."""

    contract: Table
    rows: pa.Table
    rules: Sequence[Rule]


def real_tables(house: House) -> list[Real]:
    """Every table of a refreshed house that has rows: sources, then products, the parts of each together."""
    runner, contracts = house.runner, house.contracts
    plan = build_plan(contracts)
    parts = [table for step in plan for table in step.outputs]
    found = [
        (source, runner.reader.table(name).replace_schema_metadata(None))
        for name, source in contracts.sources.items()
        if name not in contracts.dormant
    ]
    found += [(product, product_rows(product, runner.reader, parts)) for product in contracts.products.values()]
    return [Real(contract, rows, runner.reader.rules(contract.rules)) for contract, rows in found if len(rows)]
