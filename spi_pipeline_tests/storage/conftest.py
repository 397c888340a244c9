from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import sha256_of
from spi_pipeline.storage.backup import lasting_files, links
from spi_pipeline.storage.places import CACHE, DAGSTER
from spi_pipeline.storage.shared.copy import Copy
from spi_pipeline.storage.store import Store

Start = Callable[..., tuple[BaseProcess, Connection]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a folder; after the test, its final state must survive a trip through a shared store unchanged."""
    store = Store(tmp_path / "store")
    yield store
    if lasting_files(store.root):
        here, there = (Copy(f"file://{tmp_path}/shared", tmp_path / name) for name in ("here", "there"))
        here.folder.mkdir(parents=True)
        store.root.rename(here.root)
        here.upload()
        there.download()
        assert state(there) == state(here)


def state(copy: Copy) -> dict[str, Any]:
    """A store as its readers see it: the files and links that it shares, and the damage it reports."""
    kept = [file for file in lasting_files(copy.root) if file.relative_to(copy.root).parts[0] not in (DAGSTER, CACHE)]
    files = {str(file.relative_to(copy.root)): (sha256_of(file), file.stat().st_mtime_ns) for file in kept}
    try:
        problems = Store(copy.root).damage(deep=True)
    except SpiError as error:  # the store has another layout
        problems = [str(error)]
    damage = [sentence.replace(str(copy.root), "") for sentence in problems]
    return {"files": files, "links": {link.name: link.readlink() for link in links(copy.root)}, "damage": damage}


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a function of ``children`` in its own process; its last argument is the other end of the pipe."""
    # Fork from a clean, preloaded server: children copy no threads of this process, and save a second of imports each.
    context = multiprocessing.get_context("forkserver")
    preloaded = ["spi_pipeline_tests.storage.children", "spi_pipeline_tests.alerts.children"]
    context.set_forkserver_preload(["pytest", "pandas", "pyarrow.dataset", *preloaded])
    started: list[BaseProcess] = []

    def begin(target: Callable[..., Any], *arguments: Any) -> tuple[BaseProcess, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=target, args=(*arguments, theirs))
        process.start()
        theirs.close()
        started.append(process)
        return process, ours

    yield begin
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def no_leftovers(store: Store) -> Callable[[], bool]:
    return lambda: not [path for path in store.root.rglob("*") if ".tmp-" in path.name]
