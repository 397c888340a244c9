"""What rotted: everything that is kept, in the store, the snapshot and the package, beside what it was when written."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib.metadata import distribution
from pathlib import Path

from spi_pipeline.run.runner import Runner


def damage_of(runner: Runner, *, deep: bool = False) -> list[str]:
    """What does not hold the bytes that were written, a sentence each with what to do.

    Args:
        runner: knows the store and the snapshot.
        deep: look at everything: also downloads, what runs recorded, quarantine, and the program itself.
    """
    found = [*runner.reader.figures.damage(), *runner.store.damage(deep=deep)]
    home = runner.store.dagster_home
    if home.is_dir() and not os.environ.get("DAGSTER_HOME"):
        from spi_pipeline.orchestration.history import damage

        found += [f"{told}; spi refresh sets it aside and begins a new one" for told in damage(home)]
    return [*found, *(_of_package() if deep else [])]


def _of_package() -> list[str]:
    """Files of the installed program that differ from its list of them; in a checkout there is no such list."""
    found = []
    for file in distribution("spi-pipeline").files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        place = Path(file.locate())
        data = place.read_bytes() if place.is_file() else b""
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if digest != file.hash.value:
            found.append(f"{place} is not the file that was installed: install spi-pipeline again")
    return found
