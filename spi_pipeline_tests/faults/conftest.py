from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from spi_pipeline_tests.faults.proof import Ground, prepared
from spi_pipeline_tests.faults.runs import Disk, compiled, faulty_disk
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed
from spi_pipeline_tests.integration.houses import House, copied

__all__ = ["no_dagster_home", "refreshed"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes disks refuse, compiled."""
    if not (shutil.which("gcc") or shutil.which("cc")):
        (pytest.fail if "CI" in os.environ else pytest.skip)("no C compiler: apt-get install gcc libc6-dev")
    return compiled(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def disk(library: Path) -> Iterator[Disk]:
    """A process that runs commands on disks that refuse."""
    with faulty_disk(library.parent) as started:
        yield started


@pytest.fixture(scope="session")
def ground(refreshed: House, disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A refresh of one changed source, which each test disturbs in a copy of its own."""
    folder = tmp_path_factory.mktemp("ground")
    return prepared(disk, copied(refreshed, folder), folder)


@pytest.fixture(scope="session")
def seed() -> int:
    """The same each time where landings hang on it."""
    return 16 if "CI" in os.environ else random.randrange(1 << 30)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to be made for a disturbed store."""
    return tmp_path / "disturbed"
