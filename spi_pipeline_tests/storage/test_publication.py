"""Readers see whole publications, whatever they contain; a damaged one never counts as current."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.retention import Retention
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start
from spi_pipeline_tests.storage.examples import built

KEEP = Retention(runs=1, versions=0, downloads=0, refused=1, publications=1)
TOTAL = "SELECT sum(score) FROM score"


def select(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def publish(store: Store, fingerprint: str, value: float, run_id: str = "r1") -> Path:
    return store.publish(built(value), fingerprint=fingerprint, run_id=run_id).path


def published(store: Store) -> set[str]:
    return {path.name for path in (store.root / "published").iterdir()}


def test_a_publication_is_reached_through_relative_links(store: Store, tmp_path: Path) -> None:
    folder = publish(store, "v1", 1.0)
    assert folder == store.root / "published" / "v1"
    assert {path.name for path in folder.iterdir()} == {"spi.duckdb", "publication.json"}
    assert store.published_version() == "v1"
    assert str(store.database.readlink()) == "published/current/spi.duckdb"
    assert str((store.root / "published" / "current").readlink()) == "v1"
    store.root.rename(tmp_path / "moved")
    assert select(tmp_path / "moved" / "spi.duckdb", TOTAL) == [(2.0,)]


def test_a_publication_is_versioned_like_a_table(store: Store) -> None:
    fingerprint = "0123456789abcdef" * 4
    version = store.publish(built(1.0), fingerprint=fingerprint, run_id="r1")
    assert version == store.current("publication")
    assert (version.sha256, version.fingerprint, version.run_id) == (fingerprint[:16], fingerprint, "r1")
    assert (version.rows, version.stale_since) == (1, None)
    assert version.bytes == sum(file.stat().st_size for file in version.path.iterdir())
    assert "publication" not in store.versions(), "it is not a table"


def test_damage_in_a_folder_of_a_publication_is_noticed_and_repaired(store: Store) -> None:
    def site(folder: Path) -> None:
        (folder / "site" / "wards").mkdir(parents=True)
        (folder / "site" / "wards" / "farley.html").write_text("Farley")

    page = store.publish(site, fingerprint="v1", run_id="r1").path / "site" / "wards" / "farley.html"
    assert store.published_version() == "v1"
    page.write_text("Barley")
    assert store.published_version() is None
    store.publish(site, fingerprint="v1", run_id="r1")
    assert page.read_text() == "Farley"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def edit(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE score SET score = 99")


@pytest.mark.parametrize("damage", [cut, flip, edit, Path.unlink])
def test_a_publication_with_a_damaged_file_is_not_current_and_is_rebuilt(
    store: Store, damage: Callable[[Path], object]
) -> None:
    publish(store, "v1", 1.0)
    publish(store, "v2", 2.0)
    damage(store.root / "published" / "v2" / "spi.duckdb")
    assert store.published_version() is None
    assert store.current("publication") is None
    assert select(store.root / "published" / "v1" / "spi.duckdb", TOTAL) == [(2.0,)]
    publish(store, "v2", 3.0)
    assert store.published_version() == "v2"
    assert select(store.database, TOTAL) == [(6.0,)]


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"files": []}', b'{"files": {}}', b"\xff", None])
def test_a_publication_without_a_valid_manifest_is_rebuilt(store: Store, content: bytes | None) -> None:
    manifest = publish(store, "v1", 1.0) / "publication.json"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    assert store.published_version() is None
    publish(store, "v1", 1.0)
    assert store.published_version() == "v1"


def test_a_publication_is_reused_only_if_its_whole_fingerprint_matches(store: Store) -> None:
    publish(store, f"{'0' * 16}1", 1.0)
    publish(store, f"{'0' * 16}2", 2.0)
    assert json.loads((store.root / "published" / "current" / "publication.json").read_text())["fingerprint"][-1] == "2"
    assert select(store.database, TOTAL) == [(4.0,)]


def test_a_publication_that_cannot_be_built_changes_nothing(store: Store, no_leftovers: Callable[[], bool]) -> None:
    def fail(folder: Path) -> None:
        built(2.0)(folder)
        raise SpiError("no")

    publish(store, "v1", 1.0)
    with pytest.raises(SpiError, match="no"):
        store.publish(fail, fingerprint="v2", run_id="r2")
    assert store.published_version() == "v1"
    assert select(store.database, TOTAL) == [(2.0,)]
    assert published(store) == {"v1", "current"}
    assert no_leftovers()


def test_an_earlier_publication_becomes_current_again_without_a_rebuild(store: Store) -> None:
    publish(store, "v1", 1.0)
    publish(store, "v2", 2.0)
    publish(store, "v1", 99.0)
    assert store.published_version() == "v1"
    assert select(store.database, TOTAL) == [(2.0,)]
    assert published(store) == {"v1", "v2", "current"}


def test_pruning_keeps_the_previous_publication_and_deletes_older_ones(store: Store) -> None:
    for number in range(1, 5):
        publish(store, f"v{number}", float(number))
    store.prune(KEEP)
    assert published(store) == {"v3", "v4", "current"}
    publish(store, "v4", 4.0)
    store.prune(KEEP)
    assert published(store) == {"v3", "v4", "current"}


def test_a_reader_keeps_the_database_it_opened_even_after_it_is_deleted(store: Store, start: Start) -> None:
    publish(store, "v1", 1.0)
    _, pipe = start(children.read_twice, store.database)
    assert pipe.recv() == [(1.0,)]
    publish(store, "v2", 2.0)
    publish(store, "v3", 3.0)
    store.prune(KEEP)
    assert published(store) == {"v2", "v3", "current"}
    pipe.send("again")
    assert pipe.recv() == [(1.0,)]
    _, later = start(children.read_twice, store.database)
    assert later.recv() == [(3.0,)]
