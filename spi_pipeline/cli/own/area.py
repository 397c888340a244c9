"""``spi area``: a council's own areas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.cli.own import own_folder
from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from spi_pipeline.contracts.models.own_areas import OwnArea
    from spi_pipeline.geography.own_areas import Placed, PlacementData

_SCORES = """
    SELECT area_name, edition, level, id, score, score_low, score_high, place, place_low, place_high, among,
        ward_median, verdict
    FROM own_area_score JOIN own_area USING (own_area)
    WHERE own_area = ? AND profile = ? AND level <> 'indicator' AND edition = (SELECT max(edition) FROM edition)
    ORDER BY ALL
"""
app = typer.Typer(help="The council's own areas, such as that of a neighbourhood board.", no_args_is_help=True)


@app.command("add")
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="GeoJSON, or a CSV of postcodes or of OA, LSOA or ward codes.")
    ],
    name: Annotated[
        str, typer.Option(help="Name of the area; by default the one in the file, or that of the file.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Add the areas that a file draws; spi refresh then computes them alongside the wards."""
    from spi_pipeline.geography.own_areas import place
    from spi_pipeline.publishers.own.drawn import read_drawn
    from spi_pipeline.storage.atomic import os_errors, write_bytes

    settings = Settings()
    own = own_folder(settings, "the area")
    contracts = complete_contracts(settings)
    drawn = read_drawn(file, name)
    if taken := [one.id for one in drawn if one.id in contracts.own_areas]:
        raise SpiError(f"area {taken[0]} exists already; remove it with spi area remove {taken[0]}, or give --name")
    ground = placement_data(settings)
    every = {one.id: place(one, ground) for one in (*contracts.own_areas.values(), *drawn)}
    with os_errors(f"{own / 'areas'} could not be written"):
        (own / "areas").mkdir(exist_ok=True)
    for one in drawn:
        write_bytes(own / "areas" / f"{one.id}.yaml", text_of(one).encode())
    details = [_details(every[one.id], every, ground) for one in drawn]
    if as_json:
        out.print_json(json.dumps(details))
        return
    for area in details:
        out.print(_describe(area), soft_wrap=True)
    out.print("spi refresh computes its scores." if len(details) == 1 else "spi refresh computes their scores.")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the areas, with their residents and the wards they lie in."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.geography.own_areas import place

    settings = Settings()
    contracts = complete_contracts(settings)
    if not contracts.own_areas:
        out.print_json("[]") if as_json else out.print("There are no areas; add one with spi area add FILE.")
        return
    ground = placement_data(settings)
    every = {name: place(area, ground) for name, area in sorted(contracts.own_areas.items())}
    details = [_details(one, every, ground) for one in every.values()]
    if as_json:
        out.print_json(json.dumps(details))
        return
    rows = [
        {
            "id": one["id"], "name": one["name"], "drawn by": one["drawn_by"], "residents": f"{one['residents']:,.0f}",
            "wards": ", ".join(each["name"] for each in one["wards"]),
        }
        for one in details
    ]  # fmt: skip
    show_table(rows, out, title=counted(len(rows), "area"))


