"""What an analyst sees on an asset's page: schema, column lineage (also as a table), counts, preview, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.contracts.rules import RuleResult
from spi_pipeline.contracts.tables import Source, Table
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.quality import quality, told
from spi_pipeline.orchestration.reader import Reader
from spi_pipeline.orchestration.runner import Outcome

PREVIEW_ROWS = 8
# Long texts and geometries would drown the preview.
PREVIEW_WIDTH = 40


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
    step: Step,
    outcomes: Sequence[Outcome],
    contracts: Contracts,
    reader: Reader,
    keys: Mapping[str, dg.AssetKey],
    run_id: str,
) -> dict[str, Any]:
    """What a computation adds: rows, schema, lineage, preview, and what became of the rules.

    Of the database, which comes last, the quality of the whole run.

    Args:
        step: the step.
        outcomes: what became of its tables, the main one first.
        contracts: all contracts.
        reader: to look at the rows.
        keys: asset key of each table.
        run_id: the run it belongs to.
    """
    main = outcomes[0]
    found: dict[str, Any] = {"state": main.state}
    if main.message:
        found["reason"] = main.message
    if step.kind == "database":
        found |= _quality(reader.store.read_run("check_result", run_id))
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


def _quality(recorded: pa.Table | None) -> dict[str, Any]:
    """How many rules of the run passed, failed, were errored and skipped, and those that did not hold."""
    rows = recorded.to_pylist() if recorded else []
    broken = [
        {name: row[name] for name in ("table_name", "rule", "severity", "outcome", "observed", "expected")}
        for row in rows
        if row["outcome"] in ("failed", "errored")
    ]
    counts = quality((row["table_name"], row["severity"], row["outcome"]) for row in rows)
    return {
        **{f"quality/{name}": count for name, count in counts.items()},
        "quality": told(counts),
        "rules_not_kept": dg.MetadataValue.md(markdown(broken) if broken else "none"),
    }


def _files(origins: Sequence[Mapping[str, Any]]) -> str:
    return markdown([{"period": o["period"], "file": o["file"], "sha256": str(o["sha256"])[:16]} for o in origins])


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    if not rows:
        return "no rows"
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= PREVIEW_WIDTH * 3 else text[: PREVIEW_WIDTH * 3] + "…"
