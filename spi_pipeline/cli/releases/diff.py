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
# So many wards are named whose rank moved further than could be expected, and so many changes that surprise.
SHOWN = 20


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A release: its id, or a folder it was carried in.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another, or what is in the store now.")] = CURRENT,
    profile: Annotated[str, typer.Option(help="Profile of the framework; the first when left out.")] = "",
    edition: Annotated[int | None, typer.Option(help="Calendar year; the newest when left out.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Say of every score how far it moved between two states, and split that into causes that add up to it."""
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
    found = compared(*frozen, *([state_of(runner.reader.frame, contracts)] if after == CURRENT else []))
    if as_json:
        told = {name: json.loads(table.to_json(orient="records")) for name, table in found.items()}
        out.print_json(json.dumps({"before": before, "after": after, **told}))
        return
    for title, table in _sections(found, contracts, profile, edition):
        if markdown:
            out.print(f"## {title}\n\n{framed(table)}\n", soft_wrap=True)
        else:
            show_table(table.to_dict("records"), out, title)
    if not any(map(len, found.values())):
        out.print(f"No score and no indicator differs between {before} and {after}.")


def _sections(
    found: Mapping[str, pd.DataFrame], contracts: Contracts, profile: str, edition: int | None
) -> Iterator[tuple[str, pd.DataFrame]]:
    """What to read first, first: ranks that moved beyond their interval, the index of every ward, what surprises."""
    from spi_pipeline.cli.releases.shown import shown
    from spi_pipeline.scoring.analysis.release_change import PARTS
    from spi_pipeline.steps.analysis.release_change import most_surprising

    elements, changes = found["release_element"], found["release_change"]
    if len(elements):
        yield "Indicators", elements
    chosen = profile or next(iter(contracts.framework.profiles))
    own = changes[changes["profile"] == chosen]
    own = own[own["edition"] == (edition or own["edition"].max())]
    where = f"{own['edition'].iloc[0]}, {chosen}" if len(own) else ""
    beyond, index = own[own["beyond_interval"]], own[own["level"] == "index"]
    columns = ["score_before", "score_after", "change", *PARTS, "rank_before", "rank_after"]
    if len(beyond):
        title = f"Ranks beyond their 90 % interval: {len(beyond)}, {where}"
        yield title, shown(beyond[["area_code", "id", *columns]].head(SHOWN), contracts)
    if len(index):
        largest = index.reindex(index["change"].abs().sort_values(ascending=False).index)
        yield f"The index, {where}", shown(largest[["area_code", *columns]], contracts)
    if len(own):
        yield f"What surprises most, {where}", shown(most_surprising(own, chosen), contracts)
