"""``spi snapshot``: builds and lists the embedded figures."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.contracts.models.geography import OF_ENGLAND
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts
    from spi_pipeline.contracts.models.geography import Geography
    from spi_pipeline.contracts.models.tables import Source
    from spi_pipeline.rules.result import RuleResult
    from spi_pipeline.snapshot.embedded import EmbeddedTable
    from spi_pipeline.snapshot.figures import Figures

app = typer.Typer(help="The embedded figures.", no_args_is_help=True)


@app.command("build")
def snapshot_build(
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of publishers' files; see docs/snapshot-folder.md.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="Day the files were taken, YYYY-MM-DD.")] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Embed the source tables of the store instead.")
    ] = False,
    england: Annotated[
        bool, typer.Option("--england", help="Read the tables of all England, from the sources that have such files.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Read only this source, and leave the other tables unchanged; repeatable.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write to; by default the embedded snapshot.")] = None,
) -> None:
    """Read publishers' files, or what a store fetched, into embedded tables; the same input gives the same bytes."""
    from spi_pipeline.rules.result import summary
    from spi_pipeline.snapshot.build import import_tables
    from spi_pipeline.snapshot.frozen import frozen_on, frozen_tables
    from spi_pipeline.storage.store import Store

    if from_store == (folder is not None):
        raise typer.BadParameter("give either --from FOLDER or --from-store")
    if from_store != (as_of is None):
        raise typer.BadParameter(
            "--as-of does not go with --from-store: a store knows the day of its figures"
            if from_store
            else "--from FOLDER needs --as-of DAY, the day on which the figures were downloaded"
        )
    if only and (from_store or england):
        raise typer.BadParameter("--only works only with --from FOLDER, and not with --england")
    if from_store and england:
        raise typer.BadParameter("--england needs --from FOLDER; a store holds the figures of its own council")
    settings = Settings()
    contracts = complete_contracts(settings)
    if folder is None:
        if to is None:
            raise typer.BadParameter(
                "--from-store needs --to, so that it never replaces the embedded snapshot by accident"
            )
        store = Store(settings.store)
        as_of_day, made = frozen_on(store), frozen_tables(store, contracts)
    elif england:
        _build_england(folder, contracts, _day(as_of or ""), to or settings.england)
        return
    else:
        as_of_day, made = _day(as_of or ""), import_tables(folder, contracts, only or ())
    tables, target = _announced(made), to or settings.snapshot
    if missing := sorted(set(only or ()).difference(tables)):
        raise UnknownNameError(
            f"no file was read for {', '.join(missing)}: name sources of docs/snapshot-folder.md, and remove them from "
            "'without' in geography.yaml"
        )
    unchanged = _unchanged(target, tables) if only else {}
    lookups = settings.figures(contracts.geography) if only else None
    if blocked := _blocked(tables, contracts.sources, contracts.geography, lookups):
        raise SpiError("\n".join(summary(results, table_name=name) for name, results in blocked.items()))
    if not only and (absent := sorted(set(contracts.sources) - set(tables))):
        out.print(f"without figures: {', '.join(absent)}")
    _write({**unchanged, **tables}, contracts, as_of_day, target)


def _build_england(folder: Path, contracts: Contracts, day: dt.date, target: Path) -> None:
    """Build the tables of all England; the rules treat all its authorities as one area."""
    from spi_pipeline.contracts.loader import load_sources
    from spi_pipeline.publishers.files.england import England
    from spi_pipeline.rules.result import summary
    from spi_pipeline.snapshot.build import import_england

    england = England(folder)
    tables = _announced(import_england(england, contracts))
    blocked = _blocked(tables, load_sources(contracts.root, england.geography), england.geography)
    if blocked:
        raise SpiError("\n".join(summary(results, table_name=name) for name, results in blocked.items()))
    # Tables computed from these stay until `spi snapshot standing` recomputes them.
    computed = {name: one for name, one in _unchanged(target, tables).items() if name in OF_ENGLAND.values()}
    _write({**computed, **tables}, contracts, day, target)


@app.command("standing")
def snapshot_standing(
    to: Annotated[Path | None, typer.Option(help="Folder of England's tables; by default the embedded one.")] = None,
) -> None:
    """Embed the results of spi refresh --area england: each ward's standing, and what the index correlates with."""
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.snapshot.build import standing_tables
    from spi_pipeline.snapshot.embedded import snapshot_as_of
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts, store, target = contracts_in_force(settings), Store(settings.store), to or settings.england
    if not contracts.geography.national:
        raise SpiError(
            "these are the wards of one council: run spi refresh --area england, then this command with "
            "SPI_COUNCIL=england"
        )
    products = {source: store.read(name).to_pandas() for name, source in OF_ENGLAND.items()}
    tables = _announced(standing_tables(products, settings.england, contracts))
    _write({**_unchanged(target, tables), **tables}, contracts, snapshot_as_of(target), target)


