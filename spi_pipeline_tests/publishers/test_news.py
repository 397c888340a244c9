"""Requests for publishers' last changes, sent by a sensor whose tick Dagster ends after a minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._grpc.utils import _DEFAULT_GRPC_TIMEOUT_IF_NO_ENV_VAR_SET as TICK_SECONDS

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.steps.sources import publishers as module
from spi_pipeline.steps.sources.publishers import NEWS_SECONDS, Publishers
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.docs.documents import REPOSITORY
from spi_pipeline_tests.imitations.server import Publishers as Imitations
from spi_pipeline_tests.imitations.server import local_publishers


@pytest.fixture(scope="module")
def served() -> Iterator[Imitations]:
    with local_publishers() as publishers:
        yield publishers


def test_a_dripping_publisher_is_abandoned_before_dagster_ends_the_tick(
    served: Imitations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NEWS_SECONDS * sum(offer.news is not None for offer in OFFERS.values()) < TICK_SECONDS
    monkeypatch.setattr(module, "NEWS_SECONDS", 0.5)
    contracts = load_contracts(REPOSITORY / "data_contracts")
    figures = Figures(REPOSITORY / "spi_pipeline/snapshot/tables", None, contracts.geography)
    publishers = Publishers(served.bases, None, contracts, Store(str(tmp_path / "store")), figures, "drop", {}, 1)
    assert publishers.news("street_crime")
    served.fault("police", "drip_header")
    try:
        with pytest.raises(SpiError, match="used all its time for requests"):
            publishers.news("street_crime")
    finally:
        served.clear_faults()
        publishers.close()
