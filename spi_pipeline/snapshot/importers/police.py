"""Police files by month, in the publisher's own dialect: the source's parser reads them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.police import parse_stop_and_search, parse_street_crime
from spi_pipeline.snapshot.folder import Folder, Scope


def street_crime(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Every month of street-level crime of the forces that police our authorities."""
    return _months(folder, contracts, "street_crime", "street", parse_street_crime)


def stop_and_search(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Every month of stop and search of the forces that police our authorities."""
    return _months(folder, contracts, "stop_and_search", "stop_and_search", parse_stop_and_search)


def _months(
    folder: Folder, contracts: Contracts, source_id: str, kind: str, parse: Callable[[bytes, str], pd.DataFrame]
) -> pd.DataFrame:
    held, frames = contracts.geography.holding(source_id), []
    for force in sorted({item.police_force for item in contracts.geography.authorities if item.code in held}):
        for name in folder.names(f"police/{force}_{kind}/[0-9][0-9][0-9][0-9]-[0-9][0-9]-*.csv.gz"):
            month = name.rsplit("/", 1)[-1][:7]
            frame = parse(folder.bytes(name, month), name)
            if other := sorted(set(frame["month"].dropna()) - {month}):
                raise SpiError(f"{name} holds {', '.join(other)}, not the month of its name; fetch it again")
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)
