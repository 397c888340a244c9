"""From a published score, change or interval down to what it rests on: ``spi explain``."""

import json
from typing import Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.settings import Settings


def explain(
    ward: Annotated[str, typer.Argument(metavar="WARD", help="Name or code of a ward or authority.")],
    element: Annotated[str, typer.Argument(metavar="ID", help="Indicator, component, dimension or index.")],
    change: Annotated[bool, typer.Option("--change", help="Follow how far it moved, from edition to edition.")] = False,
    interval: Annotated[bool, typer.Option("--interval", help="Say how sure it is, and on what that rests.")] = False,
    profile: Annotated[str, typer.Option(help="Profile of the framework.")] = "spi",
    edition: Annotated[
        int | None, typer.Option(help="Calendar year; the newest when left out. Of a change the later one.")
    ] = None,
    edition_from: Annotated[
        int | None,
        typer.Option(
            "--from", help="With --change: the earlier year. Of published changes that fit, the longest is told."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Follow a score, its change or its interval down to what it rests on, and say why a figure is missing."""
    from dataclasses import asdict

    from spi_pipeline.cli.explain.show import show_change, show_interval, show_score
    from spi_pipeline.outputs.explain.change import ChangeExplanation, explain_change
    from spi_pipeline.outputs.explain.interval import IntervalExplanation, explain_interval
    from spi_pipeline.outputs.explain.question import asking
    from spi_pipeline.outputs.explain.score import Explanation
    from spi_pipeline.outputs.explain.score import explain as explain_score
    from spi_pipeline.outputs.queries import refuse_other_contracts
    from spi_pipeline.storage.store import Store

    if change and interval:
        raise typer.BadParameter("--change and --interval are two questions; ask one of them")
    if edition_from is not None and not change:
        raise typer.BadParameter("--from is the earlier edition of a change; give --change too")
    settings = Settings()
    contracts = complete_contracts(settings)
    database = Store(settings.store).database
    refuse_other_contracts(database, contracts.products)
    found: Explanation | ChangeExplanation | IntervalExplanation
    with asking(database, contracts, ward, element, profile) as question:
        contracts = question.contracts
        if change:
            found = explain_change(question, edition_from, edition)
            tree = show_change(found, contracts)
        elif interval:
            found = explain_interval(question, edition)
            tree = show_interval(found)
        else:
            found = explain_score(question, edition)
            tree = show_score(found, contracts)
    if as_json:
        out.print_json(json.dumps(asdict(found), default=str))
    else:
        out.print(tree)
