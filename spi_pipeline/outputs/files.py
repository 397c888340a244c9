"""Outputs whose files were already made and checked as a table: this module only writes them to disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.output import Output
from spi_pipeline.storage.places import DATABASE

# The site's folder holds the other outputs too, so that it can be put on a server as it is.
SITE = "site"


def files_of(product: str) -> Output:
    """The output that writes the files of a product, if ``SPI_OUTPUTS`` includes it.

    Args:
        product: its rows have ``path``, relative to the site's folder if there is a site, and ``content``, which is
            null only for the database.
    """
    return Output(partial(_reads, product), partial(build_files, product))


def _reads(product: str, contracts: Contracts) -> tuple[str, ...]:
    return (product,) if product in contracts.outputs else ()


def build_files(product: str, contracts: Contracts, tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Write the files that a product holds; nothing if it has no table."""
    inside = folder / SITE if SITE in contracts.outputs else folder
    for row in tables[product].select(["path", "content"]).to_pylist() if product in tables else ():
        target = inside / row["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if row["content"] is None:
            _linked(folder / DATABASE, target)
        else:
            target.write_bytes(row["content"])


def _linked(file: Path, target: Path) -> None:
    """The same file under another name: a hard link if the disk allows, otherwise a copy."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
