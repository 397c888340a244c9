"""Tables of changes as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts

_RANKS = ("rank_before", "rank_after")


def shown(changes: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """Rows of changes with names for codes and titles for ids, figures as they are read aloud.

    Args:
        changes: rows of the product ``release_change``, or some of its columns.
        contracts: they know the names.
    """
    geography = contracts.geography
    names = {ward.code: ward.name for ward in geography.wards}
    names |= {authority.code: authority.name for authority in geography.authorities}
    found = changes.rename(columns=lambda name: name.removeprefix("from_"))
    if "id" in found:
        found["id"] = found["id"].map(lambda name: contracts.titles.get(name, name))
    found["area_code"] = found["area_code"].map(lambda code: names.get(code, code))
    for name in _RANKS:
        found[name] = [f"{rank:.0f}" if pd.notna(rank) else "" for rank in found[name]]
    figures = found.select_dtypes("float").columns
    found[figures] = found[figures].round(2) + 0.0  # so that no zero is a negative one
    return found.rename(columns={"area_code": "area"})
