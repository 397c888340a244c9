"""The interface of an output: tables in, files out. ``steps/outputs/publication.py`` lists all outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts


@dataclass(frozen=True)
class Output:
    """One output.

    Attributes:
        reads: the products that it needs.
        build: writes its files into a folder, given the tables of those products.
    """

    reads: Callable[[Contracts], tuple[str, ...]]
    build: Callable[[Contracts, Mapping[str, pa.Table], Path], None]
