"""Other projects' programs, each run in its own environment, which ``.ci/others`` creates."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def run_program(name: str, program: str, *arguments: str | Path, folder: Path | None = None) -> str:
    """Run a program with the Python of an environment; without that environment the test is skipped, or fails on CI.

    Args:
        name: the environment's name.
        program: its source, in Python.
        arguments: its arguments.
        folder: where it runs.

    Returns:
        The program's standard output.
    """
    python = shutil.which(f"python-{name}")
    if python is None:
        missing = f"there is no python-{name} on the path; CONTRIBUTING.md says how to make it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    completed = subprocess.run(
        [python, "-c", program, *arguments],
        capture_output=True, text=True, check=False, timeout=600, cwd=folder,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr + completed.stdout
    return completed.stdout
