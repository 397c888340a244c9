"""What pruning deletes and, above all, retains: all that is current or published, and downloads behind such tables."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.storage.retention import Retention
from spi_pipeline.storage.store import Store
from spi_pipeline.storage.tables import ORIGINS
from spi_pipeline_tests.storage.examples import AT, built, scores

LEAST = Retention(runs=1, versions=0, downloads=0, refused=1, publications=0)
MORE = Retention(runs=2, versions=1, downloads=1, refused=2, publications=1)


def write(store: Store, value: float) -> str:
    return store.write("score", scores(value), fingerprint=str(value), run_id="r1").sha256


def versions(store: Store) -> set[str]:
    return {file.stem for file in (store.root / "tables" / "score").glob("*.parquet")}


def fetch(store: Store, content: bytes, key: str = "one") -> str:
    raw = store.raw("census")
    raw.begin()
    with raw.receiving(key) as body:
        body.write_bytes(content)
        download = raw.store(key, body, f"https://example.org/{key}", "2026", None, {})
    raw.complete([download], since=None, run_id="r1", at=AT)
    return download.sha256


def bodies(store: Store) -> set[str]:
    return {file.name for file in (store.root / "raw" / "census").iterdir() if len(file.name) == 64}


def test_pruning_keeps_current_and_published_versions_and_the_newest_others(store: Store) -> None:
    written = [write(store, float(number)) for number in range(5)]
    store.publish(built(1.0), fingerprint="p1", run_id="r1", made_of={"score": written[0]})
    assert store.prune(MORE, dry=True) == store.prune(MORE)
    assert versions(store) == {written[0], written[3], written[4]}
    store.prune(LEAST)
    assert versions(store) == {written[0], written[4]}
    assert store.read("score").equals(scores(4.0))
    assert store.prune(LEAST) == []


def test_a_dry_run_removes_nothing_and_reports_the_size(store: Store) -> None:
    write(store, 1.0)
    (gone,) = [store.current("score").path]  # type: ignore[union-attr]
    write(store, 2.0)
    (removal,) = store.prune(LEAST, dry=True)
    assert (removal.path, removal.bytes) == (gone, gone.stat().st_size)
    assert gone.exists()


@pytest.mark.parametrize("place", ["tables/score/current.json", "published/p1/publication.json"])
def test_a_damaged_pointer_or_manifest_keeps_every_version(store: Store, place: str) -> None:
    written = {write(store, float(number)) for number in range(4)}
    store.publish(built(1.0), fingerprint="p1", run_id="r1", made_of={})
    pointer = store.root / place
    pointer.chmod(0o644)
    pointer.write_bytes(pointer.read_bytes().replace(b"r1", b"r2"))
    store.prune(LEAST)
    assert versions(store) == written


def test_downloads_behind_a_kept_table_are_kept(store: Store) -> None:
    first = fetch(store, b"first")
    origins = {ORIGINS: json.dumps([{"sha256": first}])}
    store.write("census", pa.table({"a": [1]}), fingerprint="f", run_id="r1", metadata=origins)
    second, third = fetch(store, b"second"), fetch(store, b"third")
    store.prune(LEAST)
    assert bodies(store) == {first, third}
    assert second not in {file.stem for file in (store.root / "raw" / "census").glob("*.json")}
    current = store.raw("census").current()
    assert current is not None
    assert [one.sha256 for one in current.downloads] == [third]


def test_nothing_is_deleted_from_a_source_during_a_fetch(store: Store) -> None:
    store.write("census", pa.table({"a": [1]}), fingerprint="f", run_id="r1")
    written = {fetch(store, bytes([number])) for number in range(3)}
    store.raw("census").begin()
    store.prune(LEAST)
    assert bodies(store) == written


def test_all_records_of_a_run_are_kept_or_deleted_together(store: Store) -> None:
    for number in range(4):
        for kind in ("check_result", "source_release"):
            store.append_run(kind, f"r{number}", pa.table({"n": [number]}))
    store.append_run("run", "r0", pa.table({"n": [0]}))
    newest = store.newest_run("check_result")
    store.prune(MORE)
    stamps = {kind: set(store.run_stamps(kind)) for kind in ("check_result", "source_release", "run")}
    assert stamps == {"check_result": {"r0", "r2", "r3"}, "source_release": {"r0", "r2", "r3"}, "run": {"r0"}}
    assert store.newest_run("check_result") == newest, "pruning older runs makes nothing stale"


def test_the_trace_of_a_hung_run_is_kept_as_long_as_its_records(store: Store) -> None:
    for number in range(4):
        with store.running(f"r{number}", {}) as trace:
            trace.write_text("Timeout (0:00:01)!", encoding="utf-8")
        if number:
            store.append_run("run", f"r{number}", pa.table({"n": [number]}))
            store.ended(f"r{number}")
    store.prune(MORE)
    left = {trace.stem for trace in (store.root / "running").glob("*.trace")}
    assert left == {"r0", "r2", "r3"}, "the end of r0 is not recorded yet"


def test_refused_versions_are_kept_with_their_reports(store: Store) -> None:
    for number in range(4):
        store.quarantine("score", scores(-number), reason="negative", results=[], run_id=f"r{number}")
    store.prune(MORE)
    left = list((store.root / "quarantine" / "score").iterdir())
    assert len(left) == 4
    assert store.quarantined("score", "r3")
    assert store.quarantined("score", "r1") is None
    assert store.damage(deep=True) == []


def flip_bit(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)


def test_damage_to_any_file_is_reported(store: Store) -> None:
    write(store, 1.0)
    fetch(store, b"first")
    store.quarantine("score", scores(-1), reason="negative", results=[], run_id="r1")
    store.append_run("run", "r1", pa.table({"n": [0]}))
    store.publish(built(1.0), fingerprint="p1", run_id="r1", made_of={})
    files = [file for file in store.root.rglob("*") if file.is_file() and not file.is_symlink()]
    watched = [file for file in files if file.name not in ("layout", "refresh.lock")]
    assert len(watched) > 9
    for file in watched:
        whole = file.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 25)):
            flip_bit(file, at)
            assert any(
                str(file) in problem or file.parent.name in problem for problem in Store(store.root).damage(deep=True)
            ), f"{file} at {at}"
            file.write_bytes(whole)
    assert Store(store.root).damage(deep=True) == []
