from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline.storage.store import Store

Start = Callable[..., tuple[BaseProcess, Connection]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a function of ``children`` in a process of its own; its last argument is the other end of the pipe."""
    # A fork of a clean, already loaded server: no half-copied threads of this process, and no second of imports each.
    context = multiprocessing.get_context("forkserver")
    children = ["spi_pipeline_tests.storage.children", "spi_pipeline_tests.alerts.children"]
    context.set_forkserver_preload(["pytest", "pandas", "pyarrow.dataset", *children])
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
