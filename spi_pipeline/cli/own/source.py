"""A council's own tables: ``spi source``."""

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
    component: Annotated[str, typer.Option(help="The component of the framework that the indicator joins.")],
    name: Annotated[str, typer.Option(help="The name of source and indicator; that of the file when left out.")] = "",
    value: Annotated[str, typer.Option(metavar="COLUMN", help="The column of figures, where there are several.")] = "",
    of: Annotated[str, typer.Option(metavar="COLUMN", help="The column of the whole that they are a part of.")] = "",
    rows: Annotated[bool, typer.Option("--rows", help="Each row is one thing to be counted.")] = False,
    sheet: Annotated[str, typer.Option(help="The sheet of a workbook, where several hold tables.")] = "",
    owner: Annotated[str, typer.Option(help="The team that answers for the figures.")] = "",
    licence: Annotated[str, typer.Option(help="A licence of vocabulary.yaml.")] = "",
    minimum_count: Annotated[int | None, typer.Option(min=1, help="A smaller count is suppressed.")] = None,
    expires: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The last day the figures are of use.")] = "",
    concept: Annotated[str, typer.Option(help="What they are about: an outcome of vocabulary.yaml.")] = "",
    period: Annotated[str, typer.Option(metavar="DAY/DAY", help="First and last day, YYYY-MM-DD/YYYY-MM-DD.")] = "",
) -> None:
    """Draft contract, indicator and fixture of a table; what is not told stays a blank for a person to fill."""
    from spi_pipeline.publishers.own.drafting import draft
    from spi_pipeline.publishers.own.looking import Asked, look_at
    from spi_pipeline.publishers.own.placing import NEEDS
    from spi_pipeline.storage.store import Store

    settings = Settings()
    own = own_folder(settings, "a draft")
    _check_days(expires, period)
    contracts = complete_contracts(settings)
    known = _places(settings, contracts, list(NEEDS))
    first, _, last = period.partition("/")
    asked = Asked(
        name=name or re.sub(r"[^a-z0-9]+", "_", file.stem.casefold()).strip("_"),
        component=component, value=value, of=of, rows=rows, sheet=sheet, owner=owner, licence=licence,
        minimum_count=minimum_count, expires=expires, concept=concept, period=(first, last) if period else None,
    )  # fmt: skip
    seen = look_at(file, asked, known)
    written = draft(seen, asked, contracts, known)
    _write(own, settings.root, written, asked.component)
    what = f"the figures of {seen.figure!r} are read" if seen.figure else "each row is counted as one"
    where = "; ".join(filter(None, [
        f"{seen.table.called}: {len(seen.table.rows):,} rows below the names, placed by {seen.table.kind}; {what}",
        f"{seen.elsewhere:,} rows have no place in our wards" if seen.elsewhere else "",
    ]))  # fmt: skip
    out.print(where)
    for path in written:
        out.print(f"drafted {own / path}")
    out.print(
        "Fill what spi contracts lint calls blank, and state active in place of draft. Then spi source try "
        f"{asked.name} reads the fixture. Lay {file.name} into {Store(settings.store).inbox_of(asked.name)}, and spi "
        "refresh reads it.",
    )


