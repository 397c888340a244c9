"""Which downloads make up a source: any process reads the downloads that a step has recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline.contracts.download import Download
from spi_pipeline.storage.downloads import Downloads, Failure
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start
from spi_pipeline_tests.storage.examples import AT, fetched

DAY = dt.timedelta(days=1)


def test_one_process_reads_the_downloads_of_another(store: Store, start: Start) -> None:
    assert store.raw("census").current() is None
    done = fetched(store, "2026-01", "r1", since="2025-12")
    _, pipe = start(children.send_downloads, store.root)
    received = pipe.recv()
    assert received == done
    assert (received.since, received.fetched_in, received.at) == ("2025-12", "r1", AT)
    assert received.downloads[0].path.read_text() == "figures of 2026-01"
    assert (received.downloads[0].period, received.downloads[0].published_at) == (
        "2026-01",
        "2026-03-01T00:00:00+00:00",
    )
    assert store.raw("census").failure() is None


def test_an_identical_fetch_is_the_same_input_of_a_newer_run(store: Store) -> None:
    first = fetched(store, "2026-01", "r1")
    again = fetched(store, "2026-01", "r2")
    assert again == replace(first, fetched_in="r2")
    assert len(list((store.root / "raw" / "census" / "sets").iterdir())) == 1


@pytest.mark.parametrize(
    "change",
    [{"sha256": "0" * 64}, {"period": "2026-02"}, {"url": "https://publisher.example/two"}, {"published_at": None}],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_covers_everything_that_is_read(store: Store, change: dict[str, Any]) -> None:
    done = fetched(store, "2026-01", "r1")
    raw = store.raw("census")

    def digest(*downloads: Download, since: str | None = None) -> str:
        return raw.complete(downloads, since=since, run_id="r1", at=AT).digest

    (one,) = done.downloads
    other = replace(one, **change)
    digests = [digest(one), digest(other), digest(one, other), digest(other, one), digest(one, since="2026-01")]
    assert digests[0] == done.digest
    assert len(set(digests)) == len(digests)


def test_a_failure_keeps_the_good_downloads_and_records_since_when(store: Store) -> None:
    done = fetched(store, "2026-01", "r1")
    store.raw("census").fail("the publisher was away", run_id="r2", at=AT + DAY)
    store.raw("census").fail("its page was empty", run_id="r3", at=AT + 2 * DAY)
    assert store.raw("census").current() == done
    assert store.raw("census").failure() == Failure(AT + DAY, "its page was empty", "r3", AT + 2 * DAY)
    fetched(store, "2026-02", "r4")
    assert store.raw("census").failure() is None


def test_a_failure_before_the_first_download_is_recorded(store: Store) -> None:
    store.raw("census").fail("the publisher was away", run_id="r1", at=AT)
    assert store.raw("census").current() is None
    assert store.raw("census").failure() == Failure(AT, "the publisher was away", "r1", AT)


def body(done: Downloads) -> Path:
    return done.downloads[0].path


@pytest.mark.parametrize(
    "file",
    [
        body,
        lambda done: body(done).parent / "current.json",
        lambda done: body(done).parent / "sets" / f"{done.digest}.json",
    ],
    ids=["body", "pointer", "set"],
)
def test_damaged_downloads_count_as_absent_and_can_be_fetched_again(
    store: Store, file: Callable[[Downloads], Path]
) -> None:
    done = fetched(store, "2026-01", "r1")
    for damage in (lambda path: path.write_bytes(path.read_bytes()[:-1]), Path.unlink):
        damage(file(done))
        assert store.raw("census").current() is None
        assert fetched(store, "2026-01", "r1") == done
        assert store.raw("census").current() == done


def test_a_parser_can_refuse_the_downloads_of_another_process(store: Store) -> None:
    done = fetched(store, "2026-01", "r1")
    assert store.raw("census").held() == done.downloads
    store.raw("census").refuse()
    assert store.raw("census").held() == ()


def test_a_refresh_killed_after_its_last_download_is_not_resumed(store: Store) -> None:
    raw = store.raw("census")
    raw.begin()
    unfinished = store.root / "raw" / "census" / "unfinished.json"
    kept = unfinished.read_bytes()
    raw.complete([], since=None, run_id="r1", at=AT)
    assert not unfinished.exists()
    unfinished.write_bytes(kept)
    store.raw("census").begin()
    assert unfinished.read_bytes() != kept