def _unchanged(folder: Path, tables: Mapping[str, EmbeddedTable]) -> dict[str, EmbeddedTable]:
    """The tables of a snapshot that stay unchanged; none if there is no snapshot yet."""
    from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables

    names = set(snapshot_tables(folder)) - set(tables) if folder.exists() else set()
    return {name: read_embedded(folder, name) for name in sorted(names)}


def _announced(made: Iterable[EmbeddedTable]) -> dict[str, EmbeddedTable]:
    """Collect tables by their source, and print a line for each as it is made."""
    tables = {}
    for embedded in made:
        tables[embedded.source_id] = embedded
        out.print(f"{embedded.source_id}: {embedded.table.num_rows:,} rows from {len(embedded.inputs)} files")
        for item in embedded.inputs:
            if item.remark:
                out.print(f"  {item.file}: {item.remark}")
    return tables


def _blocked(
    tables: Mapping[str, EmbeddedTable],
    sources: Mapping[str, Source],
    geography: Geography,
    others: Figures | None = None,
) -> dict[str, list[RuleResult]]:
    """The results that block a table from being written, by table; other lookup tables are read from ``others``."""
    from spi_pipeline.contracts.models.places import with_known_areas
    from spi_pipeline.rules.evaluation import evaluate

    def column_of(source_id: str, column: str) -> list[str | None]:
        if source_id not in tables and (others is None or source_id not in others.names):
            return []
        embedded_table = tables[source_id] if source_id in tables or others is None else others.read(source_id)
        codes: list[str | None] = embedded_table.table[column].to_pylist()
        return codes

    blocked_by = {}
    for source_id, embedded in tables.items():
        rules = with_known_areas(sources[source_id].rules, lambda name: geography.known(name, column_of))
        results = evaluate(embedded.table, rules, table_name=source_id)
        if blocking := [result for result in results if result.blocks]:
            blocked_by[source_id] = blocking
    return blocked_by


def _write(tables: Mapping[str, EmbeddedTable], contracts: Contracts, day: dt.date, target: Path) -> None:
    from spi_pipeline.snapshot.embedded import embedded_file, write_snapshot

    write_snapshot(target, tables, contracts.sources, day)
    size = sum(embedded_file(target, name).stat().st_size for name in tables)
    out.print(f"{len(tables)} tables, {size / 1e6:.2f} MB, written to {target}")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {text!r} is not a date like 2026-11-23") from error


@app.command("info")
def snapshot_info(as_json: Json = False) -> None:
    """List the embedded tables with publisher, period, licence and size."""
    from spi_pipeline.cli.terminal import show_table

    settings = Settings()
    contracts = complete_contracts(settings)
    rows = []
    figures = settings.figures(contracts.geography)
    for source_id in sorted(figures.names):
        embedded = figures.read(source_id)
        properties = contracts.sources[source_id].properties
        periods = [item.period for item in embedded.inputs]
        period = periods[0] if len(set(periods)) == 1 else f"{periods[0]} to {periods[-1]}"
        rows.append({"table": source_id, "rows": embedded.table.num_rows, "files": len(embedded.inputs),
                     "period": period, "publisher": properties.publisher, "licence": properties.licence})  # fmt: skip
    as_of = figures.as_of.isoformat()
    if as_json:
        out.print_json(json.dumps({"as_of": as_of, "tables": rows}))
    else:
        show_table(rows, out, title=f"Embedded figures, taken on {as_of}")


@app.command("errors")
def snapshot_errors(as_json: Json = False) -> None:
    """Estimate the errors that contracts declare, from the published figures; changes no contract."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.outputs.errors import errors
    from spi_pipeline.outputs.queries import refuse_other_contracts
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts = complete_contracts(settings)
    database, figures = Store(settings.store).database, settings.figures(contracts.geography)
    refuse_other_contracts(database, contracts.products)
    estimates = errors(database, contracts, lambda name: figures.read(name).table.to_pandas())
    rows = [dict(zip(estimates.columns, row, strict=True)) for row in estimates.itertuples(index=False)]
    if as_json:
        out.print_json(estimates.to_json(orient="records"))
    else:
        show_table(rows, out, title="Errors as declared and as estimated")
