"""What readers see: whole publications beside each other, and the one link that says which is current.

``published/<version>/`` is built under a temporary name and moved into place; ``published/current`` then points to it.
Readers who have the one before open keep it. How the database is built is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from spi_pipeline.storage.atomic import discard, replacing, sync
from spi_pipeline.storage.database import DatabaseTable, build
from spi_pipeline.storage.names import identifier
from spi_pipeline.storage.places import DATABASE, PUBLISHED


def publish(root: Path, tables: Sequence[DatabaseTable], version: str) -> Path:
    """Make ``version`` what readers of the store at ``root`` see; see ``Store.publish``."""
    folder = _published(root) / identifier(version, "publication")
    previous = current_version(root)
    if not _opens(folder / DATABASE):
        if folder.exists():
            discard(folder)
        with replacing(folder) as temporary:
            temporary.mkdir()
            build(temporary / DATABASE, tables)
            sync(temporary / DATABASE)
            sync(temporary)
    # The fixed link first, so that moving the other is the one step that readers notice.
    _link(root / DATABASE, Path(PUBLISHED, "current", DATABASE))
    _link(_published(root) / "current", Path(version))
    # Publishing the current one again must not cost readers the one before it.
    if previous != version:
        _prune(_published(root), {version, previous})
    return folder


def current_version(root: Path) -> str | None:
    """Return the version readers see; None where none was published or its database is gone or damaged."""
    link = _published(root) / "current"
    return link.readlink().name if link.is_symlink() and _opens(root / DATABASE) else None


def _opens(database: Path) -> bool:
    try:
        duckdb.connect(str(database), read_only=True).close()
    except duckdb.Error:
        return False
    return True


def _published(root: Path) -> Path:
    return root / PUBLISHED


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    with replacing(link) as temporary:
        temporary.symlink_to(target)


def _prune(published: Path, wanted: set[str | None]) -> None:
    for folder in published.iterdir():
        if folder.is_dir() and not folder.is_symlink() and folder.name not in wanted:
            discard(folder)
