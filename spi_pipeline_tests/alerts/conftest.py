from __future__ import annotations

import pytest

from spi_pipeline_tests.alerts.children import without_flushing


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process wrote is safe with the system; flushing it to disk is slow."""
    monkeypatch.setattr("sqlite3.connect", without_flushing)
