"""How much of what is over is kept, and what may go: what nothing refers to, or is older than is to be kept.

Never removed: what is current, what a kept publication was made of, and the downloads that a kept table was read from.
Where something that names others is damaged, all it might name stays. Order is by the time of writing, by number and
never by age: a clock that was in 2099 once must not empty a store.
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
from spi_pipeline.storage.places import GOING, QUARANTINE, RAW, RUNS, TABLES
from spi_pipeline.storage.published import publication
from spi_pipeline.storage.tables import ORIGINS

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CURRENT = "current.json"


@dataclass(frozen=True)
class Retention:
    """How much is kept.

    Attributes:
        runs: newest runs whose records, and whose history in Dagster, stay.
        versions: of each table, beside those that are current or published.
        downloads: sets of downloads of each source, beside the current one.
        refused: refused versions of each table.
        publications: beside the one that readers see.
    """

    runs: int
    versions: int
    downloads: int
    refused: int
    publications: int


@dataclass(frozen=True)
class Superfluous:
    """Something to be removed.

    Attributes:
        path: a file or folder.
        bytes: its size.
    """

    path: Path
    bytes: int

    def remove(self) -> None:
        """Remove it.

        Raises:
            SpiError: where the disk refuses.
        """
        if self.path.exists():
            discard(self.path)


def superfluous(root: Path, retention: Retention) -> list[Superfluous]:
    """Everything below a store's root that is no longer to be kept, in the order in which it can go.

    Raises:
        SpiError: where the disk refuses to be read.
    """
    with os_errors(f"{root} could not be read"):
        kept = publication.newest_first(root)[: 1 + retention.publications]
        paths = [folder for folder in publication.newest_first(root) if folder not in kept]
        named = _named_by(kept)
        # A publication that does not say what it is made of might be made of anything.
        tables = (
            {} if named is None else {path.name: _tables(path, named, retention) for path in _folders(root / TABLES)}
        )
        paths += [path for _, going in tables.values() for path in going]
        for folder in _folders(root / RAW) if named is not None else ():
            staying, _ = tables.get(folder.name, ([], []))
            paths += _downloads(folder, _origins(staying), retention)
        for folder in _folders(root / QUARANTINE):
            paths += _refused(folder, retention)
        paths += _records(root, retention)
        return [Superfluous(path, _size(path)) for path in dict.fromkeys(paths)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.is_dir())


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _named_by(publications: list[Path]) -> set[tuple[str, str]] | None:
    try:
        return {item for folder in publications for item in publication.made_of(folder).items()}
    except (ValueError, AttributeError):
        return None


def _tables(folder: Path, named: set[tuple[str, str]], retention: Retention) -> tuple[list[Path], list[Path]]:
    """The versions of a table that stay, and those that may go."""
    versions = _newest_first(folder.glob("*.parquet"))
    try:
        current = unsealed(read_bytes(folder / _CURRENT) or b"{}")["sha256"]
    except (ValueError, KeyError):
        return versions, []
    fixed = [path for path in versions if path.stem == current or (folder.name, path.stem) in named]
    others = [path for path in versions if path not in fixed]
    return [*fixed, *others[: retention.versions]], others[retention.versions :]


def _origins(versions: list[Path]) -> set[str] | None:
    """The downloads that the kept versions of a source's table were read from; None where one cannot be asked."""
    try:
        told = [decode_metadata(path).get(ORIGINS, "[]") for path in versions]
        return {origin["sha256"] for text in told for origin in json.loads(text)}
    except (SpiError, ValueError, KeyError, TypeError):
        return None


def _downloads(folder: Path, origins: set[str] | None, retention: Retention) -> list[Path]:
    """What may go of the downloads of a source: sets, bodies and the notes on them, and answers that nobody needs."""
    if origins is None or (folder / "unfinished.json").exists():
        return []
    try:
        current = unsealed(read_bytes(folder / _CURRENT) or b"{}")["digest"]
        sets = _newest_first((folder / "sets").glob("*.json"))
        others = [path for path in sets if path.stem != current]
        going = others[retention.downloads :]
        kept = [json.loads(read_bytes(path) or b"{}") for path in sets if path not in going]
        answers = {path: unsealed(read_bytes(path) or b"{}") for path in (folder / "answers").glob("*.json")}
        used = origins | {one["sha256"] for found in kept for one in found["downloads"]}
        if going:
            # An answer that is in no kept set and was not asked for since the first of them is not asked for any more.
            since = min(_asked(one) for found in kept for one in found["downloads"])
            unused = [path for path, about in answers.items()
                      if about.get("sha256") not in used and str(about.get("asked_at", "")) < since]  # fmt: skip
            answers = {path: about for path, about in answers.items() if path not in unused}
            going += unused
        used |= {str(about.get("sha256")) for about in answers.values()}
    except (ValueError, KeyError, TypeError):
        return []
    bodies = [path for path in folder.glob("*") if _SHA256.fullmatch(path.name) and path.name not in used]
    return [*going, *bodies, *(path.with_name(f"{path.name}.json") for path in bodies if _noted(path))]


def _asked(download: dict[str, Any]) -> str:
    return str(download["fetched_at"])


def _noted(body: Path) -> bool:
    return body.with_name(f"{body.name}.json").exists()


def _refused(folder: Path, retention: Retention) -> list[Path]:
    names = list(dict.fromkeys(path.stem for path in _newest_first(folder.glob("*.*"))))
    return [path for name in names[retention.refused :] for path in sorted(folder.glob(f"{name}.*"))]


def _records(root: Path, retention: Retention) -> list[Path]:
    """What is on record of runs that are not among the newest of any kind: a run is kept in all kinds or in none."""
    kinds = {kind: runs.newest_first(kind) for kind in _folders(root / RUNS)}
    kept = {run_id for found in kinds.values() for run_id in found[: retention.runs]}
    paths = []
    for kind, found in kinds.items():
        for run_id in found:
            files = runs.files_of(kind, run_id)
            paths += files[:-1] if run_id in kept else files
        paths += [path for path, run_id in runs.aside(kind).items() if run_id not in kept]
    stood = (path for path in sorted((root / GOING).glob("*.trace")) if not path.with_suffix(".json").exists())
    return [*paths, *(path for path in stood if path.stem not in kept)]


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
