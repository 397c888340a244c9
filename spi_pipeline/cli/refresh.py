"""Bringing the store up to date, and how it stands: ``spi refresh``, ``spi check`` and ``spi status``."""

import json
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from spi_pipeline.cli.alerts import tell
from spi_pipeline.cli.console import FAILED, STOPPED, Json, err, out
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings

# Bytes of addresses that a run on two cores was seen to take, most of it for threads and libraries. With less, some
# library ends the process in its own way, and OpenBLAS, of which numpy and scipy each have one, tries for ever to load.
ADDRESS_SPACE = 3.4e9


def refresh(
    live: Annotated[
        bool, typer.Option("--live", help="Fetch from the publishers instead of the embedded figures.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(help="First month to fetch, YYYY-MM; else what each publisher offers.", metavar="YYYY-MM"),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Keep each request with its answer in this folder.", metavar="FOLDER"),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only this step, indicator/turnout say, or group and what it reads; repeatable."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another run that writes to the store, instead of giving up.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is stale and stop.")] = False,
    release: Annotated[
        str,
        typer.Option(metavar="ID", help="Compute this release again elsewhere and say what differs; nothing is kept."),
    ] = "",
    area: Annotated[
        str,
        typer.Option(
            help="Make this council's folder, or england's, unless it is there, and refresh that.", metavar="NAME"
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring every table and the database up to date; only what is stale is computed."""
    _refuse_little_memory()
    if release:
        _recompute(release, as_json=as_json)
        return
    from spi_pipeline.cli.terminal import fetching_by_source, progress_by_group, show_refresh
    from spi_pipeline.orchestration.lifetime import GRACE
    from spi_pipeline.orchestration.refresh import Fetching
    from spi_pipeline.orchestration.refresh import refresh as run_refresh
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.run.due import due_steps
    from spi_pipeline.run.plan import build_plan
    from spi_pipeline.run.runner import Runner

    given: dict[str, Any] = ({"mode": "live"} if live else {}) | ({"since": since} if since else {})
    if area:
        given["council"] = _folder(area)
    settings = Settings(**given)
    if since and settings.mode != "live":
        raise typer.BadParameter("--since belongs with --live: embedded figures go as far back as they go")
    if record and settings.mode != "live":
        raise typer.BadParameter("--record belongs with --live: only publishers that are asked answer")
    contracts = contracts_in_force(settings)
    if dry_run:
        stale = due_steps(build_plan(contracts), Runner(settings, contracts), select or [])
        names = [step.label for step in stale]
        out.print_json(json.dumps({"stale": names})) if as_json else out.print("\n".join(names) or "Nothing is stale.")
        return
    fetching = Fetching(fetching_by_source(err), lambda line: err.print(line, soft_wrap=True), record)
    with progress_by_group(err) as progress:
        longest = (settings.fetch_hours + settings.compute_hours) * 3600 + GRACE
        done = run_refresh(settings, contracts, select or [], progress, fetching, wait=longest if wait else 0)
    show_refresh(done, settings, out, err, as_json=as_json)
    tell(settings, contracts)
    if done.faults:
        raise typer.Exit(STOPPED if done.stopped else FAILED)


def _folder(area: str) -> Path:
    """The folder of a council or of England below the current one, made where it is not there."""
    from spi_pipeline.cli.contracts import complete_contracts
    from spi_pipeline.cli.council import folder_of, make_council

    settings = Settings()
    if settings.council is not None or "store" in settings.model_fields_set:
        raise typer.BadParameter("--area has a folder and a store of its own: unset SPI_COUNCIL and SPI_STORE")
    folder, _ = folder_of(area, settings)
    if not (folder / "geography.yaml").is_file():
        make_council(area, folder, settings, complete_contracts(settings).sources)
        err.print(f"{folder} was made; other commands read it with SPI_COUNCIL={folder}", soft_wrap=True)
    return folder


def _recompute(name: str, *, as_json: bool) -> None:
    """Compute a release in a passing store, and compare."""
    from spi_pipeline.run.freezing import program
    from spi_pipeline.run.recomputing import other_program, recompute
    from spi_pipeline.storage.store import Store

    release = Store(Settings().store).releases.get(name)
    with TemporaryDirectory() as folder:
        found = recompute(release, Path(folder) / "store")
    other = other_program(release, program())
    if as_json:
        told = [{"table": one.table, "differs": one.told} for one in found]
        out.print_json(json.dumps({"release": release.id, "equal": not found, "differences": told, "other": other}))
    else:
        for one in found:
            out.print(f"{one.table}: {one.told}", soft_wrap=True)
        for said in other:
            out.print(f"computed by {said}", soft_wrap=True)
        if not found:
            out.print(f"Release {release.id} came to the same in every figure of {len(release.tables)} tables.")
    if found:
        raise typer.Exit(FAILED)


def _refuse_little_memory() -> None:
    """Return where this process may have the memory that a run takes.

    Raises:
        SpiError: where a limit forbids it.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < ADDRESS_SPACE:
        raise SpiError(
            f"this process may have {allowed / 1e6:,.0f} MB of addresses (ulimit -v), and a run takes "
            f"{ADDRESS_SPACE / 1e6:,.0f} MB: allow it more; to bound what it really uses, bound the memory of its "
            "service or container instead"
        )


def check(as_json: Json = False) -> None:
    """Evaluate every rule on every current table, and read every byte that is kept; nothing is computed or written."""
    from spi_pipeline.cli.terminal import show_checks
    from spi_pipeline.orchestration.watching.damage import damage_of
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.run.plan import build_plan, is_table
    from spi_pipeline.run.records import check_row
    from spi_pipeline.run.runner import Runner

    settings = Settings()
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    found = damage_of(runner, deep=True)
    if found:
        raise SpiError("\n".join(found))
    steps = build_plan(contracts)
    tables = [name for step in steps for name in step.outputs if is_table(name)]
    missing = [name for name in tables if runner.store.current(name) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise SpiError(
            f"{counted(len(missing), 'table')} {are} not there yet ({', '.join(missing[:5])}); run spi refresh"
        )
    outcomes = runner.check(steps)
    if as_json:
        rows = [{"table": o.table} | check_row(r) for o in outcomes for r in o.results]
        out.print_json(json.dumps(rows))
    else:
        show_checks(outcomes, out)
    if any(result.blocks for outcome in outcomes for result in outcome.results):
        raise typer.Exit(FAILED)


def status(
    as_json: Json = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Print figures in the text format of Prometheus.")
    ] = False,
) -> None:
    """Say what is published, what is stale, how the last runs ended and whether all is well."""
    from spi_pipeline.cli.metrics import UNREADABLE, exposition
    from spi_pipeline.cli.terminal import show_status
    from spi_pipeline.orchestration.watching.status import status_of

    try:
        found = status_of(Settings())
    except SpiError:
        if prometheus:  # who reads figures alone must see that something is wrong
            typer.echo(UNREADABLE, nl=False)
        raise
    if prometheus:
        typer.echo(exposition(found), nl=False)
    elif as_json:
        out.print_json(json.dumps(found, default=str))
    else:
        show_status(found, out)
    if not found["healthy"]:
        raise typer.Exit(FAILED)
