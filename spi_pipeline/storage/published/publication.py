"""Complete publications next to each other, and the one link that names the current one for readers.

``published/<version>/`` is built under a temporary name and moved into place; ``published/current`` then points to it.
``published/public`` points to the publication or release that the public sees.
Readers who have the previous publication open keep it until ``retention`` removes it. Files are read-only, since a
publication is never written to again. This module does not know the content of a publication.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import discard, os_errors, read_bytes, replacing, sha256_of, sync
from spi_pipeline.storage.documents import sealed, unsealed
from spi_pipeline.storage.places import PUBLICATION, PUBLISHED, identifier
from spi_pipeline.storage.tables import Version

# Lists the files of a publication with their digests from when it was built.
_MANIFEST = "publication.json"
# How many digits of the fingerprint name a publication.
_DIGITS = 16
_READ_ONLY = 0o444


def publish(
    root: Path,
    build: Callable[[Path], None],
    links: tuple[str, ...],
    *,
    fingerprint: str,
    run_id: str,
    made_of: Mapping[str, str],
) -> Version:
    """Publish the files that ``build`` writes into an empty folder; see ``Store.publish``."""
    version = identifier(fingerprint[:_DIGITS], "publication")
    folder, previous = _published(root) / version, current(root)
    published = previous if previous and previous.path == folder else _whole(folder)
    if published is None or published.fingerprint != fingerprint:
        if folder.exists():
            discard(folder)
        with replacing(folder) as temporary:
            temporary.mkdir()
            build(temporary)
            files = {file.relative_to(temporary).as_posix(): _sha256(file) for file in _files(temporary)}
            written = datetime.now(UTC).isoformat(timespec="seconds")
            document = {"fingerprint": fingerprint, "run_id": run_id, "written_at": written, "files": files,
                        "made_of": dict(made_of)}  # fmt: skip
            (temporary / _MANIFEST).write_bytes(sealed(document))
            for file in _files(temporary):
                file.chmod(_READ_ONLY)
            for path in (*temporary.rglob("*"), temporary):
                sync(path)
        published = _whole(folder)
        if published is None:
            raise SpiError(f"The publication {folder} is not as it was built: check the disk, then run spi refresh.")
    # The fixed links first, so that moving ``current`` is the only step that readers notice.
    for link in links:
        _link(root / link, Path(PUBLISHED, "current", link))
    _link(current_link(root), Path(version))
    return published


def current_link(root: Path) -> Path:
    """The link to the current publication, which readers see, if there is one."""
    return _published(root) / "current"


def public(root: Path) -> Path:
    """The link to the publication or release that the public sees."""
    return _published(root) / "public"


def show(root: Path, folder: Path | None) -> None:
    """Point the link of the public at a folder below the root, or remove it if there is none."""
    link = public(root)
    if folder is None:
        with os_errors(f"{link} could not be deleted"):
            link.unlink(missing_ok=True)
    else:
        _link(link, Path(os.path.relpath(folder, link.parent)))


def current(root: Path) -> Version | None:
    """The publication that readers see; None if there is none, or one of its files has changed since it was built."""
    link = current_link(root)
    if not link.is_symlink():
        return None
    return _whole(_published(root) / link.readlink().name)


def newest_first(root: Path) -> list[Path]:
    """The folders of all publications: the one that readers see, then the others from newest to oldest."""
    # A name with a dot is temporary: a run is publishing.
    folders = [path for path in _published(root).glob("*")
               if path.is_dir() and not path.is_symlink() and "." not in path.name]  # fmt: skip
    link = current_link(root)
    seen = link.readlink().name if link.is_symlink() else None
    return sorted(folders, key=lambda path: (path.name == seen, path.stat().st_mtime_ns), reverse=True)


def made_of(folder: Path) -> dict[str, str]:
    """The versions of tables that a publication was built from; empty if its manifest does not list them.

    Raises:
        ValueError: if its manifest is damaged.
    """
    versions: dict[str, str] = unsealed(read_bytes(folder / _MANIFEST) or b"{}").get("made_of", {})
    return versions


def damage(root: Path) -> list[str]:
    """A sentence on each damaged publication."""
    sentences = []
    for folder in newest_first(root):
        if not _whole(folder):
            seen = current_link(root).resolve() == folder
            remedy = "run `spi refresh` to make it again" if seen else "delete the folder, since no reader sees it"
            sentences.append(f"The publication {folder} is damaged, {_fault(folder)}: {remedy}.")
    return sentences


def _fault(folder: Path) -> str:
    """The first file of a publication that has changed since it was built, in words."""
    try:
        files = unsealed(read_bytes(folder / _MANIFEST) or b"")["files"]
        wrong = [name for name, sha256 in files.items() if _sha256(folder / name) != sha256]
        return f"{wrong[0]} is not as it was built" if wrong else f"{_MANIFEST} cannot be read"
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"{_MANIFEST} cannot be read"


def _whole(folder: Path) -> Version | None:
    """The publication in a folder; None if there is none, or one of its files has changed since it was built."""
    try:
        document = unsealed(read_bytes(folder / _MANIFEST) or b"{}")
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
    """The digest of a file; None if it is missing."""
    with os_errors(f"{file} could not be read"):
        try:
            return sha256_of(file)
        except FileNotFoundError:
            return None


def _published(root: Path) -> Path:
    return root / PUBLISHED


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    with replacing(link) as temporary:
        temporary.symlink_to(target)