@app.command("try")
def try_(
    name: Annotated[str, typer.Argument(metavar="SOURCE", help="A source of the council's own.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A file; the fixture when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Read a file as the contract of its source says, and judge the table; writes nothing."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.contracts.models.places import with_known_areas
    from spi_pipeline.publishers.own.reading import read_own
    from spi_pipeline.rules.evaluation import evaluate
    from spi_pipeline.steps.step import typed

    settings = Settings()
    contracts = complete_contracts(settings)
    source = contracts.sources.get(name)
    if source is None or source.properties.own is None:
        there = ", ".join(one.id for one in contracts.sources.values() if one.properties.own)
        raise UnknownNameError(f"{name!r} is no source of the council's own; there are {there or 'none'}")
    path = file or settings.root / f"fixtures/{name}.csv"
    if not path.is_file():
        raise SpiError(f"there is no file {path}; name one, or restore the fixture")
    found = read_own(path, source, _places(settings, contracts, [source.properties.own.placed_by]))
    table = typed(found.frame, source)

    figures = settings.figures(contracts.geography)

    def column_of(other: str, column: str) -> list[str | None]:
        codes: list[str | None] = figures.read(other).table[column].to_pylist()
        return codes

    rules = with_known_areas(source.rules, lambda areas: contracts.geography.known(areas, column_of))
    results = evaluate(table, rules, table_name=name)
    told = [f"{one.rule.id}: {one.observed}, promised: {one.expected}" for one in results if one.outcome == "failed"]
    named = {ward.code: ward.name for ward in contracts.geography.wards}
    shown = [{"area": named.get(row["area_code"], row["area_code"]), **row} for row in table.to_pylist()]
    if as_json:
        counts = {"rows": found.rows, "elsewhere": found.elsewhere, "suppressed": found.suppressed}
        out.print_json(json.dumps({"table": shown, **counts, "broken": told}))
    else:
        show_table(shown, out, title=source.title)
        out.print(
            f"{found.rows:,} rows read, {found.elsewhere:,} of them without a place in our wards; {found.suppressed:,} "
            f"figures suppressed for a count below {source.properties.minimum_count}, or beside one.",
        )
        for sentence in told:
            out.print(f"broken: {sentence}")
    if any(one.blocks for one in results):
        raise typer.Exit(FAILED)


def _places(settings: Settings, contracts: Contracts, kinds: list[Placed]) -> Places:
    """Our areas by the embedded tables; empty ones of sources that no authority has."""
    import pandas as pd

    from spi_pipeline.contracts.arrow import arrow_schema
    from spi_pipeline.publishers.own.placing import Places

    figures = settings.figures(contracts.geography)

    def table(name: str) -> pd.DataFrame:
        held = contracts.geography.holding(name)
        empty = arrow_schema(contracts.sources[name]).empty_table()
        frame: pd.DataFrame = (figures.read(name).table if held else empty).to_pandas()
        return frame

    return Places.of(contracts.geography, kinds, table)


def _check_days(expires: str, period: str) -> None:
    from spi_pipeline.contracts.models.vocabulary import is_day

    first, mark, last = period.partition("/")
    if period and (not mark or first > last):
        raise typer.BadParameter("--period is a first day and a last, with a stroke between them")
    for option, days in (("--expires", [expires] if expires else []), ("--period", [first, last] if period else [])):
        for day in days:
            if not is_day(day):
                raise typer.BadParameter(f"{option}: {day!r} is no day like 2026-03-31")


def _indicators(text: str) -> int:
    """How many indicators the text of a component lists, blanks of a draft among them; 0 where it lists none."""
    from spi_pipeline.contracts.reading.documents import BLANK, parse_document

    document = parse_document(text.replace(BLANK, "blank"), "", [])
    return len(document.data.get("indicators", [])) if document else 0


def _write(own: Path, root: Root, written: dict[str, str], component: str) -> None:
    """Write a draft whole or not at all; the file of the component is there already, and is replaced or stood before.

    Raises:
        SpiError: when a file is in the way, or the disk refuses.
    """
    from spi_pipeline.storage.atomic import os_errors, write_bytes

    shared = f"indicators/{component}.yaml"
    for path, text in written.items():
        if path != shared and (root / path).exists():
            raise SpiError(f"{root / path} is there already; take it away, or choose another --name")
        if path == shared:
            before = _indicators((root / path).read_text(encoding="utf-8"))
            if _indicators(text) != before + 1:
                raise SpiError(f"{root / path} does not end with its list of indicators; let it, and add again")
    made: list[Path] = []
    try:
        for path in sorted(written, key=lambda one: one == shared):
            with os_errors(f"{own / path} could not be written"):
                (own / path).parent.mkdir(exist_ok=True)
            write_bytes(own / path, written[path].encode())
            made.append(own / path)
    except SpiError:
        for one in made:
            one.unlink(missing_ok=True)
        raise
