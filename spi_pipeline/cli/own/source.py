"""``spi source``: a council's own tables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_pipeline.cli.console import FAILED, Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.cli.own import own_folder
from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.contracts.root import Root
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts
    from spi_pipeline.contracts.models.tables import Placed
    from spi_pipeline.publishers.own.placing import Places

app = typer.Typer(help="A council's own tables.", no_args_is_help=True)


@app.command("add")
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table by ward, LSOA, postcode or point: .xlsx or .csv.")
    ],
    component: Annotated[str, typer.Option(help="Component of the framework that the indicator joins.")],
    name: Annotated[str, typer.Option(help="Name of source and indicator; by default that of the file.")] = "",
    value: Annotated[str, typer.Option(metavar="COLUMN", help="Column of figures, if there are several.")] = "",
    of: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the total that they are a part of.")] = "",
    rows: Annotated[bool, typer.Option("--rows", help="Count each row as one.")] = False,
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook, if several hold tables.")] = "",
    owner: Annotated[str, typer.Option(help="Team responsible for the figures.")] = "",
    licence: Annotated[str, typer.Option(help="A licence of vocabulary.yaml.")] = "",
    minimum_count: Annotated[int | None, typer.Option(min=1, help="Suppress counts below this.")] = None,
    expires: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Last day on which the figures are of use.")] = "",
    concept: Annotated[str, typer.Option(help="Concept that they measure: an outcome of vocabulary.yaml.")] = "",
    period: Annotated[str, typer.Option(metavar="DAY/DAY", help="First and last day, YYYY-MM-DD/YYYY-MM-DD.")] = "",
) -> None:
    """Draft contract, indicator and fixture for a table; options left out become blanks for a person to fill."""
    from spi_pipeline.publishers.own.drafting import draft
    from spi_pipeline.publishers.own.inspecting import DraftOptions, inspect
    from spi_pipeline.publishers.own.placing import NEEDS
    from spi_pipeline.storage.store import Store

    settings = Settings()
    own = own_folder(settings, "the draft")
    _check_days(expires, period)
    contracts = complete_contracts(settings)
    known = _places(settings, contracts, list(NEEDS))
    first, _, last = period.partition("/")
    request = DraftOptions(
        name=name or re.sub(r"[^a-z0-9]+", "_", file.stem.casefold()).strip("_"),
        component=component, value=value, of=of, rows=rows, sheet=sheet, owner=owner, licence=licence,
        minimum_count=minimum_count, expires=expires, concept=concept, period=(first, last) if period else None,
    )  # fmt: skip
    seen = inspect(file, request, known)
    written = draft(seen, request, contracts, known)
    _write(own, settings.root, written, request.component)
    reading = f"the figures of {seen.figure!r} are read" if seen.figure else "each row is counted as one"
    summary = "; ".join(filter(None, [
        f"{seen.table.label}: {len(seen.table.rows):,} rows below the names, placed by {seen.table.kind}; {reading}",
        f"{seen.elsewhere:,} rows have no place in our wards" if seen.elsewhere else "",
    ]))  # fmt: skip
    out.print(summary)
    for path in written:
        out.print(f"drafted {own / path}")
    out.print(
        "Fill the blanks that spi contracts lint lists, and write active in place of draft. Then spi source try "
        f"{request.name} reads the fixture. Place {file.name} in {Store(settings.store).inbox_of(request.name)}, and "
        "spi refresh reads it.",
    )


@app.command("try")
def try_(
    name: Annotated[str, typer.Argument(metavar="SOURCE", help="One of the council's own sources.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="File to read; by default the fixture.")] = None,
    as_json: Json = False,
) -> None:
    """Read a file as the contract of its source describes, and check the table; writes nothing."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.contracts.models.places import with_known_areas
    from spi_pipeline.publishers.own.reading import read_own
    from spi_pipeline.rules.evaluation import evaluate
    from spi_pipeline.steps.step import typed

    settings = Settings()
    contracts = complete_contracts(settings)
    source = contracts.sources.get(name)
    if source is None or source.properties.own is None:
        available = ", ".join(one.id for one in contracts.sources.values() if one.properties.own)
        raise UnknownNameError(f"{name!r} is not one of the council's own sources; these are {available or 'none'}")
    path = file or settings.root / f"fixtures/{name}.csv"
    if not path.is_file():
        raise SpiError(f"there is no file {path}; name one, or restore the fixture")
    read = read_own(path, source, _places(settings, contracts, [source.properties.own.placed_by]))
    table = typed(read.frame, source)

    figures = settings.figures(contracts.geography)

    def column_of(other: str, column: str) -> list[str | None]:
        codes: list[str | None] = figures.read(other).table[column].to_pylist()
        return codes

    rules = with_known_areas(source.rules, lambda areas: contracts.geography.known(areas, column_of))
    results = evaluate(table, rules, table_name=name)
    broken = [f"{one.rule.id}: {one.observed}, promised: {one.expected}" for one in results if one.outcome == "failed"]
    names = {ward.code: ward.name for ward in contracts.geography.wards}
    rows = [{"area": names.get(row["area_code"], row["area_code"]), **row} for row in table.to_pylist()]
    if as_json:
        counts = {"rows": read.rows, "elsewhere": read.elsewhere, "suppressed": read.suppressed}
        out.print_json(json.dumps({"table": rows, **counts, "broken": broken}))
    else:
        show_table(rows, out, title=source.title)
        out.print(
            f"{read.rows:,} rows read, {read.elsewhere:,} of them without a place in our wards; {read.suppressed:,} "
            "figures suppressed, since a count is below "
            f"{source.properties.minimum_count} or would reveal one that is.",
        )
        for sentence in broken:
            out.print(f"broken: {sentence}")
    if any(one.blocks for one in results):
        raise typer.Exit(FAILED)


