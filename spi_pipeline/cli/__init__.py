"""The ``spi`` command: arguments in, sentences and tables out. What is done lives in the rooms it calls."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from spi_pipeline.contracts.errors import ContractError, SettingError, SpiError
from spi_pipeline.contracts.loader import Contracts, load_contracts
from spi_pipeline.outputs.database import UnknownNameError
from spi_pipeline.settings import Settings

app = typer.Typer(
    help="The pipeline behind a ward-level Social Progress Index.", no_args_is_help=True, add_completion=False
)
contracts_app = typer.Typer(help="The contracts under data_contracts/.", no_args_is_help=True)
alerts_app = typer.Typer(help="Telling people what fails; see docs/alerts.md.", no_args_is_help=True)
snapshot_app = typer.Typer(help="The embedded real figures.", no_args_is_help=True)
app.add_typer(contracts_app, name="contracts")
app.add_typer(snapshot_app, name="snapshot")
app.add_typer(alerts_app, name="alerts")
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Profile = Annotated[str, typer.Option(help="Profile of the framework.")]
Edition = Annotated[int | None, typer.Option(help="Calendar year; the newest when left out.")]
FAILED, BAD_USAGE, STOPPED = 1, 2, 130
# Fewer draws have no 5th and 95th percentile to tell.
LEAST_DRAWS = 20
NOBODY = "nobody is to be told: set SPI_ALERT_URLS or SPI_ALERT_CHANNELS; see docs/alerts.md"
# Where nobody looks at a screen nothing is folded: a sha256 broken over two lines cannot be searched for.
PLAIN_WIDTH = 1000


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"spi_pipeline {version('spi-pipeline')}")
        raise typer.Exit


@app.callback()
def _spi(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


def _contracts(settings: Settings) -> Contracts:
    from spi_pipeline.orchestration.plan import build_plan

    contracts = load_contracts(settings.contracts)
    build_plan(contracts)  # which misses the contracts of tables it writes
    return contracts


@app.command()
def refresh(
    live: Annotated[
        bool, typer.Option("--live", help="Fetch from the publishers instead of the embedded figures.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(help="First month to fetch, YYYY-MM; else what each publisher offers.", metavar="YYYY-MM"),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only this step, indicator/turnout say, or group and what it reads; repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is stale and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Bring every table and the database up to date; only what is stale is computed."""
    from spi_pipeline.cli.terminal import fetching_by_source, progress_by_group, show_refresh
    from spi_pipeline.orchestration.activity import contracts_in_force
    from spi_pipeline.orchestration.plan import build_plan
    from spi_pipeline.orchestration.refresh import refresh as run_refresh
    from spi_pipeline.orchestration.refresh import stale_steps
    from spi_pipeline.orchestration.runner import Runner

    given: dict[str, Any] = ({"mode": "live"} if live else {}) | ({"since": since} if since else {})
    settings = Settings(**given)
    if since and settings.mode != "live":
        raise typer.BadParameter("--since belongs with --live: embedded figures go as far back as they go")
    contracts = contracts_in_force(settings)
    if dry_run:
        stale = stale_steps(build_plan(contracts), Runner(settings, contracts), select or [])
        names = [step.label for step in stale]
        out.print_json(json.dumps({"stale": names})) if as_json else out.print("\n".join(names) or "Nothing is stale.")
        return
    with progress_by_group(err) as progress:
        done = run_refresh(settings, contracts, select or [], progress, fetching_by_source(err))
    show_refresh(done, settings, out, err, as_json=as_json)
    _tell(settings, contracts)
    if done.faults:
        raise typer.Exit(FAILED)


def _tell(settings: Settings, contracts: Contracts) -> bool:
    """Tell who wants to know what fails; that it cannot be told changes nothing in what was done."""
    from spi_pipeline.orchestration.alerting import look

    try:
        refusals = look(settings, contracts)
    except SpiError as error:
        refusals = {"": str(error)}
    for name, reason in refusals.items():
        about = f"channel {name} did not accept a message, it is kept and tried again: " if name else ""
        err.print(f"alerts: {about}{reason}", style="yellow", soft_wrap=True, markup=False)
    return not refusals


@alerts_app.command("send")
def alerts_send() -> None:
    """Look at checks, runs, sources and ticks once, and send what is due; silent when that went well, for cron."""
    from spi_pipeline.orchestration.alerting import alert_channels

    settings = Settings()
    if not alert_channels(settings):
        raise SpiError(NOBODY)
    if not _tell(settings, _contracts(settings)):
        raise typer.Exit(FAILED)


