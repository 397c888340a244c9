"""``spi alerts``: sends alerts of failures. ``orchestration`` finds the failures and the channels."""

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

app = typer.Typer(help="Alerts of failures; see docs/alerts.md.", no_args_is_help=True)
NO_CHANNEL = (
    "no alert channel is set up: set SPI_ALERT_URLS or SPI_ALERT_CHANNELS, for example "
    "SPI_ALERT_URLS='mailtos://user:password@mail.example.org?from=spi@example.org&to=duty@example.org'; see "
    "docs/alerts.md"
)


@app.command("send")
def alerts_send() -> None:
    """Look once at checks, runs, sources and ticks, and send the alerts that are due; prints nothing on success."""
    from spi_pipeline.orchestration.watching.alerting import alert_channels

    settings = Settings()
    contracts = complete_contracts(settings)
    if not alert_channels(settings, contracts):
        raise SpiError(NO_CHANNEL)
    if not send_alerts(settings, contracts):
        raise typer.Exit(FAILED)


@app.command("test")
def alerts_test(as_json: Json = False) -> None:
    """Send one message to each channel and report which accepted it."""
    from spi_pipeline.orchestration.watching.alerting import try_channels

    settings = Settings()
    refusals = try_channels(settings, complete_contracts(settings))
    if not refusals:
        raise SpiError(NO_CHANNEL)
    if as_json:
        rows = [{"channel": name, "accepted": not refusal, "reason": refusal} for name, refusal in refusals.items()]
        out.print_json(json.dumps(rows))
    else:
        for name, refusal in refusals.items():
            out.print(f"{name}: {f'refused, {refusal}' if refusal else 'accepted'}", soft_wrap=True)
    if any(refusals.values()):
        raise typer.Exit(FAILED)


def send_alerts(settings: Settings, contracts: Contracts) -> bool:
    """Send the alerts that are due and print every refusal; a refusal raises no error.

    Returns:
        Whether every channel accepted its messages.
    """
    from spi_pipeline.orchestration.watching.alerting import check_and_alert

    try:
        refusals = check_and_alert(settings, contracts)
    except SpiError as error:
        refusals = {"": str(error)}
    for name, reason in refusals.items():
        context = f"channel {name} did not accept a message, which will be sent again: " if name else ""
        err.print(f"alerts: {context}{reason}", style="yellow", soft_wrap=True)
    return not refusals
