"""What makes a step stale: a digest of everything its result depends on.

A step is stale when the digest of its input versions, the contract files it reads, the source of the rooms it calls,
the major.minor of its libraries and the few values it is told differs from the one kept beside its tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from spi_pipeline.orchestration.plan import Step

_PACKAGE = Path(__file__).parents[1]
# Libraries whose behaviour reaches a figure or a verdict.
LIBRARIES = ("duckdb", "great-expectations", "numpy", "pandas", "pyarrow", "pyproj", "scipy", "shapely")


def fingerprint(step: Step, inputs: Mapping[str, str], files: Mapping[str, str], told: Mapping[str, str]) -> str:
    """The digest of a step.

    Args:
        step: the step.
        inputs: content hash of each of its inputs; ``missing`` where there is none.
        files: as ``contract_digests`` returns them, taken when the contracts were read.
        told: values the step is given, such as the mode and the day the figures were taken.
    """
    parts = {
        "step": [step.kind, step.name, *step.outputs],
        "inputs": {name: inputs.get(name, "missing") for name in step.inputs},
        "files": {name: files.get(name, "missing") for name in step.files},
        "rooms": {room: room_digest(room) for room in (*step.rooms, "orchestration")},
        "libraries": library_versions(),
        "told": dict(told),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def room_digest(room: str) -> str:
    """A digest of the Python source of one room. Importers are left out: a snapshot says what they made."""
    files = sorted(file for file in (_PACKAGE / room).rglob("*.py") if "importers" not in file.parts)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """Major.minor of each library."""
    return {name: ".".join(version(name).split(".")[:2]) for name in LIBRARIES}


def contract_digests(root: Path) -> dict[str, str]:
    """The sha256 of every contract file, by its path relative to the contracts folder."""
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*.yaml"))
    }