def _places(settings: Settings, contracts: Contracts, kinds: list[Placed]) -> Places:
    """The areas by the embedded tables; a source that no authority has gives an empty table."""
    import pandas as pd

    from spi_pipeline.contracts.arrow import arrow_schema
    from spi_pipeline.publishers.own.placing import Places

    figures = settings.figures(contracts.geography)

    def table(name: str) -> pd.DataFrame:
        held = contracts.geography.holding(name)
        empty = arrow_schema(contracts.sources[name]).empty_table()
        frame: pd.DataFrame = (figures.read(name).table if held else empty).to_pandas()
        return frame

    return Places.load(contracts.geography, kinds, table)


def _check_days(expires: str, period: str) -> None:
    from spi_pipeline.contracts.models.vocabulary import is_day

    first, mark, last = period.partition("/")
    if period and (not mark or first > last):
        raise typer.BadParameter("--period must be a first and a last day with a slash between them")
    for option, days in (("--expires", [expires] if expires else []), ("--period", [first, last] if period else [])):
        for day in days:
            if not is_day(day):
                raise typer.BadParameter(f"{option}: {day!r} is not a day like 2026-03-31")


def _indicators(text: str) -> int:
    """Count the indicators that the text of a component lists, including a draft's blanks; 0 if it lists none."""
    from spi_pipeline.contracts.reading.documents import BLANK, parse_document

    document = parse_document(text.replace(BLANK, "blank"), "", [])
    return len(document.data.get("indicators", [])) if document else 0


def _write(own: Path, root: Root, written: dict[str, str], component: str) -> None:
    """Write the whole draft, or nothing.

    The component's file exists already: it is replaced, or overridden by a copy in the council's folder.

    Raises:
        SpiError: if another file exists already, or the disk fails.
    """
    from spi_pipeline.storage.atomic import os_errors, write_bytes

    shared = f"indicators/{component}.yaml"
    for path, text in written.items():
        if path != shared and (root / path).exists():
            raise SpiError(f"{root / path} exists already; remove it, or choose another --name")
        if path == shared:
            before = _indicators((root / path).read_text(encoding="utf-8"))
            if _indicators(text) != before + 1:
                raise SpiError(
                    f"{root / path} does not end with its list of indicators; move the list to the end, and add again"
                )
    written_paths: list[Path] = []
    try:
        for path in sorted(written, key=lambda one: one == shared):
            with os_errors(f"{own / path} could not be written"):
                (own / path).parent.mkdir(exist_ok=True)
            write_bytes(own / path, written[path].encode())
            written_paths.append(own / path)
    except SpiError:
        for one in written_paths:
            one.unlink(missing_ok=True)
        raise
