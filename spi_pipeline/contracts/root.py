"""The folders of contracts: a shared one, and a council's own, whose files replace shared files of the same name."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# A council's folder also holds its own figures and its store, unless settings say otherwise.
FIGURES, STORE = "snapshot", "spi_store"


class Root(NamedTuple):
    """The folders that contracts are read from.

    Attributes:
        shared: the contracts that all councils share.
        own: a council's folder, which holds only its own files; None if only the shared folder is read.
    """

    shared: Path
    own: Path | None = None

    def __truediv__(self, name: str) -> Path:
        """The file at a path below the contracts: the council's if it has one, else the shared one."""
        own = self.own / name if self.own else None
        return own if own and own.is_file() else self.shared / name

    def __str__(self) -> str:
        """The folder in which a person would look first."""
        return str(self.own or self.shared)

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders, the council's first."""
        return (self.own, self.shared) if self.own else (self.shared,)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder below the contracts, without hidden ones, ascending."""
        names = {file.name for root in self.folders for file in (root / folder).glob("*")}
        return sorted(name for name in names if not name.startswith("."))

    def files(self) -> dict[str, Path]:
        """Every file in force, without hidden ones, by its path below the contracts."""
        files: dict[str, Path] = {}
        for root in reversed(self.folders):
            files |= {path: file for path, file in _below(root) if root == self.shared or not _is_no_contract(path)}
        return dict(sorted(files.items()))


def root_of(root: "Path | Root") -> Root:
    """A root, made of a single folder if need be."""
    return root if isinstance(root, Root) else Root(root)


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        place = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in place.parts):
            yield place.as_posix(), file


def _is_no_contract(path: str) -> bool:
    return path.partition("/")[0] in (FIGURES, STORE)
