"""The table ``recent``: refreshed alone, and together with everything else."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.sandboxes import Sandbox

NEWEST, NEXT = "2024-04", "2024-05"


def with_a_newer_month(table: pa.Table) -> pa.Table:
    """The table with the newest month repeated as the following month."""
    newest = table.filter(pc.equal(table["month"], NEWEST))
    at = table.column_names.index("month")
    return pa.concat_tables([table, newest.set_column(at, table.field("month"), pa.array([NEXT] * len(newest)))])


def window_of(sandbox: Sandbox, indicator: str) -> list[tuple[dt.date, dt.date]]:
    """The period that the values of an indicator cover in edition 2024."""
    return sandbox.query(
        "SELECT DISTINCT period_start, period_end FROM observation "
        "WHERE indicator_id = ? AND edition = 2024 AND value IS NOT NULL",
        indicator,
    )


def test_a_newer_month_reaches_recent_alone_and_windows_and_scores_in_a_full_refresh(sandbox: Sandbox) -> None:
    sandbox.rewrite("street_crime", with_a_newer_month)
    before, scores = sandbox.digests(), sandbox.query("SELECT sum(score) FROM score WHERE edition = 2024")
    done = sandbox.refresh("recent")
    assert done.faults == []
    assert {name for name, digest in sandbox.digests().items() if before[name] != digest} == {"street_crime", "recent"}
    rows = sandbox.store.read("recent").to_pandas()
    newest = rows.groupby("measure_id")["month"].max()
    assert (newest.pop("stop_and_search"), set(newest)) == (NEWEST, {NEXT})
    assert window_of(sandbox, "burglary") == [(dt.date(2023, 5, 1), dt.date(2024, 4, 30))]

    assert sandbox.refresh().faults == []
    assert window_of(sandbox, "burglary") == [(dt.date(2023, 6, 1), dt.date(2024, 5, 31))]
    assert window_of(sandbox, "stop_and_search") == [(dt.date(2023, 5, 1), dt.date(2024, 4, 30))]
    assert sandbox.query("SELECT max(month) FROM recent") == [(NEXT,)]
    assert sandbox.query("SELECT sum(score) FROM score WHERE edition = 2024") != scores
    assert sandbox.refresh("recent").stale == []


def test_published_rows_match_the_step(refreshed: Sandbox) -> None:
    ((areas, months),) = refreshed.query(
        "SELECT count(DISTINCT area_code), count(DISTINCT month) FROM recent WHERE measure_id = 'all_crime'"
    )
    assert (areas, months) == (20, 41)
    ((counted,),) = refreshed.query(
        "SELECT sum(count) FROM recent WHERE measure_id = 'stop_and_search' AND month >= '2023-05'"
    )
    ((numerator,),) = refreshed.query(
        "SELECT sum(numerator) FROM observation JOIN area USING (area_code) "
        "WHERE indicator_id = 'stop_and_search' AND edition = 2024 AND level = 'ward'"
    )
    assert counted == numerator
    assert refreshed.query("SELECT count(*) FROM recent WHERE month BETWEEN '2019-03' AND '2021-04'") == [(0,)]
    assert refreshed.query(
        "SELECT count(*) FROM recent WHERE (rate_12_months IS NULL) <> (month < '2022-04') OR (signal IS NULL) <> "
        "(month < '2022-05')"
    ) == [(0,)]


def test_in_live_mode_it_fetches_the_sources_it_needs(live: Sandbox, publishers: Publishers) -> None:
    done = live.refresh("recent")
    assert done.faults == []
    assert {"recent", "street_crime", "stop_and_search", "area"} <= live.digests().keys()
    assert not [name for name in live.digests() if name.startswith(("indicator_value", "context", "score"))]
    rows = live.store.read("recent").to_pandas()
    newest = max(live.store.read("street_crime")["month"].to_pylist())
    assert rows.groupby("measure_id")["month"].max()["all_crime"] == newest
    assert rows.groupby(["measure_id", "month"])["area_code"].nunique().eq(20).all()
