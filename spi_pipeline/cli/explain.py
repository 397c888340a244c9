"""From a published score to the bytes it rests on: ``spi explain``."""

import json
from typing import Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.settings import Settings


def explain(
    ward: Annotated[str, typer.Argument(metavar="WARD", help="Name or code of a ward or authority.")],
    element: Annotated[str, typer.Argument(metavar="ID", help="Indicator, component, dimension or index.")],
    profile: Annotated[str, typer.Option(help="Profile of the framework.")] = "spi",
    edition: Annotated[int | None, typer.Option(help="Calendar year; the newest when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Follow a published score down to the publisher's bytes it rests on."""
    from dataclasses import asdict

    from spi_pipeline.cli.terminal import show_explanation
    from spi_pipeline.outputs.explain import explain as explain_score
    from spi_pipeline.outputs.queries import refuse_other_contracts
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts = complete_contracts(settings)
    database = Store(settings.store).database
    refuse_other_contracts(database, contracts.products)
    found = explain_score(database, contracts.titles, ward, element, profile, edition)
    if as_json:
        out.print_json(json.dumps(asdict(found), default=str))
    else:
        show_explanation(found, contracts, out)
