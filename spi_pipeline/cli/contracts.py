"""The contracts under ``data_contracts/``: reading them for a command, and ``spi contracts``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spi_pipeline.cli.console import out
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts
    from spi_pipeline.storage.store import Shown

app = typer.Typer(help="The contracts under data_contracts/.", no_args_is_help=True)


def complete_contracts(settings: Settings, folder: Path | None = None) -> Contracts:
    """The contracts in a folder, else those in force; none missing that a table of the plan is written under."""
    from spi_pipeline.contracts.loader import load_contracts
    from spi_pipeline.run.plan import build_plan

    contracts = load_contracts(folder or settings.root)
    build_plan(contracts)  # which misses those of tables it writes
    return contracts


def shown_and_contracts(settings: Settings, release: str = "") -> tuple[Shown, Contracts]:
    """What an output for the public is made from, and the contracts that it was published under.

    Args:
        settings: where and how.
        release: the id of a release; empty for what the public is to see now.

    Raises:
        UnknownNameError: where there is no such release.
        SpiError: as ``Store.shown``.
    """
    from spi_pipeline.storage.store import Store

    contracts = complete_contracts(settings)
    shown = Store(settings.store).shown(release, signed=contracts.publication.sign_off)
    return shown, complete_contracts(settings, shown.contracts) if shown.contracts else contracts


@app.command("lint")
def lint(
    against: Annotated[
        str | None,
        typer.Option(metavar="GIT-REF", help="Refuse changes since then that the version of a contract does not tell."),
    ] = None,
) -> None:
    """Read every contract and name every fault with file and line; the routes of alerts are read with them."""
    from spi_pipeline.contracts.lint.against import compare

    settings = Settings()
    if against is not None and not against.strip():
        raise typer.BadParameter("--against names no revision: give a commit, tag or branch")
    contracts = complete_contracts(settings)
    if settings.alert_channels:
        from spi_pipeline.orchestration.watching.alerting import alert_channels

        alert_channels(settings, contracts)  # which refuses a route by a word that no contract knows
    found = compare(settings.contracts, against) if against else None
    out.print(
        f"{len(contracts.sources)} sources, {len(contracts.products)} products, {len(contracts.indicators)} indicators "
        f"in {len(contracts.framework.components)} components: no fault."
    )
    if found:
        raised = ", ".join(f"{Path(name).stem} {was} to {now}" for name, (was, now) in found.raised.items())
        out.print(f"{found.contracts} contracts compared with {against}; versions raised: {raised or 'none'}.")


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write a file for each table.")],
    to: Annotated[Literal["great-expectations"], typer.Option(help="The program that is to read them.")],
) -> None:
    """Write the rules of every table for another program."""
    from spi_pipeline.rules.export import suite, write_suites

    contracts = complete_contracts(Settings())
    tables = [*contracts.sources.values(), *contracts.products.values()]
    suites = [suite(each.id, each.rules, {column.name: column.type for column in each.columns}) for each in tables]
    write_suites(suites, folder)
    written = sum(len(each["expectations"]) for each in suites)
    out.print(f"{len(suites)} suites with {written:,} expectations in {folder}; each lists the rules it lacks.")
