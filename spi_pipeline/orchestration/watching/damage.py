"""Bit rot: files of the store, the snapshot and the package that no longer hold the bytes that were written."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib.metadata import distribution
from pathlib import Path

from spi_pipeline.run.runner import Runner


def damage_of(runner: Runner, *, deep: bool = False) -> list[str]:
    """Find files that no longer hold the bytes that were written.

    Args:
        runner: the runner, which knows the store and the snapshot.
        deep: whether to look at everything: also downloads, records of runs, quarantine, and the program itself.

    Returns:
        A sentence for each fault, with the remedy.
    """
    faults = [*runner.reader.figures.damage(), *runner.store.damage(deep=deep)]
    home = runner.store.dagster_home
    if home.is_dir() and not os.environ.get("DAGSTER_HOME"):
        from spi_pipeline.orchestration.history import damage

        faults += [f"{fault}; spi refresh sets it aside and begins a new one" for fault in damage(home)]
    return [*faults, *(_package_damage() if deep else [])]


def _package_damage() -> list[str]:
    """Files of the installed program that differ from their listed digests; a checkout has no such list."""
    faults = []
    for file in distribution("spi-pipeline").files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        place = Path(file.locate())
        data = place.read_bytes() if place.is_file() else b""
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if digest != file.hash.value:
            faults.append(f"{place} is not the file that was installed: install spi-pipeline again")
    return faults
