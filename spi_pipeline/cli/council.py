"""``spi council``: makes a folder for any council of England from its name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_pipeline.cli.console import Json, out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spi_pipeline.contracts.models.geography import Geography
    from spi_pipeline.contracts.models.tables import Source


def council(
    name: Annotated[str, typer.Argument(help="Name of the council, part of the name, or its code.")] = "",
    to: Annotated[Path | None, typer.Option(help="Folder to make; by default named after the council.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List every council, and make nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make a council's folder, from which spi refresh computes the index of its wards."""
    from spi_pipeline.cli.terminal import show_table
    from spi_pipeline.snapshot.council import councils

    settings = Settings()
    if listed == bool(name):
        raise typer.BadParameter("give either NAME or --list")
    known = councils(settings.england)
    if listed:
        if as_json:
            out.print_json(json.dumps(known))
        else:
            show_table(known, out, title=f"{len(known)} councils of England")
        return
    contracts = complete_contracts(Settings(council=None, contracts=settings.contracts))
    folder, geography = make_council(name, to, settings, contracts.sources)
    [authority] = geography.authorities
    missing = sum(len(part.sources) for part in authority.without)
    if as_json:
        out.print_json(json.dumps({"folder": str(folder), **geography.model_dump()}))
        return
    out.print(
        f"{authority.name} ({authority.code}): {counted(len(geography.wards), 'ward')}, "
        f"{authority.small_areas['lsoa21']:,} small areas; {missing} sources have no figures for it, see "
        f"{folder / 'geography.yaml'}.\n\nexport SPI_COUNCIL={folder}\nspi refresh",
        soft_wrap=True,
    )
    if authority.code in contracts.geography.authority_codes:
        out.print(
            f"\nWithout SPI_COUNCIL, spi refresh computes {authority.name} too, from its own figures, which are placed "
            "better than those of all England.",
            soft_wrap=True,
        )


def default_folder(name: str, settings: Settings) -> tuple[Path, str]:
    """The default folder for a council or for England, and the area's code.

    Raises:
        UnknownNameError: if the name matches no council, or more than one.
    """
    from spi_pipeline.snapshot.council import WHOLE_OF_ENGLAND, council_code, councils

    known = councils(settings.england)
    code = WHOLE_OF_ENGLAND["area_code"] if name.strip().casefold() == "england" else council_code(name, known)
    title = next(row["area_name"] for row in (*known, WHOLE_OF_ENGLAND) if row["area_code"] == code)
    return Path(re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")), code


def make_council(
    name: str, to: Path | None, settings: Settings, sources: Mapping[str, Source]
) -> tuple[Path, Geography]:
    """Make the folder of a council, or of England as a whole.

    Raises:
        SpiError: if the folder exists and is not empty, or cannot be written.
        UnknownNameError: as for ``default_folder``.
    """
    from spi_pipeline.snapshot.council import council_geography, geography_file
    from spi_pipeline.storage.atomic import os_errors, write_bytes

    usual, code = default_folder(name, settings)
    folder = to or usual
    geography = council_geography(code, settings.england, sources)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpiError(f"{folder} exists and is not empty: name another folder with --to, or remove it")
    with os_errors(f"{folder} could not be written"):
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / "geography.yaml", geography_file(geography).encode())
    return folder, geography
