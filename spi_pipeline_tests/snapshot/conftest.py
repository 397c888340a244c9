"""The contracts, and a small folder of publishers' files, for the tests of the snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.imitations.fixtures import FILES, write_folder

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES = REPOSITORY / "spi_pipeline" / "snapshot" / "tables"
ENGLAND = REPOSITORY / "spi_pipeline" / "snapshot" / "england"
PUBLISHED = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def every_contract() -> Contracts:
    """The repository's contracts."""
    return load_contracts(REPOSITORY / "data_contracts")


@pytest.fixture(scope="session")
def contracts(every_contract: Contracts) -> Contracts:
    """The repository's contracts, reduced to the sources of the small folder."""
    return replace(every_contract, sources={name: every_contract.sources[name] for name in FILES})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder of publishers' files."""
    return write_folder(tmp_path / "files")
