"""``spi prune``, ``spi backup`` and ``spi restore``: maintain a store over the years."""

import json
from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.settings import Settings


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be deleted and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Delete what is older than the settings retain and nothing refers to, as every refresh does."""
    from spi_pipeline.orchestration.watching.watchdog import existing_instance
    from spi_pipeline.storage.store import Store

    settings = Settings()
    store, history = Store(settings.store), 0
    with store.lock(), existing_instance(store) as instance:
        if instance:
            from spi_pipeline.orchestration.instance import tidy

            removed, history = tidy(instance, store, settings.retention, dry=dry_run)
        else:
            removed = store.prune(settings.retention, dry=dry_run)
    files = [{"path": str(one.path.relative_to(store.root)), "bytes": one.bytes} for one in removed]
    total = sum(one.bytes for one in removed) + history
    if as_json:
        out.print_json(json.dumps({"dry_run": dry_run, "files": files, "history_bytes": history, "bytes": total}))
        return
    for one in removed:
        out.print(f"{one.bytes:>12,} {one.path.relative_to(store.root)}", soft_wrap=True)
    if history:
        out.print(f"{history:>12,} events of older runs in Dagster's history")
    out.print(f"{total:,} bytes {'would be deleted' if dry_run else 'deleted'}.")


def backup(to: Annotated[Path, typer.Argument(help="A folder that does not exist yet.", metavar="TO")]) -> None:
    """Copy the whole store, checked and consistent; a refresh may run at the same time."""
    from spi_pipeline.storage.store import Store

    store = Store(Settings().store)
    size = store.back_up(to)
    out.print(f"{size:,} bytes of {store.root} are in {to}.", soft_wrap=True)


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that spi backup made.", metavar="FROM")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Move an existing store aside; without this option spi refuses to replace it."),
    ] = False,
) -> None:
    """Put a backup back as the store, checked file by file; all of it or nothing."""
    from spi_pipeline.storage.store import Store

    store = Store(Settings().store)
    aside = store.restore(source, replace=replace)
    out.print(f"{store.root} is as it was when {source} was made.", soft_wrap=True)
    if aside:
        out.print(f"The previous store is in {aside}; delete it when it is no longer needed.", soft_wrap=True)
