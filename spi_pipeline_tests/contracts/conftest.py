from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.reading import folder
from spi_pipeline.contracts.reading.documents import Document, read_document
from spi_pipeline_tests.contracts.mutation import CARS, CHOICE, CONTEXT, CONTRACTS

_read: dict[tuple[str, bytes], tuple[Document | None, list[Fault]]] = {}


def _read_once(file: Path, shown: str, faults: list[Fault]) -> Document | None:
    """Read a file, parsed only once: a hundred tests change one file each and leave the others as they are."""
    key = shown, file.read_bytes() if file.is_file() else b""
    if key not in _read or not file.is_file():
        file_faults: list[Fault] = []
        _read[key] = read_document(file, shown, file_faults), file_faults
    document, file_faults = _read[key]
    faults.extend(file_faults)
    return document


# Sanity checks of the index, for the tests only.
SANITY = """profile: spi
compare:
  - {measure: income_deprived, sign: negative, least: {index: 0.5, below: 0}}
opposed: 0
constant: 2
redundant: 0.95
neighbours: {index: 2, below: 3}
explained:
  - {kind: opposed, id: no_car, reason: Buses run where people have no car.}
"""

# Published findings, for the tests only.
PUBLISHED = """findings:
  - id: a_report
    authority: E06000032
    publisher: Others
    url: https://example.org/a
    published: "2024-07"
    says: Central and South are unsafe.
    claims:
      - {element: safety, end: lowest, wards: [E05014739, E05014750], among: 3}
  - id: of_another_town
    authority: E06000001
    publisher: Others
    url: https://example.org/b
    published: unknown
    says: Its wards are none of ours.
    claims:
      - {element: no_car, end: highest, wards: [E05999999], because: They count dogs.}
"""


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    """The repository's contracts."""
    return load_contracts(CONTRACTS)


@pytest.fixture
def root(tmp_path: Path, contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the contracts to break: the repository's indicators and one more, their sources, and one product."""
    monkeypatch.setattr(folder, "read_document", _read_once)
    copy = Path(shutil.copytree(CONTRACTS, tmp_path / "data_contracts"))
    with (copy / CHOICE).open("a", encoding="utf-8") as file:
        file.write(CARS)
    read = {name for indicator in contracts.indicators.values() for name in contracts.sources_of(indicator)}
    for name in contracts.sources.keys() - read - {"census_car_availability"}:
        (copy / "sources" / f"{name}.yaml").unlink()
    for name in contracts.products.keys() - {"area"}:
        (copy / "products" / f"{name}.yaml").unlink()
    (copy / "context.yaml").write_text(CONTEXT, encoding="utf-8")
    (copy / "sanity.yaml").write_text(SANITY, encoding="utf-8")
    (copy / "published_findings.yaml").write_text(PUBLISHED, encoding="utf-8")
    return copy
