"""The records of a run: rows for ``check_result``, ``source_release``, ``outside_total`` and the list of runs."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.steps.sources.totals import compared
from spi_pipeline.storage.store import Store

# Rule results: those of all tables and, as a separate record, those of the tables of outputs, which report the first.
CHECK_RESULT, OUTPUT_CHECK = CHECKS = ("check_result", "output_check")
RUN_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("run_at", pa.timestamp("us", tz="UTC")),
        ("seconds", pa.float64()),
        ("mode", pa.string()),
        ("requests", pa.int64()),
        ("stale_steps", pa.int64()),
        ("failed_checks", pa.int64()),
        ("warnings", pa.int64()),
        ("passed_checks", pa.int64()),
        ("errored_checks", pa.int64()),
        ("skipped_checks", pa.int64()),
        ("state", pa.string()),
        # Why the run as a whole failed; null if it only kept last good versions, which other records report.
        ("cause", pa.string()),
        ("name", pa.string()),
        ("launched_by", pa.string()),
    ]
)


def check_row(result: RuleResult) -> dict[str, Any]:
    """A rule result as plain values; failing rows as JSON."""
    return {
        "rule": result.rule.id,
        "severity": result.rule.severity,
        "outcome": result.outcome,
        "observed": result.observed,
        "expected": result.expected,
        "failing_rows": json.dumps(list(result.failing_rows), default=str) if result.failing_rows else None,
    }


def checks_of(store: Store, run_id: str) -> pa.Table | None:
    """The results of all rules that a run evaluated, including those of outputs; None if it evaluated none."""
    records = [record for kind in CHECKS if (record := store.read_run(kind, run_id)) is not None]
    return pa.concat_tables(records, promote_options="permissive") if records else None


def check_rows(
    results: Sequence[tuple[str, RuleResult]], run_id: str, run_at: dt.datetime, contracts: Contracts
) -> pa.Table:
    """Rows of the product ``check_result``."""
    context = {"run_id": run_id, "run_at": run_at}
    rows = [context | {"table_name": table} | check_row(result) for table, result in results]
    return pa.Table.from_pylist(rows, schema=arrow_schema(contracts.products["check_result"]))


def release_rows(
    source_id: str, origins: Sequence[Mapping[str, Any]], count: int, state: str, run_id: str, contracts: Contracts
) -> pa.Table:
    """Rows of the product ``source_release``: one for each file a source's figures were read from."""
    source = contracts.sources[source_id]
    context = {
        "run_id": run_id,
        "source_id": source_id,
        "url": source.properties.url,
        "licence": source.properties.terms(),
        "rows": count,
        "state": state,
    }
    rows = []
    for origin in origins:
        known = {
            name: origin[name] for name in ("period", "file", "sha256", "bytes", "url") if origin.get(name) is not None
        }
        moments = {name: _moment(origin.get(name)) for name in ("fetched_at", "published_at")}
        rows.append(context | known | moments)
    return pa.Table.from_pylist(rows, schema=arrow_schema(contracts.products["source_release"]))


def total_rows(source_id: str, results: Sequence[RuleResult], run_id: str, contracts: Contracts) -> pa.Table:
    """Rows of the product ``outside_total``: a source's table compared with totals published elsewhere."""
    rows = [{"run_id": run_id, **row} for row in compared(contracts.sources[source_id], results)]
    return pa.Table.from_pylist(rows, schema=arrow_schema(contracts.products["outside_total"]))


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def run_row(**values: Any) -> pa.Table:
    """One row of the list of runs."""
    return pa.Table.from_pylist([values], schema=RUN_SCHEMA)


def age(moment: str) -> str:
    """The time since an ISO 8601 moment with its zone, in words: ``3 days``, ``less than an hour``."""
    hours = int((dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(moment)).total_seconds() // 3600)
    if hours < 1:
        return "less than an hour"
    number, unit = (hours // 24, "day") if hours >= 24 else (hours, "hour")
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
