"""Fixtures for tests that need a refreshed store; each ``conftest.py`` imports the ones it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spi_pipeline.cli import main
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point
from spi_pipeline_tests.integration.sandboxes import Sandbox, copied, empty_sandbox, refreshed_once, with_outputs_once

MONTHS = 8


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: its exit code and its output."""

    code: int
    out: str
    err: str


Command = Callable[..., CommandResult]


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the store's own Dagster instance, even if the developer's shell sets ``DAGSTER_HOME``."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture(scope="session")
def refreshed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Sandbox:
    """A store refreshed once per session; tests only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        return refreshed_once(tmp_path_factory.getbasetemp(), worker_id)[0]


@pytest.fixture(scope="session")
def with_outputs(refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Sandbox:
    """The refreshed store with every output built; tests only read it."""
    base = tmp_path_factory.getbasetemp()
    return with_outputs_once(refreshed, (base if worker_id == "master" else base.parent) / "with_outputs")


@pytest.fixture
def sandbox(refreshed: Sandbox, tmp_path: Path) -> Sandbox:
    """A copy of the refreshed store that the test may change."""
    return copied(refreshed, tmp_path)


@pytest.fixture
def publishers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publishers]:
    """Imitations of the publishers with ``MONTHS`` months; requests go to them instead of the real publishers."""
    with local_publishers(months=MONTHS, archive_months=12) as served:
        point(monkeypatch, served.bases)
        yield served


@pytest.fixture
def live(tmp_path: Path) -> Sandbox:
    """A sandbox in live mode with no store yet."""
    return Sandbox(empty_sandbox(tmp_path).settings.model_copy(update={"mode": "live"}))


@pytest.fixture
def spi(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process on a sandbox: ``spi(sandbox, "status", "--json")``."""

    def run(sandbox: Sandbox, *arguments: str) -> CommandResult:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["spi", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        captured = capsys.readouterr()
        return CommandResult(int(exited.value.code or 0), captured.out, captured.err)

    return run
