"""CSV files: spreadsheets run no cell as a formula, every text can be restored, and times are in UTC."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from spi_pipeline.outputs.csv_files import as_csv

RISKY = "=+-@\t\r\n＝＋－＠"


def cells(table: pa.Table) -> list[str]:
    rows = list(csv.reader(io.StringIO(as_csv(table).decode(), newline="")))
    return [cell for row in rows[1:] for cell in row]


def test_formula_like_texts_are_escaped_and_numbers_are_not() -> None:
    table = pa.table(
        {"text": ['=HYPERLINK("http://evil.example")', "-1", "a=1", None], "number": [-1.5, -0.0, 2.0, None]}
    )
    assert cells(table) == ['\'=HYPERLINK("http://evil.example")', "-1.5", "'-1", "-0", "a=1", "2", "", ""]


@given(st.lists(st.text(st.sampled_from(f"{RISKY}'\",a1 ")), min_size=1))
def test_no_cell_starts_like_a_formula_and_every_text_can_be_restored(texts: list[str]) -> None:
    # csv.reader finds no cell in a row of one empty cell, so the table has a second column.
    escaped = cells(pa.table({"text": texts, "beside": [1] * len(texts)}))[::2]
    assert not any(cell.startswith(tuple(RISKY)) for cell in escaped)
    assert [re.sub(f"^'(?='*[{re.escape(RISKY)}])", "", cell) for cell in escaped] == texts


def test_times_are_written_in_utc_from_any_zone() -> None:
    moment = dt.datetime(2026, 6, 1, 12, 30, 0, 250_000, tzinfo=dt.UTC)
    for zone in ("UTC", "Europe/London", "Asia/Tokyo"):
        column = pa.array([moment, None], pa.timestamp("us", zone))
        assert cells(pa.table({"at": column, "n": [1, 2]})) == ["2026-06-01T12:30:00.250000Z", "1", "", "2"]
