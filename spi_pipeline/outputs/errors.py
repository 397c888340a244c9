"""The errors declared in contracts and code, next to estimates of the same errors from the published figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.levels import level_of
from spi_pipeline.indicators.estimates import contrast_ratio, estimated_error, level_error
from spi_pipeline.indicators.spreading import CONTRAST
from spi_pipeline.indicators.values import Wards, ward_values
from spi_pipeline.outputs.queries import reading

COLUMNS = ["subject", "evidence", "declared", "estimated"]
# Census tables by output area whose columns are parts of a whole, each with the column of that whole. They need not
# feed an indicator: all of them show how much parts of an area differ. Tables on residents of communal establishments
# are left out, because these live in single buildings.
CENSUS = {
    "census_accommodation_type": "households",
    "census_car_availability": "households",
    "census_central_heating": "households",
    "census_disability": "residents",
    "census_english_proficiency": "residents_3_and_over",
    "census_general_health": "residents",
    "census_overcrowding": "households",
    "census_qualifications": "residents_16_and_over",
    "census_unpaid_care": "residents_5_and_over",
}


def errors(database: Path, contracts: Contracts, embedded: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """Every error that one of our formulas can estimate.

    Args:
        database: the published database.
        contracts: the contracts of the indicators.
        embedded: returns the embedded table of a source, given its id.

    Returns:
        ``subject`` (an indicator, or a size of area for its ``CONTRAST``), ``evidence`` (``level`` for the error of the
        level alone of an anchored indicator), ``declared`` and ``estimated`` (to two digits, as in the contracts).
        Indicators without a published value have no rows; nor have sizes of area when no output areas are allocated or
        wards share no area.
    """
    with reading(database) as connection:
        observed = connection.execute(
            "SELECT indicator_id, area_code, period_end, value, lower, upper FROM observation "
            "JOIN area USING (area_code) WHERE level = 'ward' AND value IS NOT NULL AND status <> 'imputed'"
        ).df()
        weights = connection.execute("SELECT * FROM allocation").df()
        sources = dict(connection.execute("SELECT indicator_id, source_id FROM indicator").fetchall())
        boundaries = connection.execute("SELECT area_code, parent_code FROM area WHERE level = 'ward'").df()
    wards = Wards(boundaries, weights, contracts.framework.publication.covered)
    rows: list[tuple[str, str, float | None, float]] = []
    for indicator in contracts.as_published(sources).indicators.values():
        error = indicator.error
        if error is not None and (observed["indicator_id"] == indicator.id).any():
            estimate = estimated_error(indicator, observed)
            if estimate is not None:
                rows.append((indicator.id, error.evidence, error.sd or error.relative_sd, float(f"{estimate:.2g}")))
        level, years = indicator.measure.level, observed[observed["indicator_id"] == indicator.id]
        if level is not None and level.error is not None and len(years):
            tables = {level.source: embedded(level.source)}
            level_values = ward_values(level_of(indicator), contracts.sources, tables, wards).values
            estimate = level_error(level_values.set_index("area_code")["value"], years)
            rows.append((indicator.id, "level", level.error.relative_sd, float(f"{estimate:.2g}")))
    weights = weights[weights["geography"] == "oa21"]
    if len(weights):
        lookup, figures = embedded("output_area_lookup").set_index("area_code"), census_figures(CENSUS, embedded)
        ratios = {level: contrast_ratio(figures, weights, lookup[f"{level}_code"]) for level in ("lsoa", "msoa")}
        rows += [
            (level, "contrast", CONTRAST[level], float(f"{ratio:.2g}"))
            for level, ratio in ratios.items()
            if ratio is not None
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def census_figures(bases: Mapping[str, str], embedded: Callable[[str], pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Every column of census tables by output area, as a share of its table.

    Args:
        bases: the column that is the whole, by source.
        embedded: returns the embedded table of a source, given its id.

    Returns:
        Tables of ``area_code``, ``count`` and ``base``, by source and column.
    """
    shares = {}
    for name, base in bases.items():
        table = embedded(name)
        for column in table.columns.drop(["area_code", base]):
            figure = pd.DataFrame({"count": table[column], "base": table[base]}, dtype="float64")
            shares[f"{name}.{column}"] = figure.assign(area_code=table["area_code"])
    return shares
