"""Draft and read a council's own files as ``spi source add`` and a refresh do, without a store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.reading.documents import read_document
from spi_pipeline.contracts.reading.odcs import read_source
from spi_pipeline.publishers.own.drafting import draft
from spi_pipeline.publishers.own.inspecting import DraftOptions, inspect
from spi_pipeline.publishers.own.placing import NEEDS, Places
from spi_pipeline.publishers.own.reading import Read, read_own
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, SNAPSHOT

# Texts that a person might write into the blanks of a draft, by words of the blank.
BLANKS = {
    "a page that": "https://www.example.org",
    "the first day": "2025-01-01",
    "the last day, YYYY": "2025-12-31",
    "stock, modelled": "flow",
    "people, households": "people",
}
OPTIONS = {
    "owner": "community-safety", "licence": "OGL-UK-3.0", "minimum_count": 5, "expires": "2030-12-31",
    "concept": "safety",
}  # fmt: skip
DraftAndRead = Callable[..., Read]


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return load_contracts(CONTRACTS)


@pytest.fixture(scope="session")
def known(contracts: Contracts) -> Places:
    return Places.load(contracts.geography, list(NEEDS), lambda name: read_embedded(SNAPSHOT, name).table.to_pandas())


def filled(text: str) -> str:
    """A draft with every blank filled in."""
    for blank, value in BLANKS.items():
        text = re.sub(rf'"FILL IN: [^"]*{blank}[^"]*"', f'"{value}"', text)
    return re.sub(r'"FILL IN: [^"]*"', '"said"', text).replace("status: draft", "status: active")


def source_of(text: str, name: str, contracts: Contracts, folder: Path) -> Source:
    """The source that the text of a contract declares."""
    file, faults = folder / f"{name}.yaml", []  # type: ignore[var-annotated]
    file.write_text(text, encoding="utf-8")
    document = read_document(file, f"sources/{name}.yaml", faults)
    found = read_source(document, contracts.vocabulary, contracts.geography, faults) if document else None
    assert not faults, [str(fault) for fault in faults]
    assert found
    return found


@pytest.fixture
def draft_and_read(contracts: Contracts, known: Places, tmp_path: Path) -> DraftAndRead:
    """Drafts the contract of a file, then reads the file and the draft's fixture with it."""

    def read(file: Path, **choices: Any) -> Read:
        options = DraftOptions(**{"name": "own_calls", "component": "safety", **OPTIONS, **choices})
        drafted = draft(inspect(file, options, known), options, contracts, known)
        source = source_of(filled(drafted[f"sources/{options.name}.yaml"]), options.name, contracts, tmp_path)
        fixture = tmp_path / f"{options.name}.csv"
        fixture.write_text(drafted[f"fixtures/{options.name}.csv"], encoding="utf-8")
        invented = read_own(fixture, source, known)
        assert invented.suppressed == 0
        assert invented.elsewhere == 0
        assert set(invented.frame["area_code"]) >= set(read_own(file, source, known).frame["area_code"])
        return read_own(file, source, known)

    return read


def figures(found: Read, column: str = "") -> dict[str, float | None]:
    """The figures of a table by area; None where one is missing."""
    frame = found.frame
    name = column or next(one for one in frame.columns if one not in ("area_code", "year"))
    return {
        code: None if pd.isna(value) else value for code, value in zip(frame["area_code"], frame[name], strict=True)
    }
