"""The downloads of every source that is fetched or laid in, as the stranger's publishers give them, by no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.http.exchange import Check, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.steps.step import typed
from spi_pipeline_tests.imitations.publishers.ofcom import FILE, coverage
from spi_pipeline_tests.imitations.stranger.files import PUBLISHERS
from spi_pipeline_tests.imitations.stranger.server import PLAIN
from spi_pipeline_tests.integration.houses import CONTRACTS
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, address, kept

SCOPE = replace(TOWN, as_of="2024-05-01", since="2025-06")
# Sources of which the stranger has no table.
_UNTOLD = {
    "census_english_proficiency", "census_disability", "census_unpaid_care", "census_accommodation_type",
    "census_central_heating", "census_tenure", "lsoa_boundaries", "lsoa_2011_lookup",
}  # fmt: skip
SOURCES = sorted(name for name, offer in OFFERS.items() if offer.parse and name not in _UNTOLD)


class _Direct(FakeClient):
    """Asks the stranger's publishers themselves; what they would answer with another status is a failure with it."""

    def get(self, request: Request, check: Check | None = None) -> Download:
        query = dict(request.data or request.params)
        path = request.path
        reply = PUBLISHERS[request.host.name](PLAIN, path, query)
        if reply.status != 200:
            raise PermanentFailure(f"{path}: {reply.status}", reply.status)
        told = f"{address(request)}#{request.data}" if request.data else address(request)
        download = kept(self.folder, reply.body, told, request.period)
        if check:
            check(download.path)
        return download

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        return super().absolute(url, allowed)


def downloads(source_id: str, folder: Path) -> list[Download]:
    """What a refresh would hand to the parser of a source."""
    offer = OFFERS[source_id]
    if offer.fetch is None:
        return [kept(folder, coverage(TOWN.output_areas), FILE)]
    return list(offer.fetch(_Direct(folder, {}), scope(source_id)))


def scope(source_id: str) -> Scope:
    """For whom, and since when."""
    months = source_id in ("street_crime", "claimant_count")
    return replace(SCOPE, since={"claimant_count": "2026-06"}.get(source_id, SCOPE.since) if months else None)


@cache
def contracts() -> Contracts:
    """The repository's."""
    return load_contracts(CONTRACTS)


def broken(source_id: str, frame: pd.DataFrame, every: Contracts) -> set[str]:
    """The rules of a contract that would have a table refused."""
    source = every.sources[source_id]
    rules = [rule for rule in source.rules if rule.severity == "error"]
    results = evaluate(typed(frame, source), rules, table_name=source_id)
    return {one.rule.id for one in results if one.outcome in ("failed", "errored")}


def with_body(download: Download, body: bytes, folder: Path) -> Download:
    """The same download with other bytes."""
    other = kept(folder, body, download.url, download.period)
    return replace(other, published_at=download.published_at)
