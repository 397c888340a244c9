"""Where contracts lie: in a shared folder, with a council's own files in place of shared ones of the same name."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# What a council's folder holds beside contracts, unless settings say otherwise: its own figures, and its store.
FIGURES, STORE = "snapshot", "spi_store"


class Root(NamedTuple):
    """The folders that contracts are read from.

    Attributes:
        shared: the contracts that all councils share.
        own: a council's folder, which holds only what is its own; None where the shared ones stand alone.
    """

    shared: Path
    own: Path | None = None

    def __truediv__(self, name: str) -> Path:
        """The file of a path below the contracts: the council's, where it has one."""
        own = self.own / name if self.own else None
        return own if own and own.is_file() else self.shared / name

    def __str__(self) -> str:
        """The folder that a person would look into first."""
        return str(self.own or self.shared)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders there are, the council's first."""
        return (self.own, self.shared) if self.own else (self.shared,)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder below the contracts, hidden ones aside, ascending."""
        found = {file.name for root in self.folders for file in (root / folder).glob("*")}
        return sorted(name for name in found if not name.startswith("."))

    def files(self) -> dict[str, Path]:
        """Every file in force, hidden ones aside, by its path below the contracts."""
        found: dict[str, Path] = {}
        for root in reversed(self.folders):
            found |= {path: file for path, file in _below(root) if root == self.shared or not _is_beside(path)}
        return dict(sorted(found.items()))


def root_of(root: "Path | Root") -> Root:
    """A folder that stands alone, as a root."""
    return root if isinstance(root, Root) else Root(root)


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        place = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in place.parts):
            yield place.as_posix(), file


def _is_beside(path: str) -> bool:
    return path.partition("/")[0] in (FIGURES, STORE)
