"""A release is complete and immutable and records its state; the public sees only what it should."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.storage.published.releases import ERRATUM, REVISED, SIGNED, WITHDRAWN, Contents, Release, below
from spi_pipeline.storage.retention import Retention
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage.examples import built, fetched, scores

SPARSE = Retention(runs=1, versions=0, downloads=0, refused=1, publications=0)
SIGNATURE = {"at": "2026-11-28T00:00:00+00:00", "by": "Ann", "note": "why"}


def released(store: Store, name: str, value: float) -> Release:
    """Make a table and a publication with one value current, and release them."""
    version = store.write("score", scores(value), fingerprint=f"f{value}", run_id="r1")
    store.publish(built(value), fingerprint=f"p{int(value)}", run_id="r1", made_of={"score": version.sha256})
    fetched(store, f"{value}", "r1")
    contents = Contents(
        published=dict(below(store.published.resolve())), tables={"score": version.path},
        contracts={"a.yaml": b"a: 1"}, snapshot={}, raw={"census": store.raw("census").export_files()},
    )  # fmt: skip
    return store.releases.create(name, {"tables": {"score": version.sha256}, "downloads": {"census": []}}, contents)


def state_of(store: Store, name: str) -> str:
    return store.releases.get(name).state


def test_a_release_survives_pruning(store: Store) -> None:
    release = released(store, "r-1", 1.0)
    released(store, "r-2", 2.0)
    assert store.prune(SPARSE)
    assert release.read("score").equals(scores(1.0))
    assert release.damage() == []
    assert [each.id for each in store.releases.all()] == ["r-1", "r-2"]
    other = Store(store.root.parent / "other")
    other.raw("census").import_files(release.raw / "census")
    assert [one.path.read_text() for one in other.raw("census").current().downloads] == ["figures of 1.0"]  # type: ignore[union-attr]


def test_a_release_consists_of_links_and_takes_no_space(store: Store) -> None:
    release = released(store, "r-1", 1.0)
    file = store.current("score")
    assert file is not None
    assert (release.folder / "tables" / "score.parquet").samefile(file.path)


def test_damage_to_any_file_of_a_release_is_reported(store: Store) -> None:
    release = released(store, "r-1", 1.0)
    for file in sorted(path for path in release.folder.rglob("*") if path.is_file()):
        whole = file.read_bytes()
        file.unlink()  # a hard link shares its bytes with the store
        file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        (message,) = [problem for problem in store.damage(deep=True) if "elease" in problem]
        assert file.name in message
        file.write_bytes(whole)
    assert store.damage(deep=True) == []


def test_events_are_accepted_only_in_a_valid_order(store: Store) -> None:
    releases, first = store.releases, released(store, "r-1", 1.0)
    for event in (REVISED, WITHDRAWN, ERRATUM):
        with pytest.raises(SpiError, match="Release r-1 is draft; only one that is signed"):
            releases.add(first, event, **SIGNATURE)
    signed = releases.add(first, SIGNED, **SIGNATURE)
    assert (signed.state, signed.number) == (SIGNED, 1)
    with pytest.raises(SpiError, match="Release r-1 is signed; only one that is draft can be signed"):
        releases.add(signed, SIGNED, **SIGNATURE)
    corrected = releases.add(signed, ERRATUM, **SIGNATURE)
    assert (corrected.state, len(corrected.events)) == (SIGNED, 2)
    assert releases.add(corrected, WITHDRAWN, **SIGNATURE).state == WITHDRAWN
    assert releases.newest() is None


def test_the_newest_release_is_the_last_signed_one_still_in_force(store: Store) -> None:
    releases = store.releases
    first, second, third = (released(store, name, value) for name, value in (("z", 1.0), ("m", 2.0), ("a", 3.0)))
    for release in (first, third, second):
        releases.add(release, SIGNED, **SIGNATURE)
    assert [release.id for release in releases.all()] == ["z", "a", "m"]
    releases.add(releases.get("m"), REVISED, **SIGNATURE)
    newest = releases.newest()
    assert newest is not None
    assert newest.id == "a"


def test_an_unknown_or_taken_name_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no release 'r-1', since there are no releases yet: make one"):
        store.releases.get("r-1")
    release = released(store, "r-1", 1.0)
    with pytest.raises(UnknownNameError, match=r"there is no release 'r-11'; did you mean r-1\?"):
        store.releases.get("r-11")
    with pytest.raises(SpiError, match="There is a release r-1 already"):
        released(store, "r-1", 2.0)
    assert release.read("score").equals(scores(1.0))
    assert store.releases.free_id("r-1") == "r-1-2"
    with pytest.raises(SpiError, match="cannot name a release"):
        store.releases.free_id("../r")
    shutil.copytree(release.folder, tmp_path / "carried" / "r-1")
    carried = store.releases.get(str(tmp_path / "carried" / "r-1"))
    assert carried.read("score").equals(scores(1.0))
    with pytest.raises(SpiError, match="is outside the store"):
        store.releases.add(carried, SIGNED, **SIGNATURE)


def test_a_release_that_cannot_be_created_leaves_no_files(store: Store, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match="could not be written"):
        store.releases.create("r-1", {"tables": {}}, Contents({"a": b"1", "b": tmp_path / "gone"}, {}, {}, {}, {}))
    assert store.releases.all() == []
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_damaged_record_is_reported_and_does_not_block_other_releases(store: Store) -> None:
    for name, value in (("a", 1.0), ("b", 2.0)):
        store.releases.add(released(store, name, value), SIGNED, **SIGNATURE)
    store.show(signed=True)
    seen = store.public.resolve()
    (store.root / "releases" / "b.json").write_text("garbage")
    assert [release.id for release in store.releases.all()] == ["a"]
    (message,) = store.damage()
    assert message.startswith("The record of release b is damaged")
    store.show(signed=True)
    assert store.public.resolve() == seen, "the public link does not silently return to an older release"
    with pytest.raises(SpiError, match="The record of release b is damaged"):
        store.shown("", signed=True)
    assert store.shown("a", signed=True).name == "a", "it is requested by name"
    third = released(store, "c", 3.0)
    with pytest.raises(SpiError, match="The record of release b is damaged"):
        store.releases.add(third, SIGNED, **SIGNATURE)
    assert store.releases.free_id("b") == "b-2"


def test_the_record_of_a_release_is_sealed(store: Store) -> None:
    release = released(store, "r-1", 1.0)
    about = release.folder / "release.json"
    about.chmod(0o644)
    about.write_text(json.dumps(json.loads(about.read_text()) | {"tables": {}}))
    with pytest.raises(SpiError, match="The record of release r-1 is damaged"):
        store.releases.get("r-1")


@pytest.mark.parametrize("signed", [False, True])
def test_the_public_sees_the_signed_release_or_the_newest_publication(store: Store, signed: bool) -> None:
    store.show(signed=signed)
    assert not store.public.exists()
    first = store.releases.add(released(store, "r-1", 1.0), SIGNED, **SIGNATURE)
    released(store, "r-2", 2.0)
    store.show(signed=signed)
    assert store.public.resolve() == (first.published if signed else store.published.resolve())
    assert store.shown("r-1", signed=signed).database.parent == first.published
    store.releases.add(store.releases.get("r-1"), WITHDRAWN, **SIGNATURE)
    store.show(signed=signed)
    assert store.public.exists() is not signed
    store.releases.add(store.releases.get("r-1"), ERRATUM, **SIGNATURE | {"by": "Cid", "note": "what"})
    with pytest.raises(SpiError, match=r"release r-1 was withdrawn by Ann: why"):
        store.shown("r-1", signed=signed)
    assert store.public.is_symlink() is not signed


def test_a_backup_holds_the_releases(store: Store, tmp_path: Path) -> None:
    with store.lock():
        store.releases.add(released(store, "r-1", 1.0), SIGNED, **SIGNATURE)
        store.show(signed=True)
    store.back_up(tmp_path / "copy")
    other = Store(tmp_path / "other")
    other.restore(tmp_path / "copy", replace=False)
    assert state_of(other, "r-1") == SIGNED
    assert other.releases.damage() == []
    assert other.public.resolve() == other.releases.get("r-1").published
    assert other.releases.get("r-1").read("score").num_rows == pa.table(scores(1.0)).num_rows
