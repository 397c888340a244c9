"""Fixtures of the tests that need a refreshed store; each ``conftest.py`` takes those it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spi_pipeline.cli import main
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point
from spi_pipeline_tests.integration.houses import House, copied, empty_house, refreshed_once, with_outputs_once

MONTHS = 8


@dataclass(frozen=True)
class Said:
    """What a command left behind: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance belongs to the store, whatever the developer's shell says."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture(scope="session")
def refreshed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> House:
    """A store refreshed once, to read from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        return refreshed_once(tmp_path_factory.getbasetemp(), worker_id)[0]


@pytest.fixture(scope="session")
def with_outputs(refreshed: House, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> House:
    """The same with every output made, to read from."""
    base = tmp_path_factory.getbasetemp()
    return with_outputs_once(refreshed, (base if worker_id == "master" else base.parent) / "with_outputs")


@pytest.fixture
def house(refreshed: House, tmp_path: Path) -> House:
    """A refreshed store of one's own, to break."""
    return copied(refreshed, tmp_path)


@pytest.fixture
def publishers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publishers]:
    """Local publishers that are asked in place of the real ones, with so many months."""
    with local_publishers(months=MONTHS, archive_months=12) as served:
        point(monkeypatch, served.bases)
        yield served


@pytest.fixture
def live(tmp_path: Path) -> House:
    """A house in live mode, and no store yet."""
    return House(empty_house(tmp_path).settings.model_copy(update={"mode": "live"}))


@pytest.fixture
def spi(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, run in this process on a house: ``spi(house, "status", "--json")``."""

    def run(house: House, *arguments: str) -> Said:
        for name, value in house.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["spi", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return Said(int(left.value.code or 0), written.out, written.err)

    return run
