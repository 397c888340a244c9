from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from spi_pipeline.cli import main
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.docs.documents import REPOSITORY

Spi = Callable[..., tuple[int, str, str]]
OWN_SETTINGS = ("SPI_", "DAGSTER_HOME")


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder as a reader would, without the project's settings in the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def program(name: str) -> str:
    """The path of a program in the tests' own environment, without following the link that a venv's Python is."""
    return str(Path(sys.executable).parent / name)


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    """The repository's contracts."""
    return load_contracts(REPOSITORY / "data_contracts")


@pytest.fixture(scope="session")
def refreshed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder after ``spi refresh``, run once for all workers: it takes half a minute. Tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "docs"
    with FileLock(folder.with_name("docs.lock")):
        if not (folder / "spi_store" / "spi.duckdb").exists():
            folder.mkdir(exist_ok=True)
            result = run_in(folder, program("spi"), "refresh")
            assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def reader_folder(refreshed: Path, tmp_path: Path) -> Path:
    """A copy of the refreshed folder that the test may change."""
    shutil.copytree(refreshed / "spi_store", tmp_path / "spi_store", symlinks=True)
    return tmp_path


@pytest.fixture
def spi(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Spi:
    """A function that runs ``spi`` in this process, which saves two seconds of imports a command.

    It returns the exit code, the output and the messages.
    """
    for name in os.environ:
        if name.startswith(OWN_SETTINGS):
            monkeypatch.delenv(name)

    def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["spi", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as finish:
            main()
        printed = capsys.readouterr()
        return int(finish.value.code or 0), printed.out, printed.err

    return run
