"""Census 2021 tables: categories with their codes, and counts by output area.

Counts are the embedded ones if a table is embedded; missing counts are split by typical shares. The API and the bulk
files both use this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from spi_pipeline_tests.imitations.tables import areas, embedded, noise, split


@dataclass(frozen=True)
class Category:
    """One category: `parent` is the code it is part of, `share` its typical share.

    `column` is its embedded column, or an expression of embedded columns.
    """

    code: int
    label: str
    share: float
    column: str | None
    parent: int


@dataclass(frozen=True)
class Table:
    """One topic summary. `categories[0]` is the total; `variable` precedes the labels in the bulk files."""

    name: str
    title: str
    dimension: str
    variable: str
    embedded: str
    categories: tuple[Category, ...]
    households: bool = False
    quoted: bool = False


def _read() -> dict[str, Table]:
    stated = yaml.safe_load(Path(__file__).with_name("census_tables.yaml").read_text("utf-8"))
    return {
        dataset: Table(**{**entry, "categories": tuple(Category(*values) for values in entry["categories"])})
        for dataset, entry in stated.items()
    }


TABLES = _read()


@cache
def counts(dataset: str) -> pd.DataFrame:
    """Counts of a table by output area, with a column for each code; categories add up to their parents."""
    table = TABLES[dataset]
    frame = pd.DataFrame(index=areas().output_areas.index)
    known = {c.code: found for c in table.categories if (found := _embedded(table.embedded, c.column)) is not None}
    base = _households() if table.households else areas().output_areas.residents
    frame[0] = known[0].reindex(frame.index).fillna(base).astype(int) if 0 in known else base
    parents = [
        0,
        *(c.code for c in table.categories if c.code and any(d.parent == c.code for d in table.categories[1:])),
    ]
    for parent in parents:
        _fill(frame, parent, [c for c in table.categories[1:] if c.parent == parent], known, table)
    return frame[[c.code for c in table.categories]]


def _fill(
    frame: pd.DataFrame, parent: int, children: list[Category], known: dict[int, pd.Series], table: Table
) -> None:
    """Fill the children of a category: embedded counts, otherwise their share of the rest of the parent."""
    if not children:
        return
    # A subtotal whose parts are all embedded is their sum and needs no split.
    given = {c.code: known[c.code] for c in children if c.code in known}
    for c in children:
        parts = [known[d.code] for d in table.categories if d.parent == c.code and c.code and d.code in known]
        if c.code not in given and parts and len(parts) == sum(d.parent == c.code for d in table.categories[1:]):
            given[c.code] = pd.concat(parts, axis=1).sum(axis=1, min_count=1)
    inside = frame.index.to_series().map(lambda code: all(code in series.index for series in given.values()))
    weights = np.array(
        [[c.share * (0.5 + noise(table.name, code, str(c.code))) for c in children] for code in frame.index]
    )
    filled = pd.DataFrame(
        split(frame[parent].to_numpy(), weights), index=frame.index, columns=[c.code for c in children]
    )
    for code, series in given.items():
        filled[code] = series.reindex(frame.index).where(inside, filled[code]).astype(int)
    open_ = [n for n, c in enumerate(children) if c.code not in given]
    if given and open_:
        left = (frame[parent] - filled[list(given)].sum(axis=1)).clip(lower=0)
        rest = split(left.to_numpy(), weights[:, open_])
        for column, n in enumerate(open_):
            filled[children[n].code] = np.where(inside, rest[:, column], filled[children[n].code])
    frame[filled.columns] = filled


def _embedded(name: str, column: str | None) -> pd.Series | None:
    """An embedded column by output area; figures of larger areas are split by residents, so that they still add up."""
    table = embedded(name) if name and column else None
    if table is None:
        return None
    series = table.set_index("area_code").eval(column).round()
    by_oa = series[series.index.str.startswith("E00")]
    if len(by_oa):
        return by_oa
    oas = areas().output_areas
    level = "lsoa" if series.index[0].startswith("E01") else "msoa"
    series = series[series.index.isin(oas[level])]
    pieces = []
    for code, members in oas[oas[level].isin(series.index)].groupby(level):
        whole = split(np.array([series[code]]), members.residents.to_numpy(float)[None, :])[0]
        pieces.append(pd.Series(whole, index=members.index))
    return pd.concat(pieces)


def _households() -> pd.Series:
    found = _embedded("census_households", "households")
    fallback = (areas().output_areas.residents * 0.38).round()
    return (fallback if found is None else found.reindex(fallback.index).fillna(fallback)).astype(int)


def by_level(frame: pd.DataFrame, level: str) -> pd.DataFrame:
    """Counts by output area summed to a level. Region and country are multiples of Luton."""
    if level == "oa":
        return frame
    if level in ("rgn", "ctry"):
        code, times = {"rgn": ("E12000006", 28), "ctry": ("E92000001", 250)}[level]
        return frame.sum().mul(times).to_frame(code).T.astype(int)
    return frame.groupby(areas().output_areas[level]).sum()
