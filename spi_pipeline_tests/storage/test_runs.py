"""Records of runs: appended run by run, read as one table, and set aside if they are damaged."""

from __future__ import annotations

import hashlib
import os

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.retention import Retention
from spi_pipeline.storage.store import Store


def test_appended_rows_leave_other_runs_unchanged(store: Store) -> None:
    store.append_run("check_result", "run-b", pa.table({"run_id": ["b"], "rule": ["key"]}))
    store.append_run("check_result", "run-a", pa.table({"run_id": ["a"], "rule": ["key"]}))
    store.append_run("check_result", "run-b", pa.table({"run_id": ["b", "b"], "rule": ["types", "required"]}))
    store.append_run("source_release", "run-a", pa.table({"run_id": ["a"]}))
    records = store.read_runs("check_result")
    assert records is not None
    assert records.to_pylist() == [
        {"run_id": "a", "rule": "key"},
        {"run_id": "b", "rule": "key"},
        {"run_id": "b", "rule": "types"},
        {"run_id": "b", "rule": "required"},
    ]
    files = sorted((store.root / "runs" / "check_result").iterdir())
    assert [path.name.partition(".")[0] for path in files] == ["run-a", "run-b"]
    assert [path.stem.partition(".")[2] for path in files] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    ]


def test_schemas_of_different_runs_are_merged(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"], "failing_rows": [3]}))
    store.append_run("check_result", "r2", pa.table({"rule": pa.array(["types"], pa.large_string()), "value": [0.5]}))
    store.append_run("check_result", "r3", pa.table({"rule": ["not_constant"], "failing_rows": pa.nulls(1)}))
    records = store.read_runs("check_result")
    assert records is not None
    assert records.to_pylist() == [
        {"rule": "key", "failing_rows": 3, "value": None},
        {"rule": "types", "failing_rows": None, "value": 0.5},
        {"rule": "not_constant", "failing_rows": None, "value": None},
    ]


def test_incompatible_types_are_named(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"]}))
    with pytest.raises(SpiError, match="rule has incompatible types: string vs int64"):
        store.append_run("check_result", "r1", pa.table({"rule": [3]}))
    store.append_run("check_result", "r2", pa.table({"rule": [3]}))
    with pytest.raises(SpiError, match="rule has incompatible types"):
        store.read_runs("check_result")


def test_a_damaged_record_is_named(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"]}))
    (file,) = (store.root / "runs" / "check_result").iterdir()
    whole = file.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(SpiError, match=r"r1\..*does not hold the bytes that were written: run spi refresh"):
            store.read_runs("check_result")
    assert len(store.damage(deep=True)) == 1
    file.write_bytes(whole)
    assert store.damage(deep=True) == []


def test_a_damaged_record_is_set_aside_until_its_run_is_pruned(store: Store) -> None:
    for run_id in ("r1", "r2"):
        store.append_run("check_result", run_id, pa.table({"rule": [run_id]}))
    (file,) = (store.root / "runs" / "check_result").glob("r1.*")
    file.write_bytes(file.read_bytes()[:-9])
    (message,) = store.set_records_aside()
    assert message.startswith(
        f"{file} was damaged and is set aside as {file.name}.damaged; the records of that run are lost"
    )
    assert store.set_records_aside() == []
    assert store.damage(deep=True) == []
    records = store.read_runs("check_result")
    assert records is not None
    assert records.to_pydict() == {"rule": ["r2"]}
    removed = store.prune(Retention(runs=1, versions=1, downloads=0, refused=1, publications=1))
    assert [one.path.name for one in removed] == [f"{file.name}.damaged"]


def test_a_record_of_an_earlier_version_is_read_and_extended(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"]}))
    (file,) = (store.root / "runs" / "check_result").iterdir()
    file.rename(file.with_name("r1.parquet"))
    store.append_run("check_result", "r1", pa.table({"rule": ["types"]}))
    records = store.read_runs("check_result")
    assert records is not None
    assert records["rule"].to_pylist() == ["key", "types"]
    assert len(list(file.parent.iterdir())) == 1


def test_the_newer_of_two_files_left_by_a_kill_counts(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"]}))
    (file,) = (store.root / "runs" / "check_result").iterdir()
    before = file.read_bytes()
    store.append_run("check_result", "r1", pa.table({"rule": ["types"]}))
    file.write_bytes(before)
    os.utime(file, ns=(1, 1))
    for records in (store.read_runs("check_result"), store.read_run("check_result", "r1")):
        assert records is not None
        assert records["rule"].to_pylist() == ["key", "types"]
    assert len(store.run_stamps("check_result")) == 1
