"""Three wards of an invented town, published with just enough rows for the pages in ``OTHER_PAGES``.

``Ash`` is ahead in every part, ``Oak & <b>Elm</b>`` and ``Yew`` differ. Numbers were chosen by hand, so that a test can
state the text a page must show.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import shapely

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import ENGLAND
from spi_pipeline.outputs.queries import under_contract
from spi_pipeline.outputs.site import pages
from spi_pipeline.outputs.site.pages.page import Kind
from spi_pipeline.outputs.site.results import Results

# The pages for which these rows suffice.
OTHER_PAGES: tuple[Kind, ...] = (
    pages.economy, pages.progress, pages.certainty, pages.targets, pages.published_findings, pages.quality,
    pages.method, pages.downloads, pages.accessibility, pages.about, pages.missing,
)  # fmt: skip
TOWN = "E06000099"
WARDS = {"E05999991": "Ash", "E05999992": "Oak & <b>Elm</b>", "E05999993": "Yew"}
AS_OF = dt.date(2026, 11, 23)
RUN_AT = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
Rows = dict[str, list[dict[str, Any]]]
# The dimensions' scores of each ward; each component of a dimension has its dimension's score.
SCORES = {"E05999991": (80.0, 70.0, 60.0), "E05999992": (50.0, 20.0, 50.0), "E05999993": (40.0, 60.0, 30.0)}
# Rank of the index with its likely range.
RANKS = {"E05999991": (1, 1, 1), "E05999992": (3, 2, 3), "E05999993": (2, 2, 3)}
INDICATOR = "overcrowded_homes"


def rows(contracts: Contracts) -> Rows:
    """The rows of every table."""
    index, profile = contracts.framework.id, next(iter(contracts.framework.profiles))
    newest = {"edition": 2026, "profile": profile}
    ash, oak, yew = WARDS
    change = {"edition_from": 2025, "edition_to": 2026, "profile": profile, "from_imputation": 0.0, "change_low": -1.0,
              "change_high": 1.0, "change": 0.25, "from_data": 0.25}  # fmt: skip
    return {
        "area": [
            *(
                {"area_code": code, "area_name": name, "level": "ward", "vintage": "2023-05", "parent_code": TOWN,
                 "population": 1000.0, "split_share": share, "split_lsoa_share": share, "placed_by": "postcodes"}
                for (code, name), share in zip(WARDS.items(), (0.0, 0.125, 0.5), strict=True)
            ),
            {"area_code": TOWN, "area_name": "Hexham", "level": "authority", "vintage": "2023-05", "population": 3000.0,
             "split_share": 0.2, "split_lsoa_share": 0.2, "placed_by": "postcodes"},
        ],
        "edition": [
            {"edition": edition, "profile": profile, "basis_id": "a", "slots": 1, "measured_weight": 0.25,
             "carried_weight": 0.75, "held_weight": 0.0, "movable": movable, "as_of": AS_OF,
             "window_end": dt.date(2026, 6, 30)}
            for edition, movable in ((2025, None), (2026, 0.125))
        ],
        "indicator": [
            {"indicator_id": INDICATOR, "slot_id": INDICATOR, "in_basis": True,
             "title": contracts.indicators[INDICATOR].title, "unit": "%",
             "direction": "lower_is_better", "useful_years": 12, "source_id": "census_overcrowding",
             "worst": 31.63, "best": 0.4776},
            {"indicator_id": "buses", "in_basis": False, "title": "Buses", "not_in_basis_because": "fetched alone"},
        ],
        "score": [*_scores(contracts, newest)],
        "residual": [
            {**newest, "id": index, "level": "index", "area_code": code, "measure_id": "income_deprived",
             "measured": 0.25, "score": 50.0, "expected": 50.0 - beyond, "residual": beyond, "lower": beyond - 4,
             "upper": beyond + 4, "verdict": verdict, "n": 3}
            for code, beyond, verdict in (
                (ash, 6.0, "more than suggested"), (oak, 1.0, "as suggested"), (yew, -7.5, "less than suggested")
            )
        ],
        "composition": [
            {**newest, "authority_code": TOWN, "left_out": "", "id": index, "level": "index", "n": 3,
             "measure_id": "born_abroad", "correlation": -0.5, "lower": -0.75, "upper": -0.25, "partial": 0.1,
             "partial_lower": -0.2, "partial_upper": 0.4},
            {**newest, "authority_code": TOWN, "left_out": "", "id": index, "level": "index", "n": 3,
             "measure_id": "income_deprived", "correlation": -0.2, "lower": -0.75, "upper": 0.25},
            # Across England, whose newest edition is a different one.
            {**newest, "edition": 2025, "authority_code": ENGLAND, "left_out": "", "id": index, "level": "index",
             "n": 6784, "measure_id": "born_abroad", "correlation": 0.24, "lower": 0.21, "upper": 0.26,
             "partial": -0.23, "partial_lower": -0.25, "partial_upper": -0.21},
        ],
        "change": [
            *({**change, "area_code": code, "level": "index", "id": index, "movable": 0.125, "verdict": "cannot_tell"}
              for code in (*WARDS, TOWN)),
            *({**change, "area_code": code, "level": "indicator", "id": INDICATOR, "movable": 1.0, "verdict": verdict}
              for code, verdict in ((ash, "rose"), (oak, "fell"), (yew, "fell"), (TOWN, "not_distinguishable"))),
        ],
        "decade": [
            {"measure_id": "residents", "area_code": code, "title": "Residents", "in_index": False, "unit": "people",
             "earlier_end": dt.date(2011, 3, 27), "later_end": dt.date(2021, 3, 21), "earlier": 900.0, "later": 1000.0,
             "change": 100.0, "lower": 100.0, "upper": 100.0, "verdict": verdict, "limits": "Counted alike."}
            for code, verdict in ((ash, "rose"), (oak, "cannot be told"), (yew, "rose"), (TOWN, "rose"))
        ],
        "recent": [
            {"measure_id": "burglary", "area_code": code, "month": month, "count": 3, "signal": signal,
             "signal_since": since}
            for code, month, signal, since in (
                (ash, "2026-05", "rise", "2026-04"), (ash, "2026-06", "none", None), (oak, "2026-06", "fall", "2026-06")
            )
        ],
        "doubt": [
            {"authority_code": TOWN, "profile": profile, "source": source, "varied": True, "how": "drawn anew",
             "assumed": "", "draws": 500, "seed": 1}
            for source in ("weights", "choice")
        ],
        "sensitivity": [
            {**newest, "authority_code": TOWN, "source": source, "first": 0.1, "total": total, "total_low": total - 0.1,
             "total_high": total + 0.1, "draws": 250, "seed": 1}
            for source, total in (("weights", 0.25), ("choice", 0.75))
        ],
        "published_finding": [
            {"finding_id": "a_paper", "claim": claim, "authority_code": TOWN, "edition": 2026, "publisher": "A paper",
             "published": "2024-07", "url": "https://example.org/a", "says": "Yew is the worst.", "id": index,
             "end": "lowest", "wards": "Yew", "among": 1, "verdict": verdict, "within_range": True,
             "ranks": "Yew 2 (2 to 3), of 3", "because": because}
            for claim, verdict, because in ((1, "differs", "They count dogs."), (2, "agrees", None))
        ],
        "observation": [
            {"indicator_id": INDICATOR, "area_code": code, "edition": edition, "period_start": dt.date(2021, 3, 21),
             "period_end": dt.date(2021, 3, 21), "value": 5.0, "status": status, "source_id": "census_overcrowding"}
            for edition in (2025, 2026)
            for code, status in ((ash, "carried"), (oak, "carried"), (yew, "imputed"), (TOWN, "carried"))
        ],
        "target": [
            {"target_id": "less", "area_code": code, "indicator_id": INDICATOR, "year": 2040, "target_value": 2.0,
             "source": "A plan", "value": 5.0, "distance": -3.0, "verdict": verdict, "needed_a_year": -0.16,
             "period_start": dt.date(2021, 3, 21), "period_end": dt.date(2021, 3, 21), "pace": pace, "pace_low": pace,
             "pace_high": pace}
            for code, verdict, pace in ((TOWN, "behind", -0.1), (ash, "cannot_tell", None))
        ],
        "imputation": [
            {**newest, "indicator_id": INDICATOR, "area_code": yew, "value": 5.0, "method": "mean", "error": 1.5}
        ],
        "weight": [
            {**newest, "authority_code": TOWN, "level": "component", "parent_id": "housing", "id": INDICATOR,
             "weight": 0.5, "effective_weight": 0.6, "method": "equal", "n": 3}
        ],
        "check_result": [
            {"run_id": run, "run_at": at, "table_name": "area", "rule": rule, "severity": "error", "outcome": outcome,
             "observed": observed, "expected": "all"}
            for run, at, rule, outcome, observed in (
                ("old", RUN_AT - dt.timedelta(days=1), "key", "failed", "twice"),
                ("new", RUN_AT, "key", "passed", "once"), ("new", RUN_AT, "other", "skipped", "no figures"),
                ("new", RUN_AT, "bounds", "failed", "7 > 3"),
            )
        ],
        "outside_total": [
            {"run_id": "new", "source_id": "census_overcrowding", "rule": "homes", "measure": "sum of homes",
             "observed": 99.0, "published": 100.0, "difference": -1.0, "difference_percent": -1.0, "outcome": "passed",
             "allowed_percent": 2.0, "dataset": "TS052", "period": "2021", "url": "https://example.org/total"}
        ],
        "allocation": [
            {"geography": "oa21", "small_area_code": area, "area_code": code, "weight": 0.5, "residents": 50.0,
             "method": "postcodes"}
            for area, code in (("E00000001", ash), ("E00000002", oak), ("E00000002", yew))
        ],
        "source_release": [
            {"run_id": "new", "source_id": "census_overcrowding", "period": "2021-03-21", "file": "ts052.csv",
             "url": "https://example.org/ts052", "sha256": "ab" * 32, "licence": "OGL-UK-3.0", "state": "frozen"}
        ],
    }  # fmt: skip


def _scores(contracts: Contracts, newest: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for code in (*WARDS, TOWN):
        scores = SCORES.get(code, (55.0, 50.0, 45.0))
        elements = [(contracts.framework.id, "index", sum(scores) / 3)]
        for dimension, score in zip(contracts.framework.dimensions, scores, strict=True):
            elements += [(dimension.id, "dimension", score)]
            elements += [(component.id, "component", score) for component in dimension.components]
        for element, level, score in elements:
            rank, low, high = RANKS.get(code, (None, None, None))
            yield {**newest, "id": element, "level": level, "area_code": code, "score": score, "rank": rank,
                   "rank_low": low, "rank_high": high}  # fmt: skip


def published(contracts: Contracts, file: Path, row_tables: Rows) -> Results:
    """Write these rows to a database and read it as a published one; tables without rows are empty."""
    with duckdb.connect(str(file)) as connection:
        for name, product in contracts.products.items():
            if product.published:
                schema = arrow_schema(product)
                complete = [{field: row.get(field) for field in schema.names} for row in row_tables.get(name, [])]
                table = pa.Table.from_pylist(complete, schema=schema)
                connection.register("given", table)
                connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
                connection.unregister("given")
                connection.execute(f"COMMENT ON TABLE \"{name}\" IS '{under_contract(product.version)}'")
    # Squares side by side near Luton, with clockwise rings.
    squares = [shapely.box(-0.5 + at / 50, 51.88, -0.48 + at / 50, 51.9, ccw=False) for at in range(len(WARDS))]
    boundaries = pd.DataFrame({"area_code": list(WARDS), "geometry": [shapely.to_wkb(square) for square in squares]})
    postcodes = pd.DataFrame({"postcode": ["AB1 2CD"], "ward_code": [next(iter(WARDS))]})
    return Results.of_database(file, boundaries, contracts, postcodes)
