"""Small frameworks and tables of values in long form for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

NAN = float("nan")


def element(name: str, parent: str | None = None, **keys: Any) -> dict[str, Any]:
    stated: dict[str, Any] = {"id": name, **keys}
    return stated if parent is None else {**stated, "parent": parent}


def indicator(name: str, parent: str, **keys: Any) -> dict[str, Any]:
    return element(name, parent, **{"direction": "higher_is_better", **keys})


def two_components(**keys: Any) -> dict[str, Any]:
    """An index of two components: housing with crowding and heat, safety with crime."""
    return {
        "title": "Example",
        **keys,
        "elements": [
            element("index"),
            element("housing", "index"),
            indicator("crowding", "housing", direction="lower_is_better", worst=30, best=0),
            indicator("heat", "housing", worst=0, best=50),
            element("safety", "index"),
            indicator("crime", "safety", direction="lower_is_better", worst=20, best=0),
        ],
    }


def rows(columns: Mapping[str, Sequence[float]], edition: Sequence[int] | None = None) -> pd.DataFrame:
    """A long table of areas A00, A01 and so on; given editions, each area appears in every one."""
    length = len(next(iter(columns.values())))
    areas = length if edition is None else length // len(edition)
    table = pd.DataFrame(columns)
    table["area_code"] = [f"A{number % areas:02d}" for number in range(length)]
    keys = ["area_code"]
    if edition is not None:
        table["edition"] = [year for year in edition for _ in range(areas)]
        keys.append("edition")
    return table.melt(id_vars=keys, var_name="indicator_id", value_name="value")


EXAMPLE = {"crowding": [0.0, 15, 30], "heat": [50.0, 20, 10], "crime": [2.0, 10, 20]}
