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
    from spi_pipeline.run.release import changes_between
    from spi_pipeline.run.runner import Runner
    from spi_pipeline.steps.pages.markdown import framed

    settings = Settings()
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    releases = runner.store.releases
    found = changes_between(runner, releases.get(before), None if after == CURRENT else releases.get(after))
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
    from spi_pipeline.scoring.analysis.release_change import PARTS
    from spi_pipeline.steps.analysis.release_change import most_surprising

    elements, changes = found["release_element"], found["release_change"]
    if len(elements):
        yield "Indicators", elements
    chosen = profile or next(iter(contracts.framework.profiles))
    own = changes[changes["profile"] == chosen]
    year = edition or (own["edition"].max() if len(own) else None)
    own = own[own["edition"] == year].assign(area=own["area_code"].map(_names(contracts)))
    shown = {part: part.removeprefix("from_") for part in PARTS}
    beyond = own[own["beyond_interval"]]
    if len(beyond):
        columns = ["area", "id", "rank_before", "rank_after", "change", *PARTS]
        title = f"Ranks beyond their 90 % interval, {year}, {chosen}: {len(beyond)}"
        yield title, beyond[columns].head(SHOWN).rename(columns=shown).round(3)
    index = own[own["level"] == "index"]
    if len(index):
        columns = ["area", "score_before", "score_after", "change", *PARTS, "rank_before", "rank_after"]
        largest = index.reindex(index["change"].abs().sort_values(ascending=False).index)
        yield f"The index, {year}, {chosen}", largest[columns].rename(columns=shown).round(3)
    surprising = most_surprising(own, chosen) if len(own) else own
    if len(surprising):
        surprising = surprising.assign(area_code=surprising["area_code"].map(_names(contracts)))
        yield f"What surprises most, {year}, {chosen}", surprising.rename(columns={"area_code": "area"}).round(3)


def _names(contracts: Contracts) -> dict[str, str]:
    geography = contracts.geography
    wards = {ward.code: ward.name for ward in geography.wards}
    return wards | {authority.code: authority.name for authority in geography.authorities}
