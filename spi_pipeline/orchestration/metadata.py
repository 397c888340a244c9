"""The metadata on an asset's page: schema, column lineage (also as a table), counts, preview, provenance.

The metadata particular to a kind of step is defined with that step; this module translates it into Dagster's terms.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.tables import Table
from spi_pipeline.orchestration.provenance import key_of
from spi_pipeline.run.plan import is_table
from spi_pipeline.run.reader import Reader
from spi_pipeline.run.records import checks_of
from spi_pipeline.run.result import StepResult, quality, quality_sentence
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Link, Markdown
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.places import PUBLICATION

# Only a checkout has docs; an installed package has none. Kinds of steps not listed here link to the methodology.
DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = {
    "fetch": "live.md", "source": "contracts.md", "area": "geography.md", "allocation": "geography.md",
    "context": "context.md", "decade": "context.md", "output": "site.md", "composition": "reading-the-index.md",
    "published_finding": "reading-the-index.md", "recent": "reading-the-index.md", "residual": "reading-the-index.md",
    "sanity": "reading-the-index.md", "scorecard": "reading-the-index.md", "what_would_it_take": "reading-the-index.md",
}  # fmt: skip


def spec_metadata(step: Step, contracts: Contracts, keys: Mapping[str, dg.AssetKey]) -> dict[str, Any]:
    """The metadata of an asset before its first materialization: its step's own facts, schema and column lineage.

    Dagster stores the metadata of a materialization four times over, so everything that does not change between
    materializations belongs here.

    Args:
        step: the step.
        contracts: all contracts.
        keys: the asset key of each table.
    """
    metadata = _metadata(step.page.about(step, contracts)) | _documents(step, contracts)
    if is_table(step.outputs[0]):
        metadata["dagster/column_schema"] = _schema(contract_of(step.outputs[0], contracts))
    if step.lineage:
        lineage = {
            column: [dg.TableColumnDep(keys[table], origin) for table, origin in origins if table in keys]
            for column, origins in step.lineage.items()
        }
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(lineage)
        metadata["column_lineage"] = dg.MetadataValue.md(_lineage(step))
    return metadata


def _documents(step: Step, contracts: Contracts) -> dict[str, Any]:
    """The contract of a step's table, and the document about its kind of step, as paths to copy and open."""
    name = step.outputs[0].removeprefix(DOWNLOADS)
    document = DOCS / DOCUMENTS.get(step.kind, "methodology.md")
    files = {"contract": contracts.root / contract_of(name, contracts).file} if name != PUBLICATION else {}
    files |= {"document": document} if document.is_file() else {}
    return {label: dg.MetadataValue.path(str(file)) for label, file in files.items()}


def run_metadata(step: Step, outcomes: Sequence[StepResult], reader: Reader, run_id: str) -> dict[str, Any]:
    """The metadata of a materialization: rows, preview, and the facts that the step's page shows.

    The publication, which comes last, also has the quality of the whole run.

    Args:
        step: the step.
        outcomes: the results of its outputs, the main one first.
        reader: reads the rows.
        run_id: the run it belongs to.
    """
    main = outcomes[0]
    metadata: dict[str, Any] = {"state": main.state}
    if main.message:
        metadata["reason"] = main.message
    elif main.state == "unchanged":
        metadata["reason"] = "nothing that it follows from has changed, so nothing was computed"
    if main.version is None:
        return metadata
    if main.version.stale_since:
        metadata["stale_since"] = main.version.stale_since
    if is_table(main.table):
        metadata |= _table_metadata(step, outcomes, reader)
    if main.table == PUBLICATION:
        metadata |= _quality(checks_of(reader.store, run_id))
    return metadata | _metadata(step.page.shows(step, reader.contracts, reader))


def added_metadata(step: Step, reader: Reader) -> dict[dg.AssetKey, dict[str, Any]]:
    """The metadata that a step adds to the pages of other assets."""
    facts_by_step = step.page.adds(step, reader.contracts, reader)
    return {key_of(key): _metadata(facts) for key, facts in facts_by_step.items()}


def _table_metadata(step: Step, outcomes: Sequence[StepResult], reader: Reader) -> dict[str, Any]:
    table = reader.table(outcomes[0].table)
    metadata: dict[str, Any] = {
        "dagster/row_count": table.num_rows,
        "preview": dg.MetadataValue.md(step.page.preview(step, table, reader.contracts)),
    }
    if len(outcomes) > 1:
        others = [{"table": o.table, "rows": f"{o.version.rows:,}"} for o in outcomes[1:] if o.version]
        metadata["other_tables"] = dg.MetadataValue.md(markdown(others))
    return metadata


def _metadata(facts: Facts) -> dict[str, Any]:
    """Plain facts in Dagster's terms."""
    return {name: _value(value) for name, value in facts.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Markdown):
        return dg.MetadataValue.md(str(value))
    if isinstance(value, Link):
        return dg.MetadataValue.url(str(value))
    return dg.MetadataValue.path(str(value)) if isinstance(value, Path) else value


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


def _quality(recorded: pa.Table | None) -> dict[str, Any]:
    """The number of rules of the run that passed, failed, errored or were skipped, and those that failed or errored."""
    rows = recorded.to_pylist() if recorded else []
    broken = [
        {name: row[name] for name in ("table_name", "rule", "severity", "outcome", "observed", "expected")}
        for row in rows
        if row["outcome"] in ("failed", "errored")
    ]
    counts = quality((row["table_name"], row["severity"], row["outcome"]) for row in rows)
    return {
        **{f"quality/{name}": count for name, count in counts.items()},
        "quality": quality_sentence(counts),
        "rules_not_kept": dg.MetadataValue.md(markdown(broken) if broken else "none"),
    }
