"""The tables of errors in docs/methodology.md, and the errors stated in contracts, match a refreshed store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.outputs.errors import errors
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.steps.indicator import DISPERSION, part_of
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table

DOCUMENT = REPOSITORY / "docs" / "methodology.md"
EVIDENCE = {
    "counts": "the counts behind the value, by chance alone",
    "dispersion": "the scatter of repeated counts or values",
    "two_measures": "the disagreement of two measures of one thing",
    "published": "the publisher's own limits",
    "assumed": "an upper bound, with its reason",
}


def test_evidence(contracts: Contracts) -> None:
    indicators = Counter(item.error_evidence for item in contracts.indicators.values())
    assert set(indicators) == set(EVIDENCE)
    rows = [[f"`{evidence}`", meaning, indicators[evidence]] for evidence, meaning in EVIDENCE.items()]
    assert_table(
        DOCUMENT, "evidence", markdown_table(["Evidence", "Rests on", "Indicators"], rows, numbers=["Indicators"])
    )


def test_stated_errors_equal_the_estimates(contracts: Contracts, refreshed: Path) -> None:
    database = refreshed / "spi_store" / "spi.duckdb"
    estimates = errors(database, contracts, lambda name: read_embedded(Settings().snapshot, name).table.to_pandas())
    assert len(estimates) > 20
    wrong = estimates[estimates["declared"] != estimates["estimated"]]
    assert wrong.empty, f"correct these:\n{wrong.to_string()}"


def test_errors_of_levels(contracts: Contracts) -> None:
    levels = [(item, item.measure.level) for item in contracts.indicators.values()]
    rows = [
        [item.title, f"{level.start} to {level.end}", f"{level.error.relative_sd:.1%}"]
        for item, level in levels
        if level is not None and level.error is not None and level.error.relative_sd is not None
    ]
    assert len(rows) == 6
    header = ["Rate", "Months of its level", "Years about it"]
    assert_table(DOCUMENT, "levels", markdown_table(header, rows, numbers=header[2:]))


def observed(refreshed: Path) -> pd.DataFrame:
    with duckdb.connect(str(refreshed / "spi_store" / "spi.duckdb"), read_only=True) as connection:
        return connection.execute(
            "SELECT o.* FROM observation o JOIN area USING (area_code) WHERE level = 'ward' AND value IS NOT NULL "
            "AND status <> 'imputed' QUALIFY edition = max(edition) OVER (PARTITION BY indicator_id)"
        ).df()


def test_errors_by_indicator(contracts: Contracts, refreshed: Path) -> None:
    header = ["Indicator", "Basis", "Stated", "Half-width", "Allocation"]
    values = observed(refreshed)
    rows = []
    for indicator in contracts.indicators.values():
        own = values[values["indicator_id"] == indicator.id]
        sd = own["value"].std()
        cells = ["no figures", ""]
        if len(own):
            assert (own["lower"] <= own["upper"]).all()
            assert (own["allocation_error"] >= 0).all()
            half, spread = ((own["upper"] - own["lower"]) / 2).median(), own["allocation_error"].median()
            cells = [f"{half / sd:.2f}", f"{spread / sd:.2f}"]
        rows.append([f"`{indicator.id}`", indicator.error_evidence.replace("_", " "), stated(indicator), *cells])
    assert_table(DOCUMENT, "errors", markdown_table(header, rows, numbers=header[3:]))


def stated(indicator: Indicator) -> str:
    error = indicator.error
    if error is None:
        return ""
    size = f"{error.sd:g}" if error.sd else f"{error.relative_sd:.0%} of the value" if error.relative_sd else ""
    other_or_reason = f"beside `{error.other}`" if error.other else error.reason
    return ": ".join(filter(None, [size, other_or_reason]))


def test_dispersion(contracts: Contracts, refreshed: Path) -> None:
    rows = []
    for indicator in contracts.indicators.values():
        if indicator.measure.window:
            folder = refreshed / "spi_store" / "tables" / part_of(indicator.id)
            (file,) = folder.glob("*.parquet")
            factor = float((pq.read_schema(file).metadata or {})[DISPERSION.encode()])
            assert 1 < factor < 4
            rows.append([indicator.title, f"{factor:.2f}"])
    header = ["Counted by month", "Variance, as a multiple of chance"]
    assert_table(DOCUMENT, "dispersion", markdown_table(header, rows, numbers=header[1:]))