@alerts_app.command("test")
def alerts_test(as_json: Json = False) -> None:
    """Send one message to each channel and say which accepted it."""
    from spi_pipeline.orchestration.alerting import try_channels

    said = try_channels(Settings())
    if not said:
        raise SpiError(NOBODY)
    if as_json:
        rows = [{"channel": name, "accepted": not refusal, "reason": refusal} for name, refusal in said.items()]
        out.print_json(json.dumps(rows))
    else:
        for name, refusal in said.items():
            out.print(f"{name}: {f'refused, {refusal}' if refusal else 'accepted'}", soft_wrap=True, markup=False)
    if any(said.values()):
        raise typer.Exit(FAILED)


@app.command()
def check(as_json: Json = False) -> None:
    """Evaluate every rule on every current table; nothing is computed or written."""
    from spi_pipeline.cli.terminal import show_checks
    from spi_pipeline.orchestration.activity import contracts_in_force
    from spi_pipeline.orchestration.plan import build_plan
    from spi_pipeline.orchestration.records import check_row
    from spi_pipeline.orchestration.runner import Runner

    settings = Settings()
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    steps = [step for step in build_plan(contracts) if step.outputs]
    missing = [name for step in steps for name in step.outputs if runner.store.current(name) is None]
    if missing:
        raise SpiError(f"{len(missing)} tables are not there yet ({', '.join(missing[:5])}); run spi refresh")
    outcomes = runner.check(steps)
    if as_json:
        rows = [{"table": o.table} | check_row(r) for o in outcomes for r in o.results]
        out.print_json(json.dumps(rows))
    else:
        show_checks(outcomes, out)
    if any(result.blocks for outcome in outcomes for result in outcome.results):
        raise typer.Exit(FAILED)


@contracts_app.command("lint")
def lint(
    against: Annotated[
        str | None,
        typer.Option(metavar="GIT-REF", help="Refuse changes since then that the version of a contract does not tell."),
    ] = None,
) -> None:
    """Read every contract and name every fault with file and line."""
    from spi_pipeline.contracts.against import compare

    settings = Settings()
    if against is not None and not against.strip():
        raise typer.BadParameter("--against names no revision: give a commit, tag or branch")
    contracts = _contracts(settings)
    found = compare(settings.contracts, against) if against else None
    out.print(
        f"{len(contracts.sources)} sources, {len(contracts.products)} products, {len(contracts.indicators)} indicators "
        f"in {len(contracts.framework.components)} components: no fault."
    )
    if found:
        raised = ", ".join(f"{Path(name).stem} {was} to {now}" for name, (was, now) in found.raised.items())
        out.print(f"{found.contracts} contracts compared with {against}; versions raised: {raised or 'none'}.")


@contracts_app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write a file for each table.")],
    to: Annotated[Literal["great-expectations"], typer.Option(help="The program that is to read them.")],
) -> None:
    """Write the rules of every table for another program."""
    from spi_pipeline.rules.export import suite, write_suites

    contracts = _contracts(Settings())
    tables = [*contracts.sources.values(), *contracts.products.values()]
    suites = [suite(each.id, each.rules, {column.name: column.type for column in each.columns}) for each in tables]
    write_suites(suites, folder)
    written = sum(len(each["expectations"]) for each in suites)
    out.print(f"{len(suites)} suites with {written:,} expectations in {folder}; each lists the rules it lacks.")


