"""The downloads for readers, as a table of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.outputs.readers import OUTPUT, inputs_of, require, results_of
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.places import DATABASE as FILE

DOWNLOADS = "downloads"


def downloads_steps(contracts: Contracts, steps: Sequence[Step]) -> list[Step]:
    """The step of the product ``downloads``, if ``SPI_OUTPUTS`` names it.

    Args:
        contracts: all contracts.
        steps: the steps before it.

    Raises:
        SpiError: if a library that it needs is not installed.
    """
    if DOWNLOADS not in contracts.outputs:
        return []
    require(DOWNLOADS)
    return [
        Step(
            name=DOWNLOADS,
            kind=OUTPUT,
            group="published",
            inputs=(*inputs_of(DATABASE.reads(contracts), steps), "wards", "postcodes"),
            outputs=(DOWNLOADS,),
            # The dictionary quotes every contract.
            files=tuple(sorted(contracts.digests)),
            does=downloads,
            page=Page(),
            title="Files to take away",
            description="The published tables as Parquet, CSV, workbook and map layer, with a dictionary of columns.",
            bounds=True,
            tool="parquet",
        )
    ]


def downloads(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``downloads``."""
    from spi_pipeline.outputs.places import place_beside_figure
    from spi_pipeline.outputs.site.downloads import write_downloads

    with TemporaryDirectory() as folder:
        files = write_downloads(results_of(step, contracts, inputs), Path(folder))
        content = {one.path: (Path(folder) / one.path).read_bytes() for one in files if Path(one.path).name != FILE}
        rows = [
            {"path": one.path, "title": one.title, "holds": one.holds, "kind": one.group, "bytes": one.size,
             "content": content.get(one.path),
             "placed": place_beside_figure(one.path, content.get(one.path, b""))}
            for one in files
        ]  # fmt: skip
    return {DOWNLOADS: pd.DataFrame(rows)}
