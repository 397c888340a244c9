"""Every publisher's fixtures, loaded from the module named after the publisher's own.

``SERVED`` holds the addresses that the local process serves, by name in the address. ``FILES`` holds sample files of
the publishers, by source; every figure in them is invented.
"""

from __future__ import annotations

import gzip
from importlib import import_module
from pathlib import Path
from types import ModuleType

from spi_pipeline.publishers import offers
from spi_pipeline_tests.imitations import publishers
from spi_pipeline_tests.imitations.messages import Served


def fixture_of(publisher: ModuleType) -> ModuleType:
    """The fixtures of a publisher."""
    return import_module(f"{publishers.__name__}.{publisher.__name__.rpartition('.')[2]}")


_FIXTURES = [fixture_of(publisher) for publisher in offers.PUBLISHERS]
SERVED: dict[str, Served] = {name: one for fixture in _FIXTURES for name, one in getattr(fixture, "SERVED", {}).items()}
FILES: dict[str, dict[str, str | bytes]] = {
    source_id: files for fixture in _FIXTURES for source_id, files in getattr(fixture, "FILES", {}).items()
}


CONTENT = {name: content for files in FILES.values() for name, content in files.items()}


def put(root: Path, name: str, content: str | bytes) -> None:
    """Write one file, compressed if its name ends in ``.gz``."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    file.write_bytes(gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw)


def write_folder(root: Path) -> Path:
    """Write the whole folder."""
    for name, content in CONTENT.items():
        put(root, name, content)
    return root
