"""The embedded figures: ``spi snapshot``."""

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

app = typer.Typer(help="The embedded real figures.", no_args_is_help=True)


@app.command("build")
def snapshot_build(
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of publishers' files; see docs/snapshot-folder.md.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="The day the files were taken, YYYY-MM-DD.")] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Freeze the source tables of the store instead.")
    ] = False,
    england: Annotated[
        bool, typer.Option("--england", help="Read the tables of all England, from the sources that have such files.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Read this source alone, and keep the other tables; repeatable.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Where to write; the embedded snapshot when left out.")] = None,
) -> None:
    """Read publishers' files, or what a store fetched, into our own tables; the same input gives the same bytes."""
    from spi_pipeline.rules.result import summary
    from spi_pipeline.snapshot.build import import_tables
    from spi_pipeline.snapshot.frozen import frozen_on, frozen_tables
    from spi_pipeline.storage.store import Store

    if from_store == (folder is not None):
        raise typer.BadParameter("give either --from FOLDER or --from-store")
    if from_store != (as_of is None):
        raise typer.BadParameter("--as-of belongs with --from FOLDER; a store knows when its figures were taken")
    if only and (from_store or england):
        raise typer.BadParameter("--only belongs with --from FOLDER alone")
    if from_store and england:
        raise typer.BadParameter("--england belongs with --from FOLDER; a store holds the figures of its own council")
    settings = Settings()
    contracts = complete_contracts(settings)
    if folder is None:
        if to is None:
            raise typer.BadParameter("--from-store needs --to: the embedded snapshot is not replaced by accident")
        store = Store(settings.store)
        day, found = frozen_on(store), frozen_tables(store, contracts)
    elif england:
        _build_england(folder, contracts, _day(as_of or ""), to or settings.england)
        return
    else:
        day, found = _day(as_of or ""), import_tables(folder, contracts, only or ())
    tables, target = _told(found), to or settings.snapshot
    if unread := sorted(set(only or ()).difference(tables)):
        raise UnknownNameError(
            f"nothing is read for {', '.join(unread)}: name sources of docs/snapshot-folder.md, and take them from "
            "without in geography.yaml"
        )
    kept = _kept(target, tables) if only else {}
    lookups = settings.figures(contracts.geography) if only else None
    if broken := _broken(tables, contracts.sources, contracts.geography, lookups):
        raise SpiError("\n".join(summary(results, table_name=name) for name, results in broken.items()))
    if not only and (absent := sorted(set(contracts.sources) - set(tables))):
        out.print(f"without figures: {', '.join(absent)}")
    _write({**kept, **tables}, contracts, day, target)


def _build_england(folder: Path, contracts: Contracts, day: dt.date, target: Path) -> None:
    """The tables of all England, judged as those of all its authorities together."""
    from spi_pipeline.contracts.loader import load_sources
    from spi_pipeline.publishers.files.england import England
    from spi_pipeline.rules.result import summary
    from spi_pipeline.snapshot.build import import_england

    england = England(folder)
    tables = _told(import_england(england, contracts))
    broken = _broken(tables, load_sources(contracts.root, england.geography), england.geography)
    if broken:
        raise SpiError("\n".join(summary(results, table_name=name) for name, results in broken.items()))
    # What is computed of these tables stays until it is computed anew.
    computed = {name: one for name, one in _kept(target, tables).items() if name in OF_ENGLAND.values()}
    _write({**computed, **tables}, contracts, day, target)


@app.command("standing")
def snapshot_standing(
    to: Annotated[Path | None, typer.Option(help="Folder of England's tables; the embedded one when left out.")] = None,
) -> None:
    """Embed what spi refresh --area england computed: where each ward stands, and what the index goes with."""
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.snapshot.build import standing_tables
    from spi_pipeline.snapshot.embedded import snapshot_as_of
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts, store, target = contracts_in_force(settings), Store(settings.store), to or settings.england
    if not contracts.geography.national:
        raise SpiError(
            "these are the wards of one council: run spi refresh --area england, then this with SPI_COUNCIL=england"
        )
    products = {source: store.read(name).to_pandas() for name, source in OF_ENGLAND.items()}
    tables = _told(standing_tables(products, settings.england, contracts))
    _write({**_kept(target, tables), **tables}, contracts, snapshot_as_of(target), target)


def _kept(folder: Path, tables: Mapping[str, EmbeddedTable]) -> dict[str, EmbeddedTable]:
    """The tables of a snapshot that stay as they are; none where there is no snapshot yet."""
    from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables

    names = set(snapshot_tables(folder)) - set(tables) if folder.exists() else set()
    return {name: read_embedded(folder, name) for name in sorted(names)}


def _told(found: Iterable[EmbeddedTable]) -> dict[str, EmbeddedTable]:
    """Tables by their source, each told of as it is made."""
    tables = {}
    for embedded in found:
        tables[embedded.source_id] = embedded
        out.print(f"{embedded.source_id}: {embedded.table.num_rows:,} rows from {len(embedded.inputs)} files")
        for item in embedded.inputs:
            if item.remark:
                out.print(f"  {item.file}: {item.remark}")
    return tables


def _broken(
    tables: Mapping[str, EmbeddedTable],
    sources: Mapping[str, Source],
    geography: Geography,
    others: Figures | None = None,
) -> dict[str, list[RuleResult]]:
    """By table the results that keep it from being written; lookups that are not among the tables come from others."""
    from spi_pipeline.contracts.models.places import with_known_areas
    from spi_pipeline.rules.evaluation import evaluate

    def column_of(source_id: str, column: str) -> list[str | None]:
        if source_id not in tables and (others is None or source_id not in others.names):
            return []
        found = tables[source_id] if source_id in tables or others is None else others.read(source_id)
        codes: list[str | None] = found.table[column].to_pylist()
        return codes

    broken = {}
    for source_id, embedded in tables.items():
        rules = with_known_areas(sources[source_id].rules, lambda name: geography.known(name, column_of))
        results = evaluate(embedded.table, rules, table_name=source_id)
        if blocking := [result for result in results if result.blocks]:
            broken[source_id] = blocking
    return broken


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
    """Estimate the errors that contracts state anew, from the published figures; states nothing itself."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.outputs.errors import errors
    from spi_pipeline.outputs.queries import refuse_other_contracts
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts = complete_contracts(settings)
    database, figures = Store(settings.store).database, settings.figures(contracts.geography)
    refuse_other_contracts(database, contracts.products)
    found = errors(database, contracts, lambda name: figures.read(name).table.to_pandas())
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.itertuples(index=False)]
    if as_json:
        out.print_json(found.to_json(orient="records"))
    else:
        show_table(rows, out, title="Errors as stated and as estimated")
