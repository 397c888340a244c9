"""``spi refresh``, ``spi check`` and ``spi status``: bring the store up to date, check it and report its state."""

import json
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from spi_pipeline.cli.alerts import send_alerts
from spi_pipeline.cli.console import FAILED, STOPPED, Json, err, out
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings

# Bytes of address space that a run on two cores was seen to use, most of it for threads and libraries. With less, some
# library ends the process without an error of ours, and OpenBLAS, of which numpy and scipy each have one, tries to load
# for ever.
ADDRESS_SPACE = 3.4e9


def refresh(
    live: Annotated[
        bool, typer.Option("--live", help="Fetch from the publishers instead of the embedded figures.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            help="First month to fetch, YYYY-MM; by default all that each publisher offers.", metavar="YYYY-MM"
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Record each request with its response in this folder.", metavar="FOLDER"),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only this step, such as indicator/turnout, or group, and what it reads; repeatable."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another run that writes to the store, instead of giving up.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the stale steps and stop.")] = False,
    release: Annotated[
        str,
        typer.Option(metavar="ID", help="Recompute this release elsewhere and report differences; stores nothing."),
    ] = "",
    area: Annotated[
        str,
        typer.Option(help="Refresh the folder of this council, or of england; it is made if missing.", metavar="NAME"),
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring every table and the database up to date; computes only what is stale."""
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
        raise typer.BadParameter("--since needs --live: embedded figures always cover their whole period")
    if record and settings.mode != "live":
        raise typer.BadParameter("--record needs --live: it records the responses of publishers")
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
    send_alerts(settings, contracts)
    if done.faults:
        raise typer.Exit(STOPPED if done.stopped else FAILED)


def _folder(area: str) -> Path:
    """The folder of a council or of England in the current folder, created if it does not exist."""
    from spi_pipeline.cli.contracts import complete_contracts
    from spi_pipeline.cli.council import default_folder, make_council

    settings = Settings()
    if settings.council is not None or "store" in settings.model_fields_set:
        raise typer.BadParameter("--area uses its own folder and store: unset SPI_COUNCIL and SPI_STORE")
    folder, _ = default_folder(area, settings)
    if not (folder / "geography.yaml").is_file():
        make_council(area, folder, settings, complete_contracts(settings).sources)
        err.print(f"{folder} was made; other commands read it with SPI_COUNCIL={folder}", soft_wrap=True)
    return folder


def _recompute(name: str, *, as_json: bool) -> None:
    """Recompute a release in a temporary store and compare the tables."""
    from spi_pipeline.run.freezing import program
    from spi_pipeline.run.recomputing import other_program, recompute
    from spi_pipeline.storage.store import Store

    release = Store(Settings().store).releases.get(name)
    with TemporaryDirectory() as folder:
        differences = recompute(release, Path(folder) / "store")
    other = other_program(release, program())
    if as_json:
        rows = [{"table": one.table, "differs": one.difference} for one in differences]
        out.print_json(
            json.dumps({"release": release.id, "equal": not differences, "differences": rows, "other": other})
        )
    else:
        for one in differences:
            out.print(f"{one.table}: {one.difference}", soft_wrap=True)
        for difference in other:
            out.print(f"computed by {difference}", soft_wrap=True)
        if not differences:
            out.print(f"Release {release.id} was reproduced: every figure of {len(release.tables)} tables is the same.")
    if differences:
        raise typer.Exit(FAILED)


def _refuse_little_memory() -> None:
    """Check that this process may use as much address space as a run needs.

    Raises:
        SpiError: if a limit forbids it.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < ADDRESS_SPACE:
        raise SpiError(
            f"a run needs {ADDRESS_SPACE / 1e6:,.0f} MB of address space, and this process may use "
            f"{allowed / 1e6:,.0f} MB (ulimit -v): raise this limit; to limit the memory it really uses, limit its "
            "service or container"
        )


def check(as_json: Json = False) -> None:
    """Evaluate every rule on every current table and verify every stored byte; computes and writes nothing."""
    from spi_pipeline.cli.terminal import show_checks
    from spi_pipeline.orchestration.watching.damage import damage_of
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.run.plan import build_plan, is_table
    from spi_pipeline.run.records import check_row
    from spi_pipeline.run.runner import Runner

    settings = Settings()
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    damage = damage_of(runner, deep=True)
    if damage:
        raise SpiError("\n".join(damage))
    steps = build_plan(contracts)
    tables = [name for step in steps for name in step.outputs if is_table(name)]
    missing = [name for name in tables if runner.store.current(name) is None]
    if missing:
        have = "has" if len(missing) == 1 else "have"
        raise SpiError(
            f"{counted(len(missing), 'table')} {have} not been computed yet ({', '.join(missing[:5])}); run spi refresh"
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
        bool, typer.Option("--prometheus", help="Print metrics in the text format of Prometheus.")
    ] = False,
) -> None:
    """Report what is published, what is stale, how the last runs ended and whether all is well."""
    from spi_pipeline.cli.metrics import UNREADABLE, exposition
    from spi_pipeline.cli.terminal import show_status
    from spi_pipeline.orchestration.watching.status import status_of

    try:
        state = status_of(Settings())
    except SpiError:
        if prometheus:  # a reader of metrics alone must see that something is wrong
            typer.echo(UNREADABLE, nl=False)
        raise
    if prometheus:
        typer.echo(exposition(state), nl=False)
    elif as_json:
        out.print_json(json.dumps(state, default=str))
    else:
        show_status(state, out)
    if not state["healthy"]:
        raise typer.Exit(FAILED)
