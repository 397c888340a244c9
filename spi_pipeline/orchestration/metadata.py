"""What an analyst sees on an asset's page: schema, column lineage (also as a table), counts, preview, provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.contracts.tables import Table
from spi_pipeline.orchestration.index_pages import index_page
from spi_pipeline.orchestration.markdown import markdown
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.previews import preview
from spi_pipeline.orchestration.quality import quality, told
from spi_pipeline.orchestration.reader import Reader
from spi_pipeline.orchestration.runner import Outcome
from spi_pipeline.outputs.database import reading
from spi_pipeline.rules.result import RuleResult


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
        posts = indicator.goalposts
        return {
            "unit": contracts.vocabulary.units[indicator.unit].title,
            "direction": indicator.direction.replace("_", " "),
            "goalposts": "1st and 99th percentile of the wards of England"
            if posts.basis == "reference"
            else f"{posts.worst:g} scores 0, {posts.best:g} scores 100 ({posts.basis}: {posts.reason})",
            "limits": indicator.limits,
            **_rests_on(contracts.sources_of(indicator), contracts),
        }
    if step.kind == "database":
        return {"licence": _rests_on(contracts.sources, contracts)["licence"]}
    if "score" not in step.lineage and "change" not in step.lineage:
        return {}
    below = [item for item in contracts.active if step.name in _elements_above(item.id, contracts)]
    sources = dict.fromkeys(name for item in below or contracts.active for name in contracts.sources_of(item))
    return {
        "unit": "points, 0 to 100" if "score" in step.lineage else "points",
        **({"made_of": dg.MetadataValue.md(_made_of(step, contracts))} if "score" in step.lineage else {}),
        **_rests_on(sources, contracts),
    }


def _elements_above(indicator_id: str, contracts: Contracts) -> tuple[str, str, str]:
    """Component, dimension and index of an indicator."""
    component = contracts.component_of[indicator_id]
    dimension = next(d.id for d in contracts.framework.dimensions if component in {c.id for c in d.components})
    return component, dimension, contracts.framework.id


def _made_of(step: Step, contracts: Contracts) -> str:
    """What a component, dimension or the index is the mean of."""
    if step.kind == "component":
        return markdown(
            [{"indicator": item.title, "source": item.source} for item in contracts.indicators_of(step.name)]
        )
    below = [name.removeprefix("score.") for name in step.inputs]
    return markdown([{"id": name, "title": contracts.titles[name]} for name in below])


def _rests_on(sources: Iterable[str], contracts: Contracts) -> dict[str, Any]:
    """Sources, publishers and licences behind a figure, each once."""
    properties = {name: contracts.sources[name].properties for name in sources}
    return {
        "source": ", ".join(sorted(properties)),
        "publisher": ", ".join(sorted({told.publisher for told in properties.values()})),
        "licence": ", ".join(sorted({told.licence for told in properties.values()})),
    }


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
        quality_of_run = _quality(reader.store.read_run("check_result", run_id))
        return found | _published(reader, contracts) | quality_of_run
    if main.version is None:
        return found
    if main.version.stale_since:
        found["stale_since"] = main.version.stale_since
    table = reader.table(main.table)
    found |= {
        "dagster/row_count": main.version.rows,
        "dagster/column_schema": _schema(contract_of(main.table, contracts)),
        "preview": dg.MetadataValue.md(preview(step, table, contracts)),
        "rules": dg.MetadataValue.md(_rules([result for outcome in outcomes for result in outcome.results])),
        # The whole of it is Dagster's data version.
        "data_version": main.version.sha256[:16],
    }
    if len(outcomes) > 1:
        others = [{"table": o.table, "rows": f"{o.version.rows:,}"} for o in outcomes[1:] if o.version]
        found["other_tables"] = dg.MetadataValue.md(markdown(others))
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
        periods = sorted({str(origin["period"]) for origin in origins})
        found["figures_of"] = " to ".join(dict.fromkeys((periods[0], periods[-1]))) if periods else "no file"
        found["files"] = dg.MetadataValue.md(_files(origins))
    return found


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


def _rules(results: Sequence[RuleResult]) -> str:
    """How many rules came out how, and those that did not pass; the tab of checks has them all."""
    counted = ", ".join(f"{count} {outcome}" for outcome, count in Counter(r.outcome for r in results).items())
    rows = [
        {"rule": r.rule.id, "outcome": r.outcome, "severity": r.rule.severity, "observed": r.observed}
        for r in results
        if r.outcome in ("failed", "errored")
    ]
    return f"{counted}\n\n{markdown(rows)}" if rows else counted


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


def _published(reader: Reader, contracts: Contracts) -> dict[str, Any]:
    """What readers find in the database."""
    database = reader.store.database
    with reading(database) as connection:
        counts = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0] for name in contracts.products
        }
    told = [
        {"table": name, "rows": f"{counts[name]:,}", "holds": product.title}
        for name, product in contracts.products.items()
    ]
    return {
        "file": dg.MetadataValue.path(str(database)),
        "megabytes": round(database.stat().st_size / 1e6, 1),
        "tables": dg.MetadataValue.md(markdown(told)),
        "data_version": reader.store.published_version(),
    }
