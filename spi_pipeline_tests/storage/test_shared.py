"""A store that machines share: two copies of it, on an S3-compatible object store and in a shared folder."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import obstore
import pytest
from typer.main import get_command

from spi_pipeline.cli.entry import READING, WRITING, app
from spi_pipeline.contracts.errors import SettingError, SpiError
from spi_pipeline.settings import Settings
from spi_pipeline.storage.lock import exclusive
from spi_pipeline.storage.shared.copy import Copy, run_on_copy
from spi_pipeline.storage.shared.objects import LostRaceError, Objects
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage.conftest import state
from spi_pipeline_tests.storage.examples import built, fetched, scores
from spi_pipeline_tests.storage.seaweed import KEYS, Seaweed

AT_ONCE = dt.timedelta(0)


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    server = Seaweed(tmp_path_factory.mktemp("seaweed"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/shared folder"
    server: Seaweed = request.getfixturevalue("seaweed")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://spi/{tmp_path.name}/councils/luton"


@pytest.fixture
def machines(url: str, tmp_path: Path) -> tuple[Copy, Copy]:
    return Copy(url, tmp_path / "one"), Copy(url, tmp_path / "other")


def silent(_sentence: str) -> None:
    pass


def write(copy: Copy, name: str, value: float) -> None:
    Store(copy.root).write(name, scores(value), fingerprint="f", run_id="r")


def values(copy: Copy) -> dict[str, float]:
    store = Store(copy.root)
    return {name: store.read(name).column("score")[0].as_py() for name in store.versions()}


def test_one_machine_gets_what_another_wrote(machines: tuple[Copy, Copy], tmp_path: Path) -> None:
    one, other = machines

    def work() -> None:
        store = Store(one.root)
        with store.lock():
            write(one, "score", 1.0)
            fetched(store, "2026", "r1")
            store.publish(built(1.0), fingerprint="a" * 64, run_id="r1")
            store.publish(built(2.0), fingerprint="b" * 64, run_id="r2")
            store.append_run("run", "r1", scores(1.0))
            store.cache("code", {"digests": {}})

    run_on_copy(one, work, notify=silent)
    run_on_copy(other, lambda: None, writes=False, notify=silent)
    assert state(other) == state(one)
    store = Store(other.root)
    assert store.published_version() == "b" * 16
    assert store.database.stat().st_mode & 0o777 == 0o444, "published files are read-only"
    assert (one.root / "cache").is_dir()
    assert not (other.root / "cache").exists(), "each machine keeps its own cache"
    assert Store(one.root).back_up(tmp_path / "backup") > 0
    run_on_copy(other, lambda: Store(other.root).restore(tmp_path / "backup", replace=True), notify=silent)
    run_on_copy(one, lambda: None, writes=False, notify=silent)
    assert state(one)["files"].keys() == state(other)["files"].keys()
    assert (one.root / "cache").is_dir()


def test_of_two_simultaneous_writers_the_loser_starts_again_and_nothing_is_lost(machines: tuple[Copy, Copy]) -> None:
    one, other = machines
    notices: list[str] = []

    def slower() -> str:
        if not notices:  # between its download and its upload, another machine writes twice
            run_on_copy(other, lambda: write(other, "theirs", 2.0), notify=silent)
            run_on_copy(other, lambda: write(other, "both", 2.0), notify=silent)
        write(one, "both", float(Store(one.root).current("both") is not None))
        return "done"

    assert run_on_copy(one, slower, notify=notices.append) == "done"
    assert notices == ["another machine wrote to the store meanwhile: repeating the command on its new state"]
    run_on_copy(other, lambda: None, writes=False, notify=silent)
    assert values(one) == values(other) == {"both": 1.0, "theirs": 2.0}


def test_many_simultaneous_writers_all_succeed(url: str, tmp_path: Path) -> None:
    copies = [Copy(url, tmp_path / f"machine{number}") for number in range(4)]

    def add(number: int) -> None:
        for each in range(2):
            work = partial(write, copies[number], f"by_{number}.at_{each}", float(number))
            run_on_copy(copies[number], work, notify=silent)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_on_copy(copies[0], lambda: None, writes=False, notify=silent)
    assert values(copies[0]) == {f"by_{n}.at_{e}": float(n) for n in range(4) for e in range(2)}


def test_the_manifest_is_replaced_only_by_a_writer_that_read_its_latest_version(url: str) -> None:
    objects = Objects(url)
    assert objects.read() is None
    first = objects.swap(b"first", None)
    assert objects.read() == (b"first", first)
    second = objects.swap(b"second", first)
    for expected in (None, first):
        with pytest.raises(LostRaceError):
            objects.swap(b"third", expected)
    assert objects.read() == (b"second", second)


@pytest.mark.parametrize("url", ["s3"], indirect=True)  # in a folder, no response can get lost
def test_a_replacement_whose_response_was_lost_is_not_a_lost_race(url: str) -> None:
    objects = Objects(url)
    first = objects.swap(b"first", None)
    assert Objects(url).swap(b"first", None) == first
    second = objects.swap(b"second", first)
    assert objects.swap(b"second", first) == second


def test_changes_of_a_killed_command_are_kept_unless_others_wrote(machines: tuple[Copy, Copy]) -> None:
    one, other = machines
    run_on_copy(one, lambda: write(one, "score", 1.0), notify=silent)
    write(one, "half", 2.0)
    one.download()
    assert values(one) == {"half": 2.0, "score": 1.0}
    run_on_copy(other, lambda: write(other, "score", 3.0), notify=silent)
    manual_uploads = Store(one.root).inbox_of("house_prices") / "prices.csv"
    manual_uploads.parent.mkdir(parents=True)
    manual_uploads.write_text("price\n1\n", encoding="utf-8")
    one.download()
    assert values(one) == {"score": 3.0}
    assert manual_uploads.is_file(), "a file supplied by hand is not discarded"
    run_on_copy(one, lambda: None, notify=silent)
    run_on_copy(other, lambda: only_file_in_inbox(other).unlink(), notify=silent)
    one.download()
    assert not manual_uploads.exists()


def only_file_in_inbox(copy: Copy) -> Path:
    [[file]] = Store(copy.root).inbox().values()
    return file


def test_a_command_that_only_reads_uploads_nothing_and_waits_for_no_lock(machines: tuple[Copy, Copy], url: str) -> None:
    one, _ = machines
    run_on_copy(one, lambda: write(one, "score", 1.0), notify=silent)
    before = Objects(url).read()
    run_on_copy(one, lambda: None, notify=silent)
    assert Objects(url).read() == before, "without changes nothing is uploaded"
    with exclusive(one.folder):
        run_on_copy(one, lambda: write(one, "score", 2.0), writes=False, notify=silent)
    assert Objects(url).read() == before


def test_changes_of_a_failed_command_are_uploaded(machines: tuple[Copy, Copy]) -> None:
    one, other = machines

    def work() -> None:
        write(one, "score", 1.0)
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        run_on_copy(one, work, notify=silent)
    other.download()
    assert values(other) == {"score": 1.0}


def test_unreferenced_objects_are_deleted_once_no_writer_can_need_them(
    machines: tuple[Copy, Copy], url: str, tmp_path: Path
) -> None:
    one, other = machines
    run_on_copy(one, lambda: write(one, "score", 1.0), notify=silent)
    (tmp_path / "stray").write_bytes(b"of a killed upload")
    stray = Objects(url).put(tmp_path / "stray", "0" * 64)
    run_on_copy(one, lambda: write(one, "score", 2.0), notify=silent)
    objects = Objects(url)
    objects.fetch(stray, hashlib.sha256(b"of a killed upload").hexdigest(), tmp_path / "back", mode=0o644)
    referenced = {entry.object for entry in one._base()[0].files.values()}
    assert objects.sweep(referenced, older=AT_ONCE) >= 1
    with pytest.raises(SpiError, match=r"is missing: restore it from a backup of the bucket"):
        objects.fetch(stray, "0" * 64, tmp_path / "back", mode=0o644)
    other.download()
    assert values(other) == {"score": 2.0}


def test_a_damaged_object_replaces_nothing(machines: tuple[Copy, Copy], url: str) -> None:
    one, other = machines
    run_on_copy(one, lambda: write(one, "score", 1.0), notify=silent)
    other.download()
    run_on_copy(one, lambda: write(one, "score", 2.0), notify=silent)
    store = Objects(url)._store
    for entry in one._base()[0].files.values():
        obstore.put(store, entry.object, b"x" * entry.size)
    with pytest.raises(SpiError, match=r"does not hold what was written: restore it"):
        other.download()
    assert values(other) == {"score": 1.0}


def test_a_missing_or_damaged_manifest_removes_nothing(machines: tuple[Copy, Copy], url: str) -> None:
    one, other = machines
    run_on_copy(one, lambda: write(one, "score", 1.0), notify=silent)
    store = Objects(url)._store
    obstore.put(store, "manifest.json", b'{"form": 1, "files": {}, "links": {}, "seal": "0"}')
    for copy in machines:
        with pytest.raises(SpiError, match=r"The manifest of .* is damaged: restore it"):
            copy.download()
    obstore.delete(store, "manifest.json")
    with pytest.raises(SpiError, match=r"is missing, although .* is a copy of the files it named"):
        one.download()
    other.download()
    assert values(one) == {"score": 1.0}


def test_a_command_waits_for_an_object_store_that_restarts(
    seaweed: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweed.environment.items():
        monkeypatch.setenv(name, value)
    one, other = (Copy(f"s3://spi/{tmp_path.name}", tmp_path / name) for name in ("one", "other"))

    def work() -> None:
        write(one, "score", 1.0)
        seaweed.kill()
        threading.Timer(5, seaweed.start).start()

    run_on_copy(one, work, notify=silent)
    other.download()
    assert values(other) == {"score": 1.0}


def test_an_unresponsive_object_store_is_reported_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    unreachable = Objects("s3://spi/luton", patience=dt.timedelta(seconds=1))
    copy = Copy("s3://spi/luton", tmp_path, unreachable)
    with pytest.raises(SpiError) as raised:
        run_on_copy(copy, lambda: None, notify=silent)
    assert str(raised.value).startswith(
        "The store s3://spi/luton could not be read (it does not respond): check its address"
    )
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("url", ["gs:/bucket", "ftp://host/folder", "s3://"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match=r"is not the address of a store: write s3://bucket/prefix"):
        Objects(url)


def test_a_command_works_on_its_copy_and_uploads_its_changes(
    machines: tuple[Copy, Copy], url: str, tmp_path: Path
) -> None:
    one, other = machines

    def spi(*command: str) -> None:
        settings = {"SPI_STORE": url, "SPI_COPIES": str(tmp_path / "third")}
        program = "from spi_pipeline.cli import main; main()"
        subprocess.run([sys.executable, "-c", program, *command], env=os.environ | settings, check=True)

    def begin() -> None:
        with Store(one.root).lock():
            write(one, "score", 1.0)

    run_on_copy(one, begin, notify=silent)
    spi("backup", str(tmp_path / "backup"))
    run_on_copy(other, lambda: write(other, "score", 2.0), notify=silent)
    spi("restore", str(tmp_path / "backup"), "--replace")
    one.download()
    assert values(one) == {"score": 1.0}


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as raised:
        Objects("s3://canary-id:canary-secret@bucket/prefix")
    assert "canary" not in str(raised.value)


def test_settings_give_the_working_copy_of_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machines: tuple[Copy, Copy], url: str
) -> None:
    monkeypatch.setenv("SPI_STORE", url)
    monkeypatch.setenv("SPI_COPIES", str(tmp_path / "one"))
    settings = Settings()
    assert (settings.shared and settings.shared.root) == machines[0].root == Path(settings.store)
    monkeypatch.delenv("SPI_COPIES")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Path(Settings().store).parents[1] == tmp_path / "spi"
    monkeypatch.setenv("SPI_STORE", os.devnull)
    assert Settings().shared is None


def test_every_command_is_classified_by_its_use_of_a_shared_store() -> None:
    without = {"contracts", "council", "score"}
    assert READING | WRITING | without == get_command(app).commands.keys()
    assert len(READING) + len(WRITING) + len(without) == len(READING | WRITING | without)