@snapshot_app.command("build")
def snapshot_build(
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of publishers' files; see docs/snapshot-folder.md.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="The day the files were taken, YYYY-MM-DD.")] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Freeze the source tables of the store instead.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Where to write; the embedded snapshot when left out.")] = None,
) -> None:
    """Read publishers' files, or what a store fetched, into our own tables; the same input gives the same bytes."""
    from spi_pipeline.contracts.places import with_known_areas
    from spi_pipeline.rules.evaluation import evaluate
    from spi_pipeline.rules.result import summary
    from spi_pipeline.snapshot.build import import_tables
    from spi_pipeline.snapshot.embedded import write_snapshot
    from spi_pipeline.snapshot.frozen import frozen_on, frozen_tables
    from spi_pipeline.storage.store import Store

    if from_store == (folder is not None):
        raise typer.BadParameter("give either --from FOLDER or --from-store")
    if from_store != (as_of is None):
        raise typer.BadParameter("--as-of belongs with --from FOLDER; a store knows when its figures were taken")
    settings = Settings()
    contracts = _contracts(settings)
    if folder is None:
        if to is None:
            raise typer.BadParameter("--from-store needs --to: the embedded snapshot is not replaced by accident")
        store = Store(settings.store)
        day, found = frozen_on(store), frozen_tables(store, contracts)
    else:
        day, found = _day(as_of or ""), import_tables(folder, contracts)
    tables, faults = {}, []
    for embedded in found:
        tables[embedded.source_id] = embedded
        out.print(f"{embedded.source_id}: {embedded.table.num_rows:,} rows from {len(embedded.inputs)} files")

    def column_of(source_id: str, column: str) -> list[str | None]:
        return tables[source_id].table[column].to_pylist() if source_id in tables else []

    for source_id, embedded in tables.items():
        rules = with_known_areas(
            contracts.sources[source_id].rules, lambda name: contracts.geography.known(name, column_of)
        )
        results = evaluate(embedded.table, rules, table_name=source_id)
        if any(result.blocks for result in results):
            faults.append(summary(results, table_name=source_id))
    if faults:
        raise SpiError("\n".join(faults))
    if absent := sorted(set(contracts.sources) - set(tables)):
        out.print(f"without figures: {', '.join(absent)}")
    target = to or settings.snapshot
    write_snapshot(target, tables, contracts.sources, day)
    size = sum(file.stat().st_size for file in target.iterdir())
    out.print(f"{len(tables)} tables, {size / 1e6:.2f} MB, written to {target}")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {text!r} is no date like 2026-11-23") from error


@snapshot_app.command("info")
def snapshot_info(as_json: Json = False) -> None:
    """List the embedded tables with publisher, period, licence and size."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.snapshot.embedded import read_embedded, snapshot_as_of, snapshot_tables

    settings = Settings()
    contracts = _contracts(settings)
    rows = []
    for source_id in snapshot_tables(settings.snapshot):
        embedded = read_embedded(settings.snapshot, source_id)
        properties = contracts.sources[source_id].properties
        periods = [item.period for item in embedded.inputs]
        period = periods[0] if len(set(periods)) == 1 else f"{periods[0]} to {periods[-1]}"
        rows.append({"table": source_id, "rows": embedded.table.num_rows, "files": len(embedded.inputs),
                     "period": period, "publisher": properties.publisher, "licence": properties.licence})  # fmt: skip
    as_of = snapshot_as_of(settings.snapshot).isoformat()
    if as_json:
        out.print_json(json.dumps({"as_of": as_of, "tables": rows}))
    else:
        show_table(rows, out, title=f"Embedded figures, taken on {as_of}")


@app.command()
def status(as_json: Json = False) -> None:
    """Say what is published, what is stale, how the last runs ended and whether all is well."""
    from spi_pipeline.cli.terminal import show_status
    from spi_pipeline.orchestration.status import status_of

    found = status_of(Settings())
    if as_json:
        out.print_json(json.dumps(found, default=str))
    else:
        show_status(found, out)
    if not found["healthy"]:
        raise typer.Exit(FAILED)


@app.command()
def explain(
    ward: Annotated[str, typer.Argument(metavar="WARD", help="Name or code of a ward or authority.")],
    element: Annotated[str, typer.Argument(metavar="ID", help="Indicator, component, dimension or index.")],
    profile: Profile = "spi",
    edition: Edition = None,
    as_json: Json = False,
) -> None:
    """Follow a published score down to the publisher's bytes it rests on."""
    from dataclasses import asdict

    from spi_pipeline.cli.terminal import show_explanation
    from spi_pipeline.outputs.database import refuse_other_contracts
    from spi_pipeline.outputs.explain import explain as explain_score
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts = _contracts(settings)
    refuse_other_contracts(Store(settings.store).database, contracts.products)
    found = explain_score(Store(settings.store).database, contracts.titles, ward, element, profile, edition)
    if as_json:
        out.print_json(json.dumps(asdict(found), default=str))
    else:
        show_explanation(found, contracts, out)


