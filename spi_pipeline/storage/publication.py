"""What readers see: whole publications beside each other, and the one link that says which is current.

``published/<version>/`` is built under a temporary name and moved into place; ``published/current`` then points to it.
Readers who have the one before open keep it. What a publication holds is not known here.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import discard, os_errors, read_bytes, replacing, sync
from spi_pipeline.storage.names import identifier
from spi_pipeline.storage.places import PUBLICATION, PUBLISHED
from spi_pipeline.storage.tables import Version

# Beside the files that readers want: what they were when they were built.
_MANIFEST = "publication.json"
# So much of a fingerprint names a publication.
_DIGITS = 16


def publish(
    root: Path, build: Callable[[Path], None], links: tuple[str, ...], *, fingerprint: str, run_id: str
) -> Version:
    """Make what ``build`` writes into an empty folder what readers of the store see; see ``Store.publish``."""
    version = identifier(fingerprint[:_DIGITS], "publication")
    folder, previous = _published(root) / version, current(root)
    found = previous if previous and previous.path == folder else _whole(folder)
    if found is None or found.fingerprint != fingerprint:
        if folder.exists():
            discard(folder)
        with replacing(folder) as temporary:
            temporary.mkdir()
            build(temporary)
            files = {file.relative_to(temporary).as_posix(): _sha256(file) for file in _files(temporary)}
            written = datetime.now(UTC).isoformat(timespec="seconds")
            document = {"fingerprint": fingerprint, "run_id": run_id, "written_at": written, "files": files}
            (temporary / _MANIFEST).write_bytes(json.dumps(document, indent=1).encode())
            for file in _files(temporary):
                sync(file)
            sync(temporary)
        found = _whole(folder)
        if found is None:
            raise SpiError(f"The publication {folder} is not as it was built: check the disk, then run spi refresh.")
    # The fixed links first, so that moving the other is the one step that readers notice.
    for link in links:
        _link(root / link, Path(PUBLISHED, "current", link))
    _link(readers_see(root), Path(version))
    # Publishing the current one again must not cost readers the one before it.
    if previous is None or previous.sha256 != version:
        _prune(_published(root), {version, previous.sha256 if previous else None})
    return found


def readers_see(root: Path) -> Path:
    """The folder under which readers find the current publication, where there is one."""
    return _published(root) / "current"


def current(root: Path) -> Version | None:
    """The publication that readers see; None where there is none, or a file of it is not as it was built."""
    link = readers_see(root)
    if not link.is_symlink():
        return None
    return _whole(_published(root) / link.readlink().name)


def _whole(folder: Path) -> Version | None:
    """The publication in a folder; None where there is none, or a file of it is not as it was built."""
    try:
        document = json.loads(read_bytes(folder / _MANIFEST) or b"{}")
        files = document["files"]
        if any(_sha256(folder / name) != sha256 for name, sha256 in files.items()):
            return None
        size = sum(file.stat().st_size for file in _files(folder))
        return Version(PUBLICATION, folder.name, len(files), size, document["fingerprint"],
                       document["run_id"], document["written_at"], folder)  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _sha256(file: Path) -> str | None:
    """The digest of a file; None where it is gone."""
    with os_errors(f"{file} could not be read"):
        try:
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()
        except FileNotFoundError:
            return None


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