@app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="ID", help="Id of the area.")], as_json: Json = False) -> None:
    """Show an area's scores, how certain they are, and where it would stand among the wards."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.outputs.queries import reading, refuse_other_contracts
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts = complete_contracts(settings)
    database, profile = Store(settings.store).database, next(iter(contracts.framework.profiles))
    refuse_other_contracts(database, contracts.products)
    with reading(database) as connection:
        scores = connection.execute(_SCORES, [name, profile]).df()
    if scores.empty:
        available = ", ".join(sorted(contracts.own_areas))
        raise UnknownNameError(
            f"no scores of an area {name!r} are published; the areas are {available or 'none'}, and spi refresh "
            "computes their scores"
        )
    if as_json:
        out.print_json(scores.to_json(orient="records"))
        return
    order = {each: place for place, each in enumerate(contracts.titles)}
    rows = [
        {
            "of": contracts.titles[row["id"]], "score": f"{row['score']:.1f}",
            "likely": f"{row['score_low']:.1f} to {row['score_high']:.1f}",
            "would stand": f"{row['place']} of {row['among']}",
            "likely place": f"{row['place_low']} to {row['place_high']}", "compared with the wards": row["verdict"],
        }
        for row in sorted(scores.to_dict("records"), key=lambda row: order[row["id"]])
    ]  # fmt: skip
    show_table(rows, out, title=f"{scores['area_name'][0]}, {scores['edition'][0]}, profile {profile}")


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(metavar="ID", help="Id of the area.")]) -> None:
    """Remove an area; the next refresh removes its figures."""
    from spi_pipeline.storage.atomic import os_errors

    settings = Settings()
    contracts = complete_contracts(settings)
    if name not in contracts.own_areas:
        available = ", ".join(sorted(contracts.own_areas))
        raise UnknownNameError(f"there is no area {name!r}; the areas are {available or 'none'}")
    path = settings.root / f"areas/{name}.yaml"
    with os_errors(f"{path} could not be removed"):
        path.unlink()
    out.print(f"removed {path}; spi refresh removes its figures.")


def text_of(area: OwnArea) -> str:
    """The YAML text of an area, in the form a person would write."""
    drawn = area.model_dump(exclude_none=True)
    lines = [f"# {area.title}, as spi area add read it.", "", f"id: {area.id}", f"title: {_word(area.title)}"]
    if area.outline is not None:
        lines.append(f"outline: {area.outline}")
    else:
        lines.append(f"{area.drawn_by}:")
        lines += [f"  - {entry}" for entry in drawn[area.drawn_by]]
    return "\n".join(lines) + "\n"


def _word(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def placement_data(settings: Settings) -> PlacementData:
    """The data that areas are placed with: tables of the store, or else embedded ones, so that no refresh is needed."""
    from spi_pipeline.run.activity import contracts_in_force
    from spi_pipeline.steps.geography import geography_steps
    from spi_pipeline.steps.inputs import Inputs
    from spi_pipeline.steps.own_areas import PLACEMENT_TABLES, placement_data
    from spi_pipeline.steps.step import compute, empty
    from spi_pipeline.storage.store import Store

    contracts, store = contracts_in_force(settings), Store(settings.store)
    figures, allocation = settings.figures(contracts.geography), geography_steps()[0]

    def table(name: str) -> pa.Table:
        if store.current(name):
            return store.read(name)
        held = contracts.geography.holding(name) and name in figures.names
        return figures.read(name).table if held else empty(contracts.sources[name], "it is not available")

    tables = {
        name: table(name)
        for name in dict.fromkeys((*allocation.inputs, *PLACEMENT_TABLES))
        if name in contracts.sources
    }
    tables |= compute(allocation, contracts, Inputs(tables, dict.fromkeys(tables, ""), {}))
    return placement_data(Inputs(tables, dict.fromkeys(tables, ""), {}), contracts)


def _details(placed: Placed, every: dict[str, Placed], ground: PlacementData) -> dict[str, Any]:
    from spi_pipeline.geography.own_areas import overlaps, own_area_row

    row, shared = own_area_row(placed, ground), overlaps(placed, every, ground)
    sides = shared[["other", "other_name", "shared", "other_less_area"]].rename(columns={"other_name": "name"})
    wards, others = (sides[shared["kind"] == kind].to_dict("records") for kind in ("ward", "own_area"))
    thin = shared[shared["thin"]]
    return {
        "id": row["own_area"], "name": row["area_name"], "drawn_by": row["drawn_by"],
        "residents": row["residents"], "households": row["households"], "wards": wards, "areas": others,
        "thin": thin[["kind", "other_name", "area_less_other", "other_less_area"]].to_dict("records"),
    }  # fmt: skip


def _describe(details: dict[str, Any]) -> str:
    """Describe a placed area in sentences."""
    wards = ", ".join(
        f"{ward['shared']:,.0f} in {ward['name']}" + (" (all of it)" if ward["other_less_area"] < 1 else "")
        for ward in details["wards"]
    )
    sentences = [f"{details['name']} ({details['id']}): {details['residents']:,.0f} residents, {wards}."]
    sentences += [f"It shares {one['shared']:,.0f} residents with {one['name']}." for one in details["areas"]]
    for one in details["thin"]:
        remaining = max(one["area_less_other"] if one["other_less_area"] < 1 else one["other_less_area"], 0)
        sentences.append(
            f"It differs from {one['other_name']} by {remaining:,.0f} residents only: figures whose source sets a "
            "minimum are withheld if they would describe so few."
        )
    return " ".join(sentences)