@app.command()
def score(
    framework: Annotated[
        Path | None, typer.Argument(metavar="FRAMEWORK.yaml", help="What the index is made of.")
    ] = None,
    values: Annotated[Path | None, typer.Argument(metavar="VALUES.csv|parquet", help="One row a value.")] = None,
    profile: Annotated[str | None, typer.Option(help="Use this profile in place of the framework's.")] = None,
    to: Annotated[Path | None, typer.Option("--out", help="Write the scores here, as .csv or .parquet.")] = None,
    draws: Annotated[int, typer.Option(help="Recalculations behind the rank intervals; 0 for none.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws: the same seed, the same figures.")] = 0,
    sobol: Annotated[int, typer.Option(help="Draws for the shares of each source of doubt; 0 for none.")] = 0,
    details: Annotated[Path | None, typer.Option(help="Write every table of the analysis into this folder.")] = None,
    explain_: Annotated[bool, typer.Option("--explain", help="Say in words how the index is computed; stop.")] = False,
    as_json: Json = False,
) -> None:
    """Compute any index of any depth from a framework and values; docs/score.md says what both may hold."""
    from spi_pipeline.cli.score.command import explain_files, score_files
    from spi_pipeline.cli.score.write import check_target, csv_bytes, write_details, write_table

    if explain_:
        print(explain_files(framework, profile))
        return
    for name, number in (("--draws", draws), ("--sobol", sobol)):
        if number and number < LEAST_DRAWS:
            raise typer.BadParameter(f"{name} {number} is too few to tell an interval by: give {LEAST_DRAWS} or more")
    if framework is None or values is None:
        raise typer.BadParameter("give two files: FRAMEWORK.yaml and VALUES.csv or VALUES.parquet")
    if to is not None:
        check_target(to)
    outcome = score_files(framework, values, profile, draws, seed, sobol)
    if details is not None:
        write_details(outcome, details)
    if to is not None:
        write_table(outcome.table, to)
    for note in outcome.scores.notes:
        err.print(note, soft_wrap=True, markup=False)
    if as_json:
        print(json.dumps(outcome.summary(), indent=2))
    elif to is None:
        sys.stdout.buffer.write(csv_bytes(outcome.table))
    else:
        print(f"{outcome.title}: {len(outcome.table):,} scores written to {to}")


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 3000) -> None:
    """Start the Dagster UI on this store's instance, reachable from this machine only."""
    from spi_pipeline.orchestration.instance import close_abandoned_runs, open_instance, prepare_home
    from spi_pipeline.storage.store import Store

    settings = Settings()
    _contracts(settings)
    store = Store(settings.store)
    home = prepare_home(store.dagster_home)
    _refuse_taken(port)
    with open_instance(store.dagster_home) as instance:
        close_abandoned_runs(instance, store)
    # A file of the folder it is started in must not pass for a module of the same name.
    environment = os.environ | {"DAGSTER_HOME": str(home), "SPI_STORE": str(store.root), "PYTHONSAFEPATH": "1"}
    out.print(f"Dagster on http://127.0.0.1:{port} for the store {store.root}; stop it with Ctrl-C.", soft_wrap=True)
    sys.stdout.flush()
    # `dagster dev` recommends another tool at each start, which does not come with it.
    python = [sys.executable, "-W", "ignore::FutureWarning"]
    arguments = ["-m", "dagster", "dev", "-m", "spi_pipeline.definitions", "-d", str(home)]
    # A background job inherits an ignored SIGINT, and Dagster then hears neither that nor SIGTERM.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.execve(sys.executable, [*python, *arguments, "-h", "127.0.0.1", "-p", str(port)], environment)


def _refuse_taken(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise SpiError(f"port {port} cannot be used ({error.strerror}); give another one with --port") from error


def main() -> None:
    """Run the command; every expected failure is one sentence on stderr.

    Exit codes: 0 done, 1 a check or step failed, 2 bad usage or a bad contract, 130 stopped by Ctrl-C.
    """
    for console in (out, err):
        if not console.is_terminal:
            console.width = PLAIN_WIDTH
    try:
        app()
    except SystemExit as left:
        if left.code == STOPPED:
            _leave(STOPPED, "stopped; what was done is kept, run the command again to go on")
        raise
    except ContractError as error:
        count = len(error.faults)
        _leave(
            BAD_USAGE, *map(str, error.faults), f"{count} fault{'s' * (count > 1)} in {error.where}; nothing was done."
        )
    except ValidationError as error:  # of the settings: nothing else is validated unguarded
        _leave(BAD_USAGE, *(_setting(e["loc"][0], e["input"], e["msg"]) for e in error.errors()))
    except (SettingError, UnknownNameError) as error:
        _leave(BAD_USAGE, str(error))
    except SpiError as error:
        _leave(FAILED, str(error))
    except Exception as error:
        with NamedTemporaryFile("w", prefix="spi-", suffix=".log", delete=False, encoding="utf-8") as trace:
            traceback.print_exception(error, file=trace)
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        _leave(FAILED, f"spi broke in our own code ({said}); report it with the trace in {trace.name}")


def _setting(name: object, given: object, fault: str) -> str:
    return f"SPI_{str(name).upper()}={given!r}: {fault.removeprefix('Value error, ')}"


def _leave(code: int, *sentences: str) -> NoReturn:
    for sentence in sentences:
        err.print(sentence, style="red", soft_wrap=True, markup=False)
    sys.exit(code)
