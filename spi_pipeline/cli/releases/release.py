"""``spi release``: freezing what is published, signing it, and saying what became of it."""

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

app = typer.Typer(help="What was published for good; see docs/releases.md.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the release.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Option("--id", help="Its id; the day of today when left out.")] = "",
    as_json: Json = False,
) -> None:
    """Freeze what is published as a draft, and show what surprises most since the release before."""
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.run.freezing import freeze

    settings = Settings()
    release = freeze(settings, contracts_in_force(settings), name)
    if as_json:
        out.print_json(json.dumps(_told(release)))
        return
    _show(release)
    out.print(f"\nA draft. Sign it: spi release publish {release.id} --by NAME --note WHY", soft_wrap=True)


@app.command("publish")
def publish(
    name: Id,
    by: By,
    note: Annotated[str, typer.Option("--note", help="What the release is, for those who read it later.")],
    revises: Annotated[str, typer.Option("--revises", metavar="ID", help="The release that it replaces.")] = "",
) -> None:
    """Sign a draft: it is never changed again, and where publication.yaml asks for it the public sees it."""
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
    name: Id, by: By, reason: Annotated[str, typer.Option("--reason", help="Why it is no longer to be relied on.")]
) -> None:
    """Say that a release is not to be relied on; it stays, with the reason, and the public sees the one before."""
    from spi_pipeline.storage.published.releases import WITHDRAWN

    _add(name, WITHDRAWN, by, reason)
    out.print(f"Release {name} is withdrawn: {reason}", soft_wrap=True)


@app.command("erratum")
def erratum(
    name: Id, by: By, note: Annotated[str, typer.Option("--note", help="What is wrong, and what is right.")]
) -> None:
    """Say what is wrong in a release that stays as it is."""
    from spi_pipeline.storage.published.releases import ERRATUM

    _add(name, ERRATUM, by, note)
    out.print(f"An erratum stands beside release {name}.", soft_wrap=True)


@app.command("list")
def list_releases(as_json: Json = False) -> None:
    """Name every release, the one signed last at the end."""
    from spi_pipeline.storage.store import Store

    releases = Store(Settings().store).releases
    found, damage = releases.all(), releases.damage()
    if as_json:
        out.print_json(json.dumps([_told(release) for release in found]))
    for release in () if as_json else found:
        last = release.events[-1] if release.events else {}
        said = f", {last['event']} by {last['by']}: {last['note']}" if last else ""
        out.print(f"{release.id}: {release.state}, figures of {release.about['as_of']}{said}", soft_wrap=True)
    if damage:
        raise SpiError("\n".join(damage))
    if not (found or as_json):
        out.print("No release was made yet: spi release create.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of the release, or a folder it was carried in.")],
    as_json: Json = False,
) -> None:
    """Say what a release is made of, what became of it, and what surprised most when it was made."""
    from spi_pipeline.storage.store import Store

    release = Store(Settings().store).releases.get(name)
    if as_json:
        out.print_json(json.dumps(_told(release)))
    else:
        _show(release)


def _show(release: Release) -> None:
    about = release.about
    out.print(
        f"{release.id}: {release.state}, figures of {about['as_of']}, editions {about['editions'][0]} to "
        f"{about['editions'][-1]}, {len(about['tables'])} tables, version {about['code']['version']}",
        soft_wrap=True,
    )
    for table, reason in about["kept"].items():
        out.print(f"kept from before: {table}: {reason}", style="yellow", soft_wrap=True)
    for event in release.events:
        out.print(f"{event['at'][:10]} {event['event']} by {event['by']}: {event['note']}", soft_wrap=True)
    _show_surprising(release)


def _show_surprising(release: Release) -> None:
    """What a person should look at before signing."""
    from spi_pipeline.cli.releases.shown import shown
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.contracts.loader import load_contracts
    from spi_pipeline.steps.analysis.release_change import most_surprising

    contracts = load_contracts(release.contracts)
    changes = release.read("release_change").to_pandas()
    if len(changes):
        rows = shown(most_surprising(changes, next(iter(contracts.framework.profiles))), contracts)
        show_table(rows.to_dict("records"), out, f"What surprises most since release {changes['release'].iloc[0]}")
    else:
        out.print("It is held against no release signed before, or no score moved since.", soft_wrap=True)


def _told(release: Release) -> dict[str, object]:
    told = {name: value for name, value in release.about.items() if name != "files"}
    return {**told, "state": release.state, "events": list(release.events), "folder": str(release.folder)}


def _add(name: str, event: str, by: str, note: str) -> None:
    """Say what became of a release, and let the public see what it is to see then."""
    with _writing() as (store, signed):
        store.releases.add(store.releases.get(name), event, at=_now(), by=by, note=note)
        store.show(signed=signed)


@contextmanager
def _writing() -> Iterator[tuple[Store, bool]]:
    """The store, locked, and whether the public sees signed releases alone."""
    from spi_pipeline.storage.store import Store

    settings = Settings()
    store, signed = Store(settings.store), complete_contracts(settings).publication.sign_off
    with store.lock():
        yield store, signed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
