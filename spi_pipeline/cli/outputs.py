"""``spi report`` and ``spi publish``: make outputs for readers from the published tables."""

from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import out, write_atomically
from spi_pipeline.cli.contracts import complete_contracts, shown_and_contracts
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings


def report(file: Annotated[Path, typer.Argument(help="PDF to write.")]) -> None:
    """Write the printable report: one tagged PDF, a summary of the town and two pages on each ward."""
    from spi_pipeline.steps.outputs.readers import require, results_in

    require("report")
    from spi_pipeline.outputs.report.build import report as build_report
    from spi_pipeline.storage.store import Store

    if not file.absolute().parent.is_dir():
        raise SpiError(f"{file} cannot be written: there is no folder {file.parent}; create it first")
    settings = Settings()
    contracts, store = complete_contracts(settings), Store(settings.store)
    content = build_report(results_in(store.database, contracts, store.read))
    write_atomically(content, file)
    out.print(f"{len(content) / 1e6:.1f} MB in {file}")


def publish(
    folder: Annotated[
        Path, typer.Argument(help="Folder to write: new, empty, or that of an older release, which is replaced.")
    ],
    release: Annotated[
        str, typer.Option(metavar="ID", help="Id of a release; by default what the public sees now.")
    ] = "",
) -> None:
    """Write the published tables as open data, with descriptions for programs, for any file server."""
    from spi_pipeline.steps.outputs.readers import require

    require("site")
    require("downloads")
    from spi_pipeline.outputs.open_data.publish import publish as write

    shown, contracts = shown_and_contracts(Settings(), release)
    boundaries = shown.read("wards").select(["area_code", "geometry"]).to_pandas()
    files = write(shown.folder, shown.name, folder, contracts, boundaries)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    out.print(f"{counted(len(files), 'file')} to download, {size / 1e6:.1f} MB in all; open {folder / 'README.md'}")
