"""Versions of tables: written, read back, kept and quarantined, and how damage to them is noticed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage import tables
from spi_pipeline.storage.parquet import decode, encode
from spi_pipeline.storage.store import Store
from spi_pipeline.storage.tables import Version
from spi_pipeline_tests.storage.examples import scores


def write(store: Store, value: float, name: str = "score", run_id: str = "r1") -> Version:
    return store.write(name, scores(value), fingerprint=f"f{value}", run_id=run_id)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    times = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    monkeypatch.setattr(tables, "_now", lambda: times.pop(0))
    return times


def test_a_written_table_is_read_back_unchanged(store: Store) -> None:
    version = store.write("score", scores(1.0), fingerprint="f", run_id="r1", metadata={"unit": "points", "a": "é"})
    file = version.path.read_bytes()
    assert version.path == store.root / "tables" / "score" / f"{hashlib.sha256(file).hexdigest()}.parquet"
    assert (version.sha256, version.bytes, version.rows) == (version.path.stem, len(file), 2)
    assert (version.fingerprint, version.run_id, version.stale_since) == ("f", "r1", None)
    assert store.current("score") == version
    table = store.read("score")
    assert table.equals(scores(1.0))
    assert table.schema.metadata == {b"a": "é".encode(), b"unit": b"points"}


def test_an_identical_version_only_moves_the_pointer(store: Store, clock: list[str]) -> None:
    first = write(store, 1.0)
    written = first.path.stat().st_mtime_ns
    second = write(store, 1.0, run_id="r2")
    assert second == replace(first, run_id="r2", written_at="2026-01-02")
    assert second.path.stat().st_mtime_ns == written
    assert sorted(path.name for path in first.path.parent.iterdir()) == sorted([first.path.name, "current.json"])


def test_an_older_version_is_retained_alongside_the_current_one(store: Store) -> None:
    first, second = write(store, 1.0), write(store, 2.0)
    assert store.current("score") == second
    assert decode(first.path.read_bytes(), first.path).equals(scores(1.0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=5), st.none() | st.floats(allow_nan=False)), max_size=30), st.data())
def test_equal_rows_give_equal_bytes_however_they_were_assembled(
    rows: list[tuple[str, float | None]], data: st.DataObject
) -> None:
    def table(some: list[tuple[str, float | None]]) -> pa.Table:
        schema = pa.schema([("code", pa.string()), ("value", pa.float64())])
        return pa.Table.from_arrays(
            [pa.array([code for code, _ in some], pa.string()), pa.array([value for _, value in some], pa.float64())],
            schema=schema,
        )

    cut = data.draw(st.integers(0, len(rows)))
    whole, spare = table(rows), table([("spare", 1.0), *rows, ("spare", None)])
    expected = encode(whole)
    assert encode(pa.concat_tables([table(rows[:cut]), table(rows[cut:])])) == expected
    assert encode(spare.slice(1, len(rows))) == expected
    assert encode(whole.replace_schema_metadata({"pandas": "x"})) == expected
    assert encode(decode(expected, Path("x"))) == expected
    assert decode(expected, Path("x")).equals(whole)


def test_metadata_is_sorted_and_pandas_metadata_is_dropped() -> None:
    frame = pd.DataFrame({"score": [1.0, 2.0]}, index=[7, 9])
    from_pandas = pa.Table.from_pandas(frame, preserve_index=False)
    assert b"pandas" in from_pandas.schema.metadata
    assert encode(from_pandas) == encode(pa.table({"score": [1.0, 2.0]}))
    assert encode(from_pandas, {"a": "1", "b": "2"}) == encode(from_pandas, {"b": "2", "a": "1"})
    assert encode(from_pandas, {"a": "1"}) != encode(from_pandas)


def test_versions_lists_every_table_by_name(store: Store) -> None:
    second, first = write(store, 1.0, "score.safety"), write(store, 2.0, "area")
    store.quarantine("bad", scores(9.0), reason="x", results=[], run_id="r")
    assert list(store.versions().items()) == [("area", first), ("score.safety", second)]


def test_reading_a_table_that_was_never_written_is_refused(store: Store) -> None:
    with pytest.raises(SpiError, match=r"There is no table 'score' in the store .*run `spi refresh`"):
        store.read("score")


def test_a_kept_version_is_stale_since_its_first_failure_until_it_is_written_again(
    store: Store, clock: list[str]
) -> None:
    good = write(store, 1.0)
    store.keep("score", reason="the publisher was away", run_id="r2")
    kept = store.keep("score", reason="a column was missing", run_id="r3")
    assert kept == replace(good, stale_since="2026-01-02", stale_reason="a column was missing", stale_run_id="r3")
    assert store.current("score") == kept
    assert store.read("score").equals(scores(1.0))
    fresh = write(store, 1.0, run_id="r4")
    assert store.current("score") == fresh == replace(good, run_id="r4", written_at="2026-01-03")


def test_without_a_good_version_nothing_is_kept(store: Store) -> None:
    assert store.keep("score", reason="away", run_id="r1") is None
    assert not store.root.exists()


def test_a_version_checked_again_is_unchanged_and_no_longer_stale(store: Store, clock: list[str]) -> None:
    good = store.write("score", scores(1.0), fingerprint="f1", judged="lenient", run_id="r1")
    assert good.judged == "lenient"
    store.keep("score", reason="a rule was broken", run_id="r2")
    assert store.record_check("score", "strict") == store.current("score") == replace(good, judged="strict")
    with pytest.raises(SpiError, match=r"There is no table 'area' to check again: run `spi refresh`"):
        store.record_check("area", "strict")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"sha256": "',
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"sha256": 3}',
        json.dumps({"sha256": "../../../../etc/passwd"}).encode(),
        json.dumps({"sha256": "0" * 64, "rows": 1}).encode(),
        json.dumps({"sha256": "0" * 64, "name": "other"}).encode(),
    ],
)
def test_a_damaged_pointer_is_named_with_its_remedy(store: Store, content: bytes) -> None:
    pointer = write(store, 1.0).path.with_name("current.json")
    pointer.write_bytes(content)
    for use in (store.current, store.read, lambda _: store.versions()):
        with pytest.raises(SpiError, match=r"current\.json cannot be read .*run `spi refresh` .*delete .*current.json"):
            use("score")
    write(store, 2.0)
    assert store.read("score").equals(scores(2.0))


def test_a_truncated_or_missing_file_is_named_with_its_remedy(store: Store) -> None:
    version = write(store, 1.0)
    whole = version.path.read_bytes()
    version.path.write_bytes(whole[:-10])
    message = f"{version.path.name} has {len(whole) - 10} bytes where {len(whole)} were written .*delete .*current.json"
    for use in (store.current, store.read):
        with pytest.raises(SpiError, match=message):
            use("score")
    version.path.unlink()
    with pytest.raises(SpiError, match=f"{version.path.name} is missing"):
        store.current("score")


def test_a_file_damaged_in_place_is_noticed_on_reading_and_repaired_by_writing(store: Store) -> None:
    version = write(store, 1.0)
    whole = version.path.read_bytes()
    version.path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    for use in (store.current, store.read, Store(store.root).current):
        with pytest.raises(SpiError, match="does not hold the bytes that were written"):
            use("score")
    write(store, 1.0)
    assert store.current("score") == version
    assert store.read("score").equals(scores(1.0))


def test_a_quarantined_version_is_retained_with_its_report_alongside_the_good_one(store: Store) -> None:
    good = write(store, 1.0)
    results = [{"rule": "between_score", "outcome": "failed", "failing_rows": [{"score": -1.0}]}]
    report = store.quarantine("score", scores(-1.0), reason="score out of range", results=results, run_id="r2")
    assert report.parent == store.root / "quarantine" / "score"
    document = json.loads(report.read_text())
    assert document.pop("quarantined_at").endswith("+00:00")
    assert document.pop("seal")
    assert document == {
        "table": "score", "reason": "score out of range", "run_id": "r2", "rows": 2, "results": results
    }  # fmt: skip
    rows = report.with_suffix(".parquet")
    assert pq.read_table(rows).equals(scores(-1.0))
    assert hashlib.sha256(rows.read_bytes()).hexdigest() == report.stem
    assert store.current("score") == good


def test_an_identical_bad_version_is_stored_once_and_reports_the_latest_run(store: Store) -> None:
    def refuse(run_id: str) -> Path:
        return store.quarantine("score", scores(-1.0), reason="range", results=[], run_id=run_id)

    assert refuse("r1") == refuse("r2")
    assert json.loads(refuse("r3").read_text())["run_id"] == "r3"
    assert len(list((store.root / "quarantine" / "score").iterdir())) == 2


def test_an_unreadable_file_leaves_only_a_report(store: Store) -> None:
    report = store.quarantine("score", None, reason="not a CSV file", results=[], run_id="r1")
    assert json.loads(report.read_text())["rows"] is None
    assert list(report.parent.iterdir()) == [report]
