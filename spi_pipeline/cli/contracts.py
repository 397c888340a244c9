"""Reads the contracts under ``data_contracts/`` for a command; ``spi contracts``."""

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
    """Read the contracts in a folder, or those in force; every table of the plan has its contract."""
    from spi_pipeline.contracts.loader import load_contracts
    from spi_pipeline.run.plan import build_plan

    contracts = load_contracts(folder or settings.root)
    build_plan(contracts)  # raises if a table that it writes has no contract
    return contracts


def shown_and_contracts(settings: Settings, release: str = "") -> tuple[Shown, Contracts]:
    """The publication that an output for the public is made from, and the contracts it was published under.

    Args:
        settings: the settings of the command.
        release: the id of a release; empty for the publication that the public sees now.

    Raises:
        UnknownNameError: if there is no such release.
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
        typer.Option(metavar="GIT-REF", help="Also refuse changes since this commit that come without a new version."),
    ] = None,
) -> None:
    """Read every contract and the channels of alerts, and list every fault with file and line."""
    from spi_pipeline.contracts.lint.against import compare

    settings = Settings()
    if against is not None and not against.strip():
        raise typer.BadParameter("--against is empty: give a commit, tag or branch")
    contracts = complete_contracts(settings)
    if settings.alert_channels:
        from spi_pipeline.orchestration.watching.alerting import alert_channels

        alert_channels(settings, contracts)  # refuses a route whose pattern matches nothing in the contracts
    comparison = compare(settings.contracts, against) if against else None
    out.print(
        f"{len(contracts.sources)} sources, {len(contracts.products)} products, {len(contracts.indicators)} indicators "
        f"in {len(contracts.framework.components)} components: no fault."
    )
    if comparison:
        raised = ", ".join(f"{Path(name).stem} {was} to {now}" for name, (was, now) in comparison.raised.items())
        out.print(f"{comparison.contracts} contracts compared with {against}; versions raised: {raised or 'none'}.")


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Folder for the files, one for each table.")],
    to: Annotated[Literal["great-expectations"], typer.Option(help="Program that will read the files.")],
) -> None:
    """Write the rules of every table for another program."""
    from spi_pipeline.rules.export import suite, write_suites

    contracts = complete_contracts(Settings())
    tables = [*contracts.sources.values(), *contracts.products.values()]
    suites = [suite(each.id, each.rules, {column.name: column.type for column in each.columns}) for each in tables]
    write_suites(suites, folder)
    written = sum(len(each["expectations"]) for each in suites)
    out.print(
        f"{len(suites)} suites with {written:,} expectations in {folder}; each lists the rules that it cannot express."
    )
