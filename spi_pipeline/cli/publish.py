"""``spi publish``: the open-data folder, made from what was published."""

from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings


def publish(
    folder: Annotated[
        Path, typer.Argument(help="Folder to write: a new or empty one, or that of an older release, replaced whole.")
    ],
) -> None:
    """Write the published tables as open data, with descriptions for programs, for any server of files."""
    from spi_pipeline.steps.outputs.readers import require

    require("downloads")
    from spi_pipeline.outputs.open_data.publish import publish as write
    from spi_pipeline.storage.store import Store

    settings = Settings()
    contracts, store = complete_contracts(settings), Store(settings.store)
    source = store.published.resolve()
    boundaries = store.read("wards").select(["area_code", "geometry"]).to_pandas()
    files = write(source, source.name, folder, contracts, boundaries)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    out.print(f"{counted(len(files), 'file')} to take away, {size / 1e6:.1f} MB in all; open {folder / 'README.md'}")
