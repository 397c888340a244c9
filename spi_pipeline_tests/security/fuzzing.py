"""The readers that are fuzzed: a good file for each, and the outcomes allowed for any other bytes.

Hypothesis damages the good files a little (``test_fuzzing.py``). A coverage-guided fuzzer starts from them and runs for
as long as it is let (``python -m spi_pipeline_tests.security``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from spi_pipeline.alerts.routing import channels
from spi_pipeline.cli.score.command import score_files
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline_tests.alerts.test_routing import FILE
from spi_pipeline_tests.integration.sandboxes import CONTRACTS
from spi_pipeline_tests.publishers.clean import SOURCES, downloads, scope, with_body

FRAMEWORK = b"""\
title: Two of three
elements:
  - {id: all}
  - {id: both, parent: all}
  - {id: a, parent: both, direction: higher_is_better, worst: 0, best: 10}
  - {id: b, parent: both, direction: lower_is_better, worst: 9.5, best: 0}
  - {id: c, parent: all, direction: higher_is_better, worst: 1, best: 2}
"""
VALUES = b"area_code,indicator_id,value\nP,a,1.5\nP,b,2\nP,c,1.25\nQ,a,9\nQ,b,\nQ,c,2\n"


@dataclass(frozen=True)
class Target:
    """A reader of files.

    Attributes:
        good: bytes that it reads without error.
        read: reads any bytes; an ``SpiError`` is a valid outcome, any other exception is a defect.
    """

    good: bytes
    read: Callable[[bytes], None]


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="spi-fuzz-"))
    shutil.copytree(CONTRACTS, folder / "contracts")
    return folder


def _write(name: str, body: bytes) -> Path:
    file = _folder() / name
    file.write_bytes(body)
    return file


def _contract(name: str) -> Target:
    def read(body: bytes) -> None:
        file = _write(f"contracts/{name}", body)
        try:
            load_contracts(_folder() / "contracts")
        finally:
            shutil.copyfile(CONTRACTS / name, file)

    return Target((CONTRACTS / name).read_bytes(), read)


def _channels(body: bytes) -> None:
    for channel in channels("duty=json://a/b", _write("channels.yaml", body)):
        assert "://" in channel.url


def _score(framework: bytes, values: bytes, suffix: str = ".csv") -> None:
    outcome = score_files(_write("framework.yaml", framework), _write(f"values{suffix}", values))
    assert len(outcome.table), "an index has at least one row"
    assert not np.isinf(outcome.table["score"]).any()
    assert outcome.table["coverage"].between(0, 1).all()


def _publisher(source_id: str) -> Target:
    files = downloads(source_id, _folder())

    def read(body: bytes) -> None:
        table = OFFERS[source_id].parse([with_body(files[0], body, _folder()), *files[1:]], scope(source_id))
        assert not any(np.isinf(table[name]).any() for name in table.select_dtypes("number"))

    return Target(files[0].path.read_bytes(), read)


def targets() -> dict[str, Callable[[], Target]]:
    """Every reader by name."""
    contracts = ["framework.yaml", "geography.yaml", "vocabulary.yaml", "targets.yaml", "sources/street_crime.yaml",
                 "indicators/safety.yaml", "products/score.yaml"]  # fmt: skip
    return {
        **{f"contract/{name}": lambda name=name: _contract(name) for name in contracts},
        "channels": lambda: Target(FILE.encode(), _channels),
        "framework": lambda: Target(FRAMEWORK, lambda body: _score(body, VALUES)),
        "values": lambda: Target(VALUES, lambda body: _score(FRAMEWORK, body)),
        **{f"publisher/{name}": lambda name=name: _publisher(name) for name in SOURCES},
    }


def assert_survives(target: Target, body: bytes) -> None:
    """Run a reader, which may succeed or raise ``SpiError``.

    Raises:
        Exception: any other exception.
    """
    message = "nothing"
    try:
        target.read(body)
    except SpiError as error:
        message = str(error)
    assert 0 < len(message) < 30_000
