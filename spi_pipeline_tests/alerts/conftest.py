from __future__ import annotations

import pytest

from spi_pipeline_tests.alerts.children import without_flushing


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system keeps the writes of a killed process, so tests skip the slow flush to disk."""
    monkeypatch.setattr("sqlite3.connect", without_flushing)
