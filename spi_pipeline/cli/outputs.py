"""``spi report``: the printable report, made from what was published."""

from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import out, write_whole
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.settings import Settings


def report(file: Annotated[Path, typer.Argument(help="PDF to write.")]) -> None:
    """Write the printable report: one tagged PDF, a summary of the town and two pages on each ward."""
    from spi_pipeline.steps.outputs.readers import require, results_in

    require("report")
    from spi_pipeline.outputs.report.build import report as made
    from spi_pipeline.storage.store import Store

    if not file.absolute().parent.is_dir():
        raise SpiError(f"{file} cannot be written: there is no folder {file.parent}; create it first")
    settings = Settings()
    contracts, store = complete_contracts(settings), Store(settings.store)
    content = made(results_in(store.database, contracts, store.read))
    write_whole(content, file)
    out.print(f"{len(content) / 1e6:.1f} MB in {file}")
