"""The real tables: every table of a refreshed store and every table recorded by runs, with the rules for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.models.contracts import contract_of
from spi_pipeline.contracts.models.tables import Table
from spi_pipeline.rules.rule import Rule
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.steps.outputs.readers import RECORDED
from spi_pipeline_tests.integration.sandboxes import Sandbox


@dataclass(frozen=True, eq=False)
class Real:
    """One real table with its contract and rules; a product is split into the parts that steps write."""

    name: str
    contract: Table
    rows: pa.Table
    rules: Sequence[Rule]


def real_tables(sandbox: Sandbox) -> list[Real]:
    """Every table of a refreshed sandbox that has rows."""
    reader, contracts = sandbox.runner.reader, sandbox.contracts
    names = [table for step in build_plan(contracts) for table in step.outputs if is_table(table)]
    tables = [(name, contract_of(name, contracts), reader.table(name)) for name in names]
    for name in RECORDED:
        contract, recorded = contracts.products[name], reader.store.read_runs(name)
        assert recorded is not None, f"no run recorded {name}"
        tables.append((name, contract, recorded.select(arrow_schema(contract).names)))
    return [
        Real(name, contract, rows.replace_schema_metadata(None), reader.rules(contract.rules))
        for name, contract, rows in tables
        if len(rows)
    ]
