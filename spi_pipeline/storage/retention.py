"""Retention: how much of the past a store retains, and which files can be removed.

Never removed are current files, the tables that a retained publication was built from, and the downloads that a
retained table was parsed from. If a file that names others is damaged, every file that it might name stays. Retention
counts versions in order of writing, never by age: a clock that once stood at 2099 must not empty a store.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage import runs
from spi_pipeline.storage.atomic import discard, os_errors, read_bytes
from spi_pipeline.storage.documents import unsealed
from spi_pipeline.storage.parquet import decode_metadata
from spi_pipeline.storage.places import QUARANTINE, RAW, RUNNING, RUNS, TABLES
from spi_pipeline.storage.published import publication
from spi_pipeline.storage.tables import ORIGINS

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CURRENT = "current.json"


@dataclass(frozen=True)
class Retention:
    """How much is retained.

    Attributes:
        runs: the number of newest runs whose records, and whose history in Dagster, stay.
        versions: versions of each table, in addition to current and published ones.
        downloads: sets of downloads of each source, in addition to the current one.
        refused: rejected versions of each table.
        publications: publications, in addition to the one that readers see.
    """

    runs: int
    versions: int
    downloads: int
    refused: int
    publications: int


@dataclass(frozen=True)
class Removable:
    """A file or folder that can be removed.

    Attributes:
        path: a file or folder.
        bytes: its size.
    """

    path: Path
    bytes: int

    def remove(self) -> None:
        """Remove it.

        Raises:
            SpiError: if the disk refuses.
        """
        if self.path.exists():
            discard(self.path)


def removable(root: Path, retention: Retention) -> list[Removable]:
    """Everything below a store's root that is no longer retained, in the order in which it can be removed.

    Raises:
        SpiError: if the disk cannot be read.
    """
    with os_errors(f"{root} could not be read"):
        retained = publication.newest_first(root)[: 1 + retention.publications]
        paths = [folder for folder in publication.newest_first(root) if folder not in retained]
        in_use = _named_by(retained)
        # A publication that does not list its tables might be built from any.
        tables = (
            {} if in_use is None else {path.name: _tables(path, in_use, retention) for path in _folders(root / TABLES)}
        )
        paths += [path for _, surplus in tables.values() for path in surplus]
        for folder in _folders(root / RAW) if in_use is not None else ():
            staying, _ = tables.get(folder.name, ([], []))
            paths += _downloads(folder, _origins(staying), retention)
        for folder in _folders(root / QUARANTINE):
            paths += _refused(folder, retention)
        paths += _records(root, retention)
        return [Removable(path, _size(path)) for path in dict.fromkeys(paths)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.is_dir())


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _named_by(publications: list[Path]) -> set[tuple[str, str]] | None:
    try:
        return {item for folder in publications for item in publication.made_of(folder).items()}
    except (ValueError, AttributeError):
        return None


def _tables(folder: Path, in_use: set[tuple[str, str]], retention: Retention) -> tuple[list[Path], list[Path]]:
    """The versions of a table that stay, and those that can be removed."""
    versions = _newest_first(folder.glob("*.parquet"))
    try:
        current = unsealed(read_bytes(folder / _CURRENT) or b"{}")["sha256"]
    except (ValueError, KeyError):
        return versions, []
    fixed = [path for path in versions if path.stem == current or (folder.name, path.stem) in in_use]
    others = [path for path in versions if path not in fixed]
    return [*fixed, *others[: retention.versions]], others[retention.versions :]


def _origins(versions: list[Path]) -> set[str] | None:
    """The downloads that the retained versions of a source's table were parsed from; None if one is unreadable."""
    try:
        texts = [decode_metadata(path).get(ORIGINS, "[]") for path in versions]
        return {origin["sha256"] for text in texts for origin in json.loads(text)}
    except (SpiError, ValueError, KeyError, TypeError):
        return None


def _downloads(folder: Path, origins: set[str] | None, retention: Retention) -> list[Path]:
    """The sets, responses, bodies and manifests of a source that can be removed."""
    if origins is None or (folder / "unfinished.json").exists():
        return []
    try:
        current = unsealed(read_bytes(folder / _CURRENT) or b"{}")["digest"]
        sets = _newest_first((folder / "sets").glob("*.json"))
        others = [path for path in sets if path.stem != current]
        surplus = others[retention.downloads :]
        retained = [json.loads(read_bytes(path) or b"{}") for path in sets if path not in surplus]
        answers = {path: unsealed(read_bytes(path) or b"{}") for path in (folder / "answers").glob("*.json")}
        used = origins | {one["sha256"] for document in retained for one in document["downloads"]}
        if surplus:
            # A response in no retained set, last requested before the earliest of these, is not requested any more.
            since = min(_asked(one) for document in retained for one in document["downloads"])
            unused = [path for path, about in answers.items()
                      if about.get("sha256") not in used and str(about.get("asked_at", "")) < since]  # fmt: skip
            answers = {path: about for path, about in answers.items() if path not in unused}
            surplus += unused
        used |= {str(about.get("sha256")) for about in answers.values()}
    except (ValueError, KeyError, TypeError):
        return []
    bodies = [path for path in folder.glob("*") if _SHA256.fullmatch(path.name) and path.name not in used]
    return [*surplus, *bodies, *(path.with_name(f"{path.name}.json") for path in bodies if _noted(path))]


def _asked(download: dict[str, Any]) -> str:
    return str(download["fetched_at"])


def _noted(body: Path) -> bool:
    return body.with_name(f"{body.name}.json").exists()


def _refused(folder: Path, retention: Retention) -> list[Path]:
    names = list(dict.fromkeys(path.stem for path in _newest_first(folder.glob("*.*"))))
    return [path for name in names[retention.refused :] for path in sorted(folder.glob(f"{name}.*"))]


def _records(root: Path, retention: Retention) -> list[Path]:
    """The records of runs that are not among the newest of any kind: a run is retained in all kinds or in none."""
    kinds = {kind: runs.newest_first(kind) for kind in _folders(root / RUNS)}
    retained = {run_id for run_ids in kinds.values() for run_id in run_ids[: retention.runs]}
    paths = []
    for kind, run_ids in kinds.items():
        for run_id in run_ids:
            files = runs.files_of(kind, run_id)
            paths += files[:-1] if run_id in retained else files
        paths += [path for path, run_id in runs.set_aside_files(kind).items() if run_id not in retained]
    traces = (path for path in sorted((root / RUNNING).glob("*.trace")) if not path.with_suffix(".json").exists())
    return [*paths, *(path for path in traces if path.stem not in retained)]


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
