"""The downloads of every fetched or manually uploaded source, as the second imitation serves them, without network."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.http.exchange import Check, Download, PermanentFailure, Request, Scope
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.steps.step import typed
from spi_pipeline_tests.imitations.publishers.ofcom import FILE, coverage
from spi_pipeline_tests.imitations.second.files import PUBLISHERS
from spi_pipeline_tests.imitations.second.server import PLAIN
from spi_pipeline_tests.integration.sandboxes import CONTRACTS
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, address, as_download

SCOPE = replace(TOWN, as_of="2024-05-01", since="2025-06")
# Sources for which the second imitation has no table.
_NOT_SERVED = {
    "census_english_proficiency", "census_disability", "census_unpaid_care", "census_accommodation_type",
    "census_central_heating", "census_tenure", "census_sex", "census_country_of_birth", "census_ethnic_group",
    "census_household_composition", "census_household_size", "census_household_deprivation", "census_occupation",
    "census_economic_activity", "lsoa_boundaries", "lsoa_2011_lookup",
}  # fmt: skip
SOURCES = sorted(name for name, offer in OFFERS.items() if offer.parse and name not in _NOT_SERVED)


class _Direct(FakeClient):
    """Calls the second imitation directly; a response with a status other than 200 is a failure with that status."""

    def get(self, request: Request, check: Check | None = None) -> Download:
        query = dict(request.data or request.params)
        path = request.path
        reply = PUBLISHERS[request.host.name](PLAIN, path, query)
        if reply.status != 200:
            raise PermanentFailure(f"{path}: {reply.status}", reply.status)
        url = f"{address(request)}#{request.data}" if request.data else address(request)
        download = as_download(self.folder, reply.body, url, request.period)
        if check:
            check(download.path)
        return download


def downloads(source_id: str, folder: Path) -> list[Download]:
    """The downloads that a refresh would hand to the parser of a source."""
    offer = OFFERS[source_id]
    if offer.fetch is None:
        return [as_download(folder, coverage(TOWN.output_areas), FILE)]
    return list(offer.fetch(_Direct(folder, {}), scope(source_id)))


def scope(source_id: str) -> Scope:
    """The areas and the first month that a source is fetched for."""
    months = source_id in ("street_crime", "claimant_count")
    return replace(SCOPE, since={"claimant_count": "2026-06"}.get(source_id, SCOPE.since) if months else None)


@cache
def contracts() -> Contracts:
    """The repository's contracts."""
    return load_contracts(CONTRACTS)


def broken(source_id: str, frame: pd.DataFrame, every: Contracts) -> set[str]:
    """The rules for which a contract would refuse a table."""
    source = every.sources[source_id]
    rules = [rule for rule in source.rules if rule.severity == "error"]
    results = evaluate(typed(frame, source), rules, table_name=source_id)
    return {one.rule.id for one in results if one.outcome in ("failed", "errored")}


def with_body(download: Download, body: bytes, folder: Path) -> Download:
    """The same download with other bytes."""
    other = as_download(folder, body, download.url, download.period)
    return replace(other, published_at=download.published_at)
