from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from spi_pipeline_tests.faults.proof import ReferenceRefresh, prepare_reference
from spi_pipeline_tests.faults.runs import Disk, compile_library, faulty_disk
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed
from spi_pipeline_tests.integration.sandboxes import Sandbox, copied

__all__ = ["no_dagster_home", "refreshed"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compile_library library that makes disks fail."""
    if not (shutil.which("gcc") or shutil.which("cc")):
        (pytest.fail if "CI" in os.environ else pytest.skip)("no C compiler: apt-get install gcc libc6-dev")
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def disk(library: Path) -> Iterator[Disk]:
    """A process that runs commands on disks that fail."""
    with faulty_disk(library.parent) as started:
        yield started


@pytest.fixture(scope="session")
def reference(refreshed: Sandbox, disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> ReferenceRefresh:
    """A refresh of one changed source, which each test disturbs in its own copy."""
    folder = tmp_path_factory.mktemp("reference")
    return prepare_reference(disk, copied(refreshed, folder), folder)


@pytest.fixture(scope="session")
def seed() -> int:
    """Fixed in CI, so that no merge depends on chance; random elsewhere."""
    return 16 if "CI" in os.environ else random.randrange(1 << 30)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The path of a folder, not yet created, for a disturbed store."""
    return tmp_path / "disturbed"
