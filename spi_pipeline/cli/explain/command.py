"""``spi explain``: explains a published score, change or interval down to the data it rests on."""

import json
from typing import Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.settings import Settings


def explain(
    ward: Annotated[str, typer.Argument(metavar="WARD", help="Name or code of a ward or authority.")],
    element: Annotated[str, typer.Argument(metavar="ID", help="Indicator, component, dimension or index.")],
    change: Annotated[bool, typer.Option("--change", help="Explain how far it moved between two editions.")] = False,
    interval: Annotated[bool, typer.Option("--interval", help="Explain how certain it is, and why.")] = False,
    profile: Annotated[str, typer.Option(help="Profile of the framework.")] = "spi",
    edition: Annotated[
        int | None, typer.Option(help="Calendar year; by default the newest. With --change, the later year.")
    ] = None,
    edition_from: Annotated[
        int | None,
        typer.Option(
            "--from", help="With --change, the earlier year; by default that of the longest published change."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain a score, its change or its interval down to the data it rests on, and why a figure is missing."""
    from dataclasses import asdict

    from spi_pipeline.cli.explain.show import show_change, show_interval, show_score
    from spi_pipeline.outputs.explain.change import ChangeExplanation, explain_change
    from spi_pipeline.outputs.explain.interval import IntervalExplanation, explain_interval
    from spi_pipeline.outputs.explain.question import open_question
    from spi_pipeline.outputs.explain.score import Explanation
    from spi_pipeline.outputs.explain.score import explain as explain_score
    from spi_pipeline.outputs.queries import refuse_other_contracts
    from spi_pipeline.storage.store import Store

    if change and interval:
        raise typer.BadParameter("give --change or --interval, not both")
    if edition_from is not None and not change:
        raise typer.BadParameter("--from is the earlier edition of a change; give --change too")
    settings = Settings()
    contracts = complete_contracts(settings)
    database = Store(settings.store).database
    refuse_other_contracts(database, contracts.products)
    explanation: Explanation | ChangeExplanation | IntervalExplanation
    with open_question(database, contracts, ward, element, profile) as question:
        contracts = question.contracts
        if change:
            explanation = explain_change(question, edition_from, edition)
            tree = show_change(explanation, contracts)
        elif interval:
            explanation = explain_interval(question, edition)
            tree = show_interval(explanation)
        else:
            explanation = explain_score(question, edition)
            tree = show_score(explanation, contracts)
    if as_json:
        out.print_json(json.dumps(asdict(explanation), default=str))
    else:
        out.print(tree)
