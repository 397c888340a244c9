"""Small tables and downloads for the store tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from spi_pipeline.outputs.duckdb_file import Column, DatabaseTable, write
from spi_pipeline.storage.downloads import Downloads
from spi_pipeline.storage.store import Store

AT = dt.datetime(2026, 11, 27, 2, 0, tzinfo=dt.UTC)


def scores(value: float) -> pa.Table:
    return pa.table({"area_code": ["E05000002", "E05000001"], "score": [value, value]})


def built(value: float) -> Callable[[Path], None]:
    """A function that fills a publication's folder with a database."""
    columns = (Column("area_code", "VARCHAR"), Column("score", "DOUBLE"))
    table = DatabaseTable("score", columns, ("area_code",), "one row per ward", [scores(value)])
    return lambda folder: write(folder / "spi.duckdb", [table])


def fetched(store: Store, period: str, run_id: str, since: str | None = None) -> Downloads:
    """Record a fetch of one file: its bytes, and that they make up the source."""
    raw = store.raw("census")
    raw.begin()
    with raw.receiving("one") as body:
        body.write_text(f"figures of {period}")
        headers = {"etag": run_id}
        one = raw.store("one", body, "https://publisher.example/one", period, "2026-03-01T00:00:00+00:00", headers)
    return raw.complete([one], since=since, run_id=run_id, at=AT)
