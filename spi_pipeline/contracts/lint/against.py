"""Contracts compared with those of a git revision: a change that needs a new version and has none is a fault.

This module knows git and files; ``changes`` decides which version a change needs.
"""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spi_pipeline.contracts.errors import ContractError, Fault, SpiError
from spi_pipeline.contracts.lint.changes import Bump, changes
from spi_pipeline.contracts.reading.documents import Document, read_document

_FOLDERS = ("sources", "products")
# A contract may be removed if its last version declared one of these.
_LEAVING = ("deprecated", "retired")


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison without faults.

    Attributes:
        contracts: the number of contracts now.
        raised: the old and the new version of each contract whose version changed, by path.
    """

    contracts: int
    raised: dict[str, tuple[str, str]]


def compare(root: Path, revision: str) -> Comparison:
    """Compare the table contracts of a folder with those it held at a git revision.

    Args:
        root: the contracts folder, in a git checkout.
        revision: a commit, tag or branch.

    Raises:
        ContractError: with every change that the version of its contract does not cover.
        SpiError: git cannot show the folder at that revision.
    """
    with tempfile.TemporaryDirectory() as folder:
        _check_out(root, revision, Path(folder))
        old, new = _documents(Path(folder)), _documents(root)
        faults = list(_faults(old, new, _units(Path(folder)), _units(root), revision))
    if faults:
        raise ContractError(faults)
    versions = {name: (_version(old[name]), _version(new[name])) for name in new if name in old}
    return Comparison(len(new), {name: pair for name, pair in versions.items() if pair[0] != pair[1]})


def _check_out(root: Path, revision: str, folder: Path) -> None:
    try:
        # Without --end-of-options git would read a revision that begins with a hyphen as an option.
        done = subprocess.run(
            ["git", "-C", str(root), "archive", "--end-of-options", revision, "."], capture_output=True, check=False
        )
    except OSError as error:
        raise SpiError(f"git could not be run ({error.strerror or error}); install it to compare contracts") from error
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise SpiError(f"git cannot show {root} at {revision!r} ({reason}); name a commit that holds the contracts")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _documents(root: Path) -> dict[str, Document]:
    """The table contracts of a folder that can be read, by path; lint reports the faults of the others."""
    names = sorted(f"{folder}/{file.name}" for folder in _FOLDERS for file in (root / folder).glob("*.yaml"))
    documents = {name: read_document(root / name, name, []) for name in names}
    return {name: document for name, document in documents.items() if document}


def _units(root: Path) -> dict[str, object]:
    document = read_document(root / "vocabulary.yaml", "vocabulary.yaml", [])
    units: dict[str, object] = document.data.get("units", {}) if document else {}
    return units


def _faults(
    old: dict[str, Document],
    new: dict[str, Document],
    old_units: dict[str, object],
    new_units: dict[str, object],
    revision: str,
) -> Iterator[Fault]:
    for name, before in old.items():
        if name not in new:
            if before.data.get("status") not in _LEAVING:
                remedy = "declare status: deprecated for one version before removing it"
                yield Fault(name, 0, f"was removed, but was in force at {revision}; {remedy}")
            continue
        after, was, now = new[name], _version(before), _version(new[name])
        if _numbers(now) < _numbers(was):
            yield after.fault(("version",), f"version {now} is lower than {was}, the one at {revision}")
            continue
        for change in changes(before.data, after.data, old_units, new_units):
            wanted = _raised(was, change.bump)
            if _numbers(now) < _numbers(wanted):
                kind = "a breaking change" if change.bump == "major" else "a change"
                message = f"{change.sentence}: {kind} since {revision}, so version {was} must become {wanted}"
                yield after.fault(change.path, message)


def _version(document: Document) -> str:
    return str(document.data.get("version"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def _raised(version: str, bump: Bump) -> str:
    first, second, *_ = (*_numbers(version), 0, 0)
    return f"{first + 1}.0.0" if bump == "major" else f"{first}.{second + 1}.0"
