"""Invented indicators, observations and frameworks on a town small enough to recompute by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from spi_pipeline.contracts.models.framework import Component, Dimension, Framework, Profile, Publication, Uncertainty
from spi_pipeline.contracts.models.indicators import Goalposts, Indicator, Measure, MeasurementError, Plausible
from spi_pipeline.contracts.models.tables import Source, SourceProperties
from spi_pipeline.engine.framework.uncertainty_settings import SOURCES
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.tree import Tree, index_tree

NAN = float("nan")
NORTH, SOUTH = "E06000001", "E06000002"
N1, N2, N3, S1 = WARDS = ["E05000001", "E05000002", "E05000003", "E05000004"]
AREAS = Areas(pd.Series({N1: NORTH, N2: NORTH, N3: NORTH, S1: SOUTH}))
ALL = [*WARDS, NORTH, SOUTH]


def source(name: str = "survey", levels: Sequence[str] = ("lsoa",), vintage: int = 2021, **period: Any) -> Source:
    """The contract of a source; the period defaults to the year 2021."""
    properties = SourceProperties(
        publisher="An office",
        group="office",
        dataset="A survey",
        url="https://example.org",
        licence="ogl",
        attribution="Of an office.",
        mode="frozen",
        useful_life="flow",
        geography={"levels": list(levels), "vintage": vintage},
        period={"basis": "reference", **(period or {"start": "2021-01-01", "end": "2021-12-31"})},
    )
    return Source(
        id=name, title=name, version="1.0.0", owner="team", support="channel", licence="ogl", cadence="annual",
        description="", limits="", file="", columns=(), properties=properties,
    )  # fmt: skip


def indicator(
    name: str, worst: float = 0, best: float = 100, predecessor: str | None = None, **measure: Any
) -> Indicator:
    """An indicator of the survey; its measure defaults to a mean, and a mean has a standard error of 1."""
    formed = {"kind": "mean", "columns": ["x"]} | measure
    error = MeasurementError(evidence="assumed", sd=1, reason="Invented.") if formed["kind"] == "mean" else None
    return Indicator(
        id=name,
        title=name,
        description=name,
        unit="percent",
        direction="higher_is_better" if best > worst else "lower_is_better",
        source="survey",
        measure=Measure(**formed),
        error=error,
        goalposts=Goalposts(worst=worst, best=best, source="cap", reason="Invented."),
        plausible=Plausible(minimum=-1000, maximum=1000),
        limits="",
        predecessor=predecessor,
    )


def catalogue(**indicators: Sequence[Indicator]) -> pd.DataFrame:
    """Rows of the product ``indicator`` for these indicators by component, all in the basis."""
    return pd.DataFrame(
        [
            (item.id, component, item.direction, item.goalposts.worst, item.goalposts.best, True)
            for component, items in indicators.items()
            for item in items
        ],
        columns=["indicator_id", "component_id", "direction", "worst", "best", "in_basis"],
    ).astype({"worst": float, "best": float})


def reference(correlation: pd.DataFrame, n: int = 6784, sd: float = 10.0) -> pd.DataFrame:
    """Rows of the source ``reference``: these correlations, scales from 10 to 90, one standard deviation for all."""
    rows: list[tuple[str, str, str, float, int]] = []
    for name in correlation.columns:
        rows += [(name, "low", "", 10.0, n), (name, "high", "", 90.0, n), (name, "sd", "", sd, n)]
        rows += [(name, "correlation", other, value, n) for other, value in correlation[name].items() if other != name]
    return pd.DataFrame(rows, columns=["indicator_id", "statistic", "other_id", "value", "n"])


NO_REFERENCE = reference(pd.DataFrame())


def observed(
    values: Mapping[str, Sequence[float]], edition: int = 2024, status: str = "observed", areas: Sequence[str] = ALL
) -> pd.DataFrame:
    """Rows of ``indicator_value``: for each indicator, one value of the edition's year for each area, in order."""
    rows = [
        (name, area, edition, value, "missing" if pd.isna(value) else status, NAN, NAN, 0.0)
        for name, figures in values.items()
        for area, value in zip(areas, figures, strict=True)
    ]
    columns = ["indicator_id", "area_code", "edition", "value", "status", "lower", "upper", "allocation_error"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(period_end=[None if pd.isna(row) else dt.date(edition, 12, 31) for row in frame["value"]])


def framework(components: Sequence[str] = ("housing", "health"), mean: str = "arithmetic") -> Framework:
    """One dimension of these components, under the profiles ``spi`` (with imputation) and ``equal`` (without)."""
    pca = {"component": "pca", "dimension": "equal", "index": "equal"}
    common = {"title": "", "description": "", "aggregate": mean, "available": 0.5}
    floor = {} if mean == "arithmetic" else {"floor": 1.0}
    return Framework(
        id="town_index",
        title="",
        description="",
        dimensions=[
            Dimension(
                id="needs",
                title="",
                description="",
                components=[Component(id=name, title="", description="") for name in components],
            )
        ],
        profiles={
            "spi": Profile(weights=pca, impute="regression", **common, **floor),
            "equal": Profile(weights="equal", impute="none", **common, **floor),
        },
        publication=Publication(first_edition=2019, held=0.5, areas=0.65, covered=0.65, owner="team:town"),
        uncertainty=Uncertainty(
            draws=40, seed=1, sources=list(SOURCES), goalposts=0.1, weights=0.25, lowest=1, shares=20
        ),
    )


def trees(frame: Framework, known: pd.DataFrame, reference: pd.DataFrame = NO_REFERENCE) -> dict[str, Tree]:
    """The whole index under each profile."""
    return {profile: index_tree(frame, profile, known, reference) for profile in frame.profiles}


def picked(table: pd.DataFrame, column: str, **where: object) -> dict[str, Any]:
    """One column of the rows with these values, by area."""
    for name, value in where.items():
        table = table[table[name] == value]
    assert table["area_code"].is_unique
    return dict(zip(table["area_code"], table[column], strict=True))
