"""Programs of others, each in an environment of its own that ``.ci/others`` makes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def ask(name: str, program: str, *arguments: str | Path, folder: Path | None = None) -> str:
    """What a program says that is run by the Python of an environment; where there is none, the test is skipped.

    Args:
        name: of the environment.
        program: in Python.
        arguments: its arguments.
        folder: in which it runs.

    Returns:
        Its standard output.
    """
    python = shutil.which(f"python-{name}")
    if python is None:
        missing = f"there is no python-{name} on the path; CONTRIBUTING.md says how to make it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    done = subprocess.run(
        [python, "-c", program, *arguments],
        capture_output=True, text=True, check=False, timeout=600, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
