"""``spi release``: makes an immutable release of the published tables, signs it and records its later history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from spi_pipeline.storage.published.releases import Release
    from spi_pipeline.storage.store import Store

app = typer.Typer(help="Immutable releases; see docs/releases.md.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the release.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Name of the person who decides.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Option("--id", help="Id of the release; by default today's date.")] = "",
    as_json: Json = False,
) -> None:
    """Copy the publication as a draft release, and show the most surprising changes since the previous release."""
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.run.freezing import freeze

    settings = Settings()
    release = freeze(settings, contracts_in_force(settings), name)
    if as_json:
        out.print_json(json.dumps(_record(release)))
        return
    _show(release)
    out.print(f"\nThis is a draft. To sign it: spi release publish {release.id} --by NAME --note WHY", soft_wrap=True)


@app.command("publish")
def publish(
    name: Id,
    by: By,
    note: Annotated[str, typer.Option("--note", help="Description of the release for later readers.")],
    revises: Annotated[str, typer.Option("--revises", metavar="ID", help="Id of the release that it replaces.")] = "",
) -> None:
    """Sign a draft, which can then never change; if publication.yaml requires a signature, the public now sees it."""
    from spi_pipeline.storage.published.releases import REVISED, SIGNED

    with _writing() as (store, signed):
        _show_surprising(store.releases.get(name))
        release, older = store.releases.get(name), store.releases.get(revises) if revises else None
        if older:
            store.releases.refuse(older, REVISED)
        release = store.releases.add(release, SIGNED, at=_now(), by=by, note=note)
        if older:
            store.releases.add(older, REVISED, at=_now(), by=by, note=f"{release.id}: {note}")
        store.show(signed=signed)
    out.print(f"Release {release.id} is signed by {by}; the public sees {store.public.resolve()}.", soft_wrap=True)


@app.command("withdraw")
def withdraw(
    name: Id, by: By, reason: Annotated[str, typer.Option("--reason", help="Why nobody should rely on it.")]
) -> None:
    """Withdraw a release: it stays, with the reason, and the public sees the previous one."""
    from spi_pipeline.storage.published.releases import WITHDRAWN

    _add(name, WITHDRAWN, by, reason)
    out.print(f"Release {name} is withdrawn: {reason}", soft_wrap=True)


@app.command("erratum")
def erratum(
    name: Id, by: By, note: Annotated[str, typer.Option("--note", help="What is wrong, and what is right.")]
) -> None:
    """Record an error in a release, which itself stays unchanged."""
    from spi_pipeline.storage.published.releases import ERRATUM

    _add(name, ERRATUM, by, note)
    out.print(f"An erratum was added to release {name}.", soft_wrap=True)


@app.command("list")
def list_releases(as_json: Json = False) -> None:
    """List every release, the most recently signed last."""
    from spi_pipeline.storage.store import Store

    releases = Store(Settings().store).releases
    every, damage = releases.all(), releases.damage()
    if as_json:
        out.print_json(json.dumps([_record(release) for release in every]))
    for release in () if as_json else every:
        last = release.events[-1] if release.events else {}
        event = f", {last['event']} by {last['by']}: {last['note']}" if last else ""
        out.print(f"{release.id}: {release.state}, figures of {release.manifest['as_of']}{event}", soft_wrap=True)
    if damage:
        raise SpiError("\n".join(damage))
    if not (every or as_json):
        out.print("There is no release yet: make one with spi release create.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of the release, or a folder with a copy.")],
    as_json: Json = False,
) -> None:
    """Show the contents and history of a release, and its most surprising changes when it was made."""
    from spi_pipeline.storage.store import Store

    release = Store(Settings().store).releases.get(name)
    if as_json:
        out.print_json(json.dumps(_record(release)))
    else:
        _show(release)


def _show(release: Release) -> None:
    details = release.manifest
    out.print(
        f"{release.id}: {release.state}, figures of {details['as_of']}, editions {details['editions'][0]} to "
        f"{details['editions'][-1]}, {len(details['tables'])} tables, version {details['code']['version']}",
        soft_wrap=True,
    )
    for table, reason in details["kept"].items():
        out.print(f"last good version kept: {table}: {reason}", style="yellow", soft_wrap=True)
    for event in release.events:
        out.print(f"{event['at'][:10]} {event['event']} by {event['by']}: {event['note']}", soft_wrap=True)
    _show_surprising(release)


def _show_surprising(release: Release) -> None:
    """Show the most surprising changes, which a person should look at before signing."""
    from spi_pipeline.cli.releases.shown import shown
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.contracts.loader import load_contracts
    from spi_pipeline.steps.analysis.release_change import most_surprising

    contracts = load_contracts(release.contracts)
    changes = release.read("release_change").to_pandas()
    if len(changes):
        rows = shown(most_surprising(changes, next(iter(contracts.framework.profiles))), contracts)
        show_table(rows.to_dict("records"), out, f"Most surprising changes since release {changes['release'].iloc[0]}")
    else:
        out.print("No release was signed before to compare with, or no score has moved since.", soft_wrap=True)


def _record(release: Release) -> dict[str, object]:
    record = {name: value for name, value in release.manifest.items() if name != "files"}
    return {**record, "state": release.state, "events": list(release.events), "folder": str(release.folder)}


def _add(name: str, event: str, by: str, note: str) -> None:
    """Record an event of a release, and update the publication that the public sees."""
    with _writing() as (store, signed):
        store.releases.add(store.releases.get(name), event, at=_now(), by=by, note=note)
        store.show(signed=signed)


@contextmanager
def _writing() -> Iterator[tuple[Store, bool]]:
    """Yield the locked store, and whether the public sees only signed releases."""
    from spi_pipeline.storage.store import Store

    settings = Settings()
    store, signed = Store(settings.store), complete_contracts(settings).publication.sign_off
    with store.lock():
        yield store, signed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
