from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from spi_pipeline_tests.docs.documents import REPOSITORY
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed, sandbox

__all__ = ["no_dagster_home", "refreshed", "sandbox"]
DEPLOY = REPOSITORY / "deploy"


def program(name: str, package: str, *folders: Path) -> str:
    """The path of a Debian program; without the program the test is skipped, or fails if ``CI`` is set."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, folders)])
    executable = shutil.which(name, path=path)
    if not executable:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"there is no {name}: apt-get install {package}")
    return executable
