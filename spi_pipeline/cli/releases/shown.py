"""Formats tables of changes for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts

_RANKS = ("rank_before", "rank_after")


def shown(changes: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """Replace codes by names and ids by titles, and round the figures.

    Args:
        changes: rows of the product ``release_change``, or some of its columns.
        contracts: the contracts with the names and titles.
    """
    geography = contracts.geography
    names = {ward.code: ward.name for ward in geography.wards}
    names |= {authority.code: authority.name for authority in geography.authorities}
    frame = changes.rename(columns=lambda name: name.removeprefix("from_"))
    if "id" in frame:
        frame["id"] = frame["id"].map(lambda name: contracts.titles.get(name, name))
    frame["area_code"] = frame["area_code"].map(lambda code: names.get(code, code))
    for name in _RANKS:
        frame[name] = [f"{rank:.0f}" if pd.notna(rank) else "" for rank in frame[name]]
    figures = frame.select_dtypes("float").columns
    frame[figures] = frame[figures].round(2) + 0.0  # adding 0.0 turns -0.0 into 0.0
    return frame.rename(columns={"area_code": "area"})
