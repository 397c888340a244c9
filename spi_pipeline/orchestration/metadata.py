"""What an analyst sees on an asset's page: schema, column lineage (also as a table), counts, preview, provenance.

What one kind of step says of itself stands beside that step; here it is put into Dagster's terms.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.tables import Table
from spi_pipeline.orchestration.provenance import key_of
from spi_pipeline.run.outcome import Outcome, quality, told
from spi_pipeline.run.plan import is_table
from spi_pipeline.run.reader import Reader
from spi_pipeline.run.records import checks_of
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Link, Markdown
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.places import PUBLICATION

# Of a checkout; an installed package has none. Steps that are not named here are told of with the index.
DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = {
    "fetch": "live.md", "source": "contracts.md", "area": "geography.md", "allocation": "geography.md",
    "context": "context.md", "decade": "context.md", "output": "site.md", "composition": "reading-the-index.md",
    "published_finding": "reading-the-index.md", "recent": "reading-the-index.md", "residual": "reading-the-index.md",
    "sanity": "reading-the-index.md", "scorecard": "reading-the-index.md", "what_would_it_take": "reading-the-index.md",
}  # fmt: skip


def spec_metadata(step: Step, contracts: Contracts, keys: Mapping[str, dg.AssetKey]) -> dict[str, Any]:
    """What is known of an asset before it was ever computed: what its step says, schema and column lineage.

    Dagster stores what a computation adds four times over; what does not differ from one to the next is stated here.

    Args:
        step: the step.
        contracts: all contracts.
        keys: asset key of each table.
    """
    found = _shown(step.page.about(step, contracts)) | _documents(step, contracts)
    if is_table(step.outputs[0]):
        found["dagster/column_schema"] = _schema(contract_of(step.outputs[0], contracts))
    if step.lineage:
        lineage = {
            column: [dg.TableColumnDep(keys[table], origin) for table, origin in origins if table in keys]
            for column, origins in step.lineage.items()
        }
        found["dagster/column_lineage"] = dg.TableColumnLineage(lineage)
        found["column_lineage"] = dg.MetadataValue.md(_lineage(step))
    return found


def _documents(step: Step, contracts: Contracts) -> dict[str, Any]:
    """Where the contract of a step's table is, and what is written of such steps, as paths to be copied and opened."""
    name = step.outputs[0].removeprefix(DOWNLOADS)
    document = DOCS / DOCUMENTS.get(step.kind, "methodology.md")
    files = {"contract": contracts.root / contract_of(name, contracts).file} if name != PUBLICATION else {}
    files |= {"document": document} if document.is_file() else {}
    return {what: dg.MetadataValue.path(str(file)) for what, file in files.items()}


def run_metadata(step: Step, outcomes: Sequence[Outcome], reader: Reader, run_id: str) -> dict[str, Any]:
    """What a computation adds: rows, preview, and what the page of the step shows.

    Of the publication, which comes last, the quality of the whole run.

    Args:
        step: the step.
        outcomes: what became of its outputs, the main one first.
        reader: to look at the rows.
        run_id: the run it belongs to.
    """
    main = outcomes[0]
    found: dict[str, Any] = {"state": main.state}
    if main.message:
        found["reason"] = main.message
    elif main.state == "unchanged":
        found["reason"] = "nothing it follows from has changed, so nothing was computed"
    if main.version is None:
        return found
    if main.version.stale_since:
        found["stale_since"] = main.version.stale_since
    if is_table(main.table):
        found |= _of_table(step, outcomes, reader)
    if main.table == PUBLICATION:
        found |= _quality(checks_of(reader.store, run_id))
    return found | _shown(step.page.shows(step, reader.contracts, reader))


def added_metadata(step: Step, reader: Reader) -> dict[dg.AssetKey, dict[str, Any]]:
    """What a step tells on the pages of others."""
    told = step.page.adds(step, reader.contracts, reader)
    return {key_of(key): _shown(facts) for key, facts in told.items()}


def _of_table(step: Step, outcomes: Sequence[Outcome], reader: Reader) -> dict[str, Any]:
    table = reader.table(outcomes[0].table)
    found: dict[str, Any] = {
        "dagster/row_count": table.num_rows,
        "preview": dg.MetadataValue.md(step.page.preview(step, table, reader.contracts)),
    }
    if len(outcomes) > 1:
        others = [{"table": o.table, "rows": f"{o.version.rows:,}"} for o in outcomes[1:] if o.version]
        found["other_tables"] = dg.MetadataValue.md(markdown(others))
    return found


def _shown(facts: Facts) -> dict[str, Any]:
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
