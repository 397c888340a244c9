"""What an output is: tables in, files out. Which outputs there are is listed in ``steps/outputs/publication.py``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts


@dataclass(frozen=True)
class Output:
    """One output.

    Attributes:
        reads: the products it is made of, of all that there are.
        build: writes its files into a folder, from the tables of those products.
    """

    reads: Callable[[Contracts], tuple[str, ...]]
    build: Callable[[Contracts, Mapping[str, pa.Table], Path], None]
