"""``spi diff``: why scores differ between two releases, or between one and what is published now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from spi_pipeline.contracts.models.contracts import Contracts

CURRENT = "current"
# The most rows of the table of ranks that moved beyond their interval.
SHOWN = 20


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A release: its id, or a folder with a copy.")],
    after: Annotated[
        str, typer.Argument(metavar="B", help="Another release, or current for the store as it is now.")
    ] = CURRENT,
    profile: Annotated[str, typer.Option(help="Profile of the framework; by default the first.")] = "",
    edition: Annotated[int | None, typer.Option(help="Calendar year; by default the newest.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Show how far every score moved between two releases, or since one, split into causes that add up to the move."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.run.reader import released
    from spi_pipeline.run.runner import Runner
    from spi_pipeline.steps.analysis.release_change import compared, state_of, state_of_release
    from spi_pipeline.steps.pages.markdown import framed

    settings = Settings()
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    releases = runner.store.releases
    frozen = [state_of_release(released(releases.get(name)), contracts) for name in (before, after) if name != CURRENT]
    changes = compared(*frozen, *([state_of(runner.reader.frame, contracts)] if after == CURRENT else []))
    if as_json:
        tables = {name: json.loads(table.to_json(orient="records")) for name, table in changes.items()}
        out.print_json(json.dumps({"before": before, "after": after, **tables}))
        return
    for title, table in _sections(changes, contracts, profile, edition):
        if markdown:
            out.print(f"## {title}\n\n{framed(table)}\n", soft_wrap=True)
        else:
            show_table(table.to_dict("records"), out, title)
    if not any(map(len, changes.values())):
        out.print(f"No score and no indicator differs between {before} and {after}.")


def _sections(
    comparison: Mapping[str, pd.DataFrame], contracts: Contracts, profile: str, edition: int | None
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Titled sections: indicators, ranks beyond their interval, the index by ward, the most surprising changes."""
    from spi_pipeline.cli.releases.shown import shown
    from spi_pipeline.scoring.analysis.release_change import PARTS
    from spi_pipeline.steps.analysis.release_change import most_surprising

    elements, changes = comparison["release_element"], comparison["release_change"]
    if len(elements):
        yield "Indicators", elements
    chosen = profile or next(iter(contracts.framework.profiles))
    rows = changes[changes["profile"] == chosen]
    rows = rows[rows["edition"] == (edition or rows["edition"].max())]
    context = f"{rows['edition'].iloc[0]}, {chosen}" if len(rows) else ""
    beyond, index = rows[rows["beyond_interval"]], rows[rows["level"] == "index"]
    columns = ["score_before", "score_after", "change", *PARTS, "rank_before", "rank_after"]
    if len(beyond):
        title = f"Ranks beyond their 90 % interval: {len(beyond)}, {context}"
        yield title, shown(beyond[["area_code", "id", *columns]].head(SHOWN), contracts)
    if len(index):
        largest = index.reindex(index["change"].abs().sort_values(ascending=False).index)
        yield f"The index, {context}", shown(largest[["area_code", *columns]], contracts)
    if len(rows):
        yield f"Most surprising changes, {context}", shown(most_surprising(rows, chosen), contracts)
