"""Luton from the embedded tables: areas, counts and crimes. No figure here passes through the client."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from pyproj import Transformer
from shapely import from_wkb, transform
from shapely.geometry.base import BaseGeometry

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "spi_pipeline" / "snapshot" / "tables"
CODE, NAME = "E06000032", "Luton"

to_grid = Transformer.from_crs(4326, 27700, always_xy=True).transform


def on_grid(shape: BaseGeometry) -> BaseGeometry:
    """A shape in metres on the British National Grid."""
    return transform(shape, lambda xy: np.column_stack(to_grid(xy[:, 0], xy[:, 1])))


@cache
def table(name: str) -> pd.DataFrame:
    return pd.read_parquet(next(TABLES.glob(f"{name}.*.parquet")))


@cache
def wards() -> dict[str, str]:
    """Codes and names of the current wards."""
    declared = yaml.safe_load((ROOT / "data_contracts" / "geography.yaml").read_text())
    return {ward["code"]: ward["name"] for ward in declared["wards"]}


@cache
def former_wards() -> dict[str, str]:
    declared = yaml.safe_load((ROOT / "data_contracts" / "geography.yaml").read_text())
    return dict(declared["former_wards"])


@cache
def shapes(name: str) -> dict[str, BaseGeometry]:
    """Boundaries in longitude and latitude by code, from the table `wards` or `lsoa_boundaries`."""
    held = table(name)
    return {code: from_wkb(geometry) for code, geometry in zip(held.area_code, held.geometry, strict=True)}


@cache
def lookup() -> pd.DataFrame:
    """Output areas with their LSOA, their MSOA and the best-fit ward of the LSOA."""
    areas = table("output_area_lookup").drop(columns="ward_code").rename(columns={"area_code": "oa"})
    fit = table("lsoa_best_fit")[["area_code", "ward_code"]].rename(columns={"area_code": "lsoa_code"})
    return areas.merge(fit, on="lsoa_code").sort_values("oa", ignore_index=True)


@cache
def msoas() -> dict[str, str]:
    """MSOAs in order of code, named with running numbers because the embedded tables have no names."""
    codes = sorted(lookup().msoa_code.unique())
    return {code: f"{NAME} {number:03d}" for number, code in enumerate(codes, 1)}


@cache
def lsoas() -> dict[str, str]:
    """LSOAs, named after their MSOA plus a letter."""
    named: dict[str, str] = {}
    pairs = lookup()[["lsoa_code", "msoa_code"]].drop_duplicates().sort_values("lsoa_code")
    for msoa, held in pairs.groupby("msoa_code"):
        for letter, code in zip("ABCDEFGHIJKLMNOPQRST", held.lsoa_code, strict=False):
            named[code] = f"{msoas()[str(msoa)]}{letter}"
    return dict(sorted(named.items()))


def months(last: str, count: int) -> list[str]:
    """`count` months up to `last`, oldest first."""
    return [str(month) for month in pd.period_range(end=last, periods=count, freq="M")]
