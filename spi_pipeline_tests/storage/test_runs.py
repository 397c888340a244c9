from __future__ import annotations

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.store import Store


def test_rows_are_added_and_no_run_touches_another(store: Store) -> None:
    store.append_run("check_result", "run-b", pa.table({"run_id": ["b"], "rule": ["key"]}))
    store.append_run("check_result", "run-a", pa.table({"run_id": ["a"], "rule": ["key"]}))
    store.append_run("check_result", "run-b", pa.table({"run_id": ["b", "b"], "rule": ["types", "required"]}))
    store.append_run("source_release", "run-a", pa.table({"run_id": ["a"]}))
    found = store.read_runs("check_result")
    assert found is not None
    assert found.to_pylist() == [
        {"run_id": "a", "rule": "key"},
        {"run_id": "b", "rule": "key"},
        {"run_id": "b", "rule": "types"},
        {"run_id": "b", "rule": "required"},
    ]
    assert sorted(path.name for path in (store.root / "runs" / "check_result").iterdir()) == [
        "run-a.parquet",
        "run-b.parquet",
    ]


def test_schemas_of_different_runs_are_made_one(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"], "failing_rows": [3]}))
    store.append_run("check_result", "r2", pa.table({"rule": pa.array(["types"], pa.large_string()), "value": [0.5]}))
    store.append_run("check_result", "r3", pa.table({"rule": ["varies"], "failing_rows": pa.nulls(1)}))
    found = store.read_runs("check_result")
    assert found is not None
    assert found.to_pylist() == [
        {"rule": "key", "failing_rows": 3, "value": None},
        {"rule": "types", "failing_rows": None, "value": 0.5},
        {"rule": "varies", "failing_rows": None, "value": None},
    ]


def test_types_that_do_not_agree_are_named(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"]}))
    with pytest.raises(SpiError, match="rule has incompatible types: string vs int64"):
        store.append_run("check_result", "r1", pa.table({"rule": [3]}))
    store.append_run("check_result", "r2", pa.table({"rule": [3]}))
    with pytest.raises(SpiError, match="rule has incompatible types"):
        store.read_runs("check_result")


def test_a_damaged_record_is_named(store: Store) -> None:
    store.append_run("check_result", "r1", pa.table({"rule": ["key"]}))
    file = store.root / "runs" / "check_result" / "r1.parquet"
    file.write_bytes(file.read_bytes()[:-6])
    with pytest.raises(SpiError, match=r"r1\.parquet is not a whole Parquet file .*move it out of the store"):
        store.read_runs("check_result")
