"""Telling people what fails: ``spi alerts``. What there is to tell, and to whom, is found in ``orchestration``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from spi_pipeline.cli.console import FAILED, Json, err, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts

app = typer.Typer(help="Telling people what fails; see docs/alerts.md.", no_args_is_help=True)
NO_CHANNEL = "no alert channel is set up: set SPI_ALERT_URLS or SPI_ALERT_CHANNELS; see docs/alerts.md"


@app.command("send")
def alerts_send() -> None:
    """Look at checks, runs, sources and ticks once, and send what is due; silent when that went well, for cron."""
    from spi_pipeline.orchestration.watching.alerting import alert_channels

    settings = Settings()
    contracts = complete_contracts(settings)
    if not alert_channels(settings, contracts):
        raise SpiError(NO_CHANNEL)
    if not tell(settings, contracts):
        raise typer.Exit(FAILED)


@app.command("test")
def alerts_test(as_json: Json = False) -> None:
    """Send one message to each channel and say which accepted it."""
    from spi_pipeline.orchestration.watching.alerting import try_channels

    settings = Settings()
    said = try_channels(settings, complete_contracts(settings))
    if not said:
        raise SpiError(NO_CHANNEL)
    if as_json:
        rows = [{"channel": name, "accepted": not refusal, "reason": refusal} for name, refusal in said.items()]
        out.print_json(json.dumps(rows))
    else:
        for name, refusal in said.items():
            out.print(f"{name}: {f'refused, {refusal}' if refusal else 'accepted'}", soft_wrap=True)
    if any(said.values()):
        raise typer.Exit(FAILED)


def tell(settings: Settings, contracts: Contracts) -> bool:
    """Tell who wants to know what fails; that it cannot be told changes nothing in what was done."""
    from spi_pipeline.orchestration.watching.alerting import look

    try:
        refusals = look(settings, contracts)
    except SpiError as error:
        refusals = {"": str(error)}
    for name, reason in refusals.items():
        about = f"channel {name} did not accept a message, it is kept and tried again: " if name else ""
        err.print(f"alerts: {about}{reason}", style="yellow", soft_wrap=True)
    return not refusals
