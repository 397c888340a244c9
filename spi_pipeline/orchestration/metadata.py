"""What an analyst sees on an asset's page: schema, column lineage (also as a table), counts, preview, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.contracts.rules import RuleResult
from spi_pipeline.contracts.tables import Source, Table
from spi_pipeline.orchestration.compute import contract_of
from spi_pipeline.orchestration.index_pages import index_page
from spi_pipeline.orchestration.markdown import markdown
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.reader import Reader
from spi_pipeline.orchestration.runner import Outcome

PREVIEW_ROWS = 8


def spec_metadata(step: Step, contracts: Contracts) -> dict[str, Any]:
    """What is known of an asset before it was ever computed."""
    if step.kind == "source":
        properties = contracts.sources[step.name].properties
        return {
            "publisher": properties.publisher,
            "dataset": properties.dataset,
            "url": dg.MetadataValue.url(properties.url),
            "licence": properties.licence,
            "attribution": properties.attribution,
            "geography": f"{', '.join(properties.geography.levels) or 'lookup'}, {properties.geography.vintage}",
            "mode": properties.mode,
            "contract": contracts.sources[step.name].file,
        }
    if step.kind == "indicator":
        indicator = contracts.indicators[step.name]
        source, posts = contracts.sources[indicator.source], indicator.goalposts
        return {
            "unit": contracts.vocabulary.units[indicator.unit].title,
            "direction": indicator.direction,
            "goalposts": "1st and 99th percentile of the wards of England"
            if posts.basis == "reference"
            else f"{posts.worst:g} scores 0, {posts.best:g} scores 100 ({posts.basis}: {posts.reason})",
            "source": source.id,
            "publisher": source.properties.publisher,
            "licence": source.properties.licence,
            "limits": indicator.limits,
        }
    licences = sorted({source.properties.licence for source in contracts.sources.values()})
    unit = {"score": "points, 0 to 100", "change": "points"}.get(next(iter(step.lineage), ""))
    return {"unit": unit, "licence": ", ".join(licences)} if unit else {}


def run_metadata(
    step: Step, outcomes: Sequence[Outcome], contracts: Contracts, reader: Reader, keys: Mapping[str, dg.AssetKey]
) -> dict[str, Any]:
    """What a computation adds: rows, schema, lineage, preview, and what became of the rules.

    Args:
        step: the step.
        outcomes: what became of its tables, the main one first.
        contracts: all contracts.
        reader: to look at the rows.
        keys: asset key of each table.
    """
    main = outcomes[0]
    found: dict[str, Any] = {"state": main.state}
    if main.message:
        found["reason"] = main.message
    if main.version is None:
        return found
    if main.version.stale_since:
        found["stale_since"] = main.version.stale_since
    table = reader.table(main.table)
    found |= {
        "dagster/row_count": main.version.rows,
        "dagster/column_schema": _schema(contract_of(main.table, contracts)),
        "version": main.version.sha256,
        "preview": dg.MetadataValue.md(_preview(table)),
        "rules": dg.MetadataValue.md(_rules(main.results)),
    }
    if len(outcomes) > 1:
        found["rows_of_other_tables"] = {o.table: o.version.rows for o in outcomes[1:] if o.version}
    if step.lineage:
        lineage = {
            column: [
                dg.TableColumnDep(keys[table_name], origin) for table_name, origin in origins if table_name in keys
            ]
            for column, origins in step.lineage.items()
        }
        found["dagster/column_lineage"] = dg.TableColumnLineage(lineage)
        found["column_lineage"] = dg.MetadataValue.md(_lineage(step))
    found |= {name: dg.MetadataValue.md(told) for name, told in index_page(step, contracts, reader).items()}
    if step.kind == "indicator":
        found["could_not_be_placed"] = reader.unplaced(main.table)
    if step.kind == "source":
        origins = reader.origins(step.name)
        found["files"] = dg.MetadataValue.md(_files(origins))
    return found


def table_comment(contract: Table) -> str:
    """Description and limits of a table in one text."""
    owner = f" Publisher: {contract.properties.publisher}." if isinstance(contract, Source) else ""
    return f"{contract.description} {contract.limits}".strip() + owner


def _schema(contract: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.description + (f" ({column.unit})" if column.unit else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=contract.key == (column.name,)
                ),
            )
            for column in contract.columns
        ]
    )


def _lineage(step: Step) -> str:
    rows = [
        {"column": column, "made of": f"{table}.{name}"}
        for column, origins in step.lineage.items()
        for table, name in origins
    ]
    return markdown(rows)


def _preview(table: pa.Table) -> str:
    shown = [field.name for field in table.schema if not pa.types.is_binary(field.type)]
    return markdown(table.select(shown).slice(0, PREVIEW_ROWS).to_pylist())


def _rules(results: Sequence[RuleResult]) -> str:
    rows = [
        {
            "rule": r.rule.id,
            "outcome": r.outcome,
            "severity": r.rule.severity,
            "observed": r.observed,
            "expected": r.expected,
        }
        for r in sorted(results, key=lambda r: r.outcome in ("passed", "skipped"))
    ]
    return markdown(rows)


def _files(origins: Sequence[Mapping[str, Any]]) -> str:
    return markdown([{"period": o["period"], "file": o["file"], "sha256": str(o["sha256"])[:16]} for o in origins])
