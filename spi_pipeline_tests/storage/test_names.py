"""Names that the store accepts and refuses, for itself, its tables, its runs and its publications."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage.examples import scores


@pytest.mark.parametrize("url", ["s3://bucket/store", "file:///var/store", "HTTP://host", Path("gs://bucket/store")])
def test_a_url_is_refused(url: str | Path) -> None:
    with pytest.raises(SpiError, match="is a URL; only a working copy"):
        Store(url)


def test_a_store_creates_nothing_before_its_first_write(store: Store) -> None:
    assert (store.current("score"), store.versions(), store.read_runs("check_result")) == (None, {}, None)
    assert store.published_version() is None
    assert not store.root.exists()
    assert store.dagster_home == store.root / "dagster"


@pytest.mark.parametrize("name", ["score", "score.safety", "census_2021.ts001"])
def test_table_names_in_use_are_accepted(store: Store, name: str) -> None:
    assert store.write(name, scores(1.0), fingerprint="f", run_id="r").path.parent == store.root / "tables" / name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a.b.c", "a.", ".a", "../up", "a/b", "Score", "score-x", "score ", "score\n", "café"]
)
@pytest.mark.parametrize(
    "use",
    [
        lambda store, name: store.current(name),
        lambda store, name: store.read(name),
        lambda store, name: store.write(name, scores(1.0), fingerprint="f", run_id="r"),
        lambda store, name: store.keep(name, reason="x", run_id="r"),
        lambda store, name: store.quarantine(name, None, reason="x", results=[], run_id="r"),
    ],
)
def test_other_table_names_are_refused(store: Store, name: str, use: Callable[[Store, str], object]) -> None:
    with pytest.raises(SpiError, match="is not a table name of the store"):
        use(store, name)
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "v1.tmp-3", "current", "-x", "x\n"])
@pytest.mark.parametrize(
    "use",
    [
        lambda store, name: store.append_run("check_result", name, pa.table({"a": [1]})),
        lambda store, name: store.append_run(name, "run", pa.table({"a": [1]})),
        lambda store, name: store.read_runs(name),
        lambda store, name: store.publish(lambda folder: None, fingerprint=name, run_id="r"),
        lambda store, name: store.cache(name, {"a": 1}),
        lambda store, name: store.cached(name),
    ],
)
def test_other_identifiers_are_refused(store: Store, name: str, use: Callable[[Store, str], object]) -> None:
    with pytest.raises(SpiError, match="cannot name a"):
        use(store, name)
    assert not store.root.exists()
