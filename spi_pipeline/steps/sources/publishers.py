"""Requests to publishers in one run: for which areas, with which limits, and where the responses are stored."""

import datetime as dt
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import Archives, Scope
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.recording import Recording
from spi_pipeline.publishers.offers import HOSTS, OFFERS
from spi_pipeline.publishers.probing.probe import Probe
from spi_pipeline.publishers.probing.report import Observation, Report, surroundings, versions
from spi_pipeline.publishers.probing.visit import SECONDS, TIMEOUTS, FewRequests, visit
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.storage import places
from spi_pipeline.storage.raw import Raw
from spi_pipeline.storage.store import Store

log = logging.getLogger(__name__)
# Dagster ends the tick of a sensor after a minute, in which it requests the news of four sources.
NEWS_SECONDS = 12.0


def readable(store: Store, contracts: Contracts) -> frozenset[str]:
    """The sources that can be fetched from their publishers, or have or had files in the inbox."""
    in_inbox = store.inbox()
    return frozenset(
        name
        for name, offer in OFFERS.items()
        if name in contracts.sources
        and contracts.sources[name].properties.mode == "live"
        and offer.parse
        and (offer.fetch or name in in_inbox or store.raw(name).held())
    )


class Publishers:
    """Sends the requests of one run to publishers.

    Args:
        endpoints: base addresses that replace the publishers' own.
        since: the first month to fetch, ``YYYY-MM``; None for that of the last run or, without one, the whole window
            of each publisher.
        contracts: all contracts.
        store: where downloads are stored.
        figures: the embedded tables, whose geography names the areas until the store has one.
        archives: which part of an archive of all areas is stored, see ``Scope``.
        keys: API keys by endpoint, for publishers that issue them.
        hours: how long the run may send requests.

    Attributes:
        progress: receives a progress line from time to time.
        recording: records each request with its response; None for no recording.

    Raises:
        SpiError: for an endpoint that does not exist.
    """

    recording: Recording | None = None

    def __init__(
        self,
        endpoints: Mapping[str, str],
        since: str | None,
        contracts: Contracts,
        store: Store,
        figures: Figures,
        archives: Archives,
        keys: Mapping[str, str],
        hours: float,
    ) -> None:
        self._contracts = contracts
        self._store = store
        self._figures = figures
        self._since = since
        self._archives = archives
        self._keys = keys or {}
        self._addresses = Addresses(endpoints, HOSTS)
        self._limits = Limits()
        self._budget = Budget(whole=hours * 3600)
        self.progress: Callable[[str], None] = lambda _line: None
        self._raw: dict[str, Raw] = {}
        self._clients: dict[str, HttpClient] = {}

    def prepare(self) -> None:
        """Read the data that all sources share, before they are fetched in parallel.

        Raises:
            SpiError: when the inbox has files for a source that reads none, or the geography cannot be read.
        """
        read = self._contracts.fetched | self._contracts.manual_uploads
        if strays := sorted(set(self._inbox) - read):
            known = ", ".join(sorted(read)) or "none"
            raise SpiError(
                f"{places.inbox(strays[0])} holds files, but there is no live source of that name; there are {known}"
            )
        areas = self.areas  # cached from here on, so that threads share one
        log.debug("asking as of %s", areas.as_of)

    def raw(self, source_id: str) -> Raw:
        """The stored responses of a source; one object per run, which knows when the run began its requests."""
        return self._raw.setdefault(source_id, self._store.raw(source_id))

    def client(self, source_id: str) -> HttpClient:
        """The HTTP client of a source."""
        if source_id not in self._clients:
            self._clients[source_id] = self._client(
                self.raw(source_id),
                self._budget,
                progress=lambda line: self.progress(f"{source_id}: {line}"),
                recording=self.recording,
            )
        return self._clients[source_id]

    def requests_sent(self, source_id: str) -> int:
        """The number of requests sent for a source."""
        return self._clients[source_id].requests_sent if source_id in self._clients else 0

    def manual_uploads(self, source_id: str) -> Sequence[Path]:
        """The files in the inbox of a source."""
        return self._inbox.get(source_id, ())

    def scope(self, source_id: str, areas: Scope, only: Sequence[str] = ()) -> Scope:
        """The areas and months to fetch, with the downloads that are already stored."""
        raw, since = self.raw(source_id), self.raw(source_id).since(self._since)
        return replace(areas, since=since, only=tuple(only), archives=self._archives, have=raw.held(), keys=self._keys)

    def news(self, source_id: str) -> str | None:
        """The publisher's own mark of its last change to a source, None if it has none; no figures are fetched.

        Raises:
            SpiError: when the request fails, or gets no response within ``NEWS_SECONDS``.
        """
        fetch_news = OFFERS[source_id].news
        if fetch_news is None:
            return None
        # Stored separately: a refresh may be fetching this source at the same time.
        raw = self._store.raw("news")
        budget = Budget(retries=1, seconds=NEWS_SECONDS, whole=NEWS_SECONDS)
        return fetch_news(self._client(raw, budget), replace(self.areas, since=raw.since(self._since), have=raw.held()))

    def visit(self, probes: Sequence[Probe], progress: Callable[[Observation], None]) -> Report:
        """Send each endpoint one small request, and store nothing of its response."""
        began, limits, budget = time.monotonic(), FewRequests(), Budget(retries=0, seconds=0, whole=SECONDS)
        visited_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        proxied, own = surroundings()
        owner = self._contracts.framework.publication.owner

        def new_client() -> HttpClient:
            return HttpClient(self._store.raw("news"), self._addresses, limits, budget, owner, timeouts=TIMEOUTS)

        try:
            observations = visit(probes, self.areas, new_client, progress)
        finally:
            limits.close()
        return Report(
            versions=versions(),
            visited_at=visited_at,
            seconds=round(time.monotonic() - began, 1),
            requests=limits.requests_sent,
            authorities=self.areas.authorities,
            replaced=tuple(name for name, host in HOSTS.items() if self._addresses.overridden(host)),
            observations=tuple(observations),
            through_proxy=proxied,
            own_authorities=own,
        )

    def stop(self) -> None:
        """Stop sending requests: running requests notice within ten seconds and end."""
        self._budget.end()

    def close(self) -> None:
        """Close the counts of requests."""
        self._limits.close()

    @cached_property
    def _inbox(self) -> dict[str, list[Path]]:
        return self._store.inbox()

    @cached_property
    def areas(self) -> Scope:
        """The areas of ``geography.yaml``, with their geography from the store, or else from the snapshot."""
        geography = self._contracts.geography
        areas = self._geography("output_area_lookup")
        older, lsoas = self._geography("lsoa_2011_lookup"), self._geography("lsoa_best_fit")
        shapes = Shapes.from_frame(self._geography("wards"))
        return Scope(
            authorities=geography.authority_codes,
            names=tuple(one.name for one in sorted(geography.authorities, key=lambda one: one.code)),
            wards=geography.ward_codes,
            former_wards=tuple(sorted(geography.former_wards)),
            output_areas=_codes(areas["area_code"]),
            lsoas=_codes(lsoas["area_code"]),
            lsoas_2011=_codes(older["lsoa_2011_code"]),
            msoas=_codes(lsoas["msoa_code"]),
            forces=tuple(sorted(authority.police_force for authority in geography.authorities)),
            polygons=dict(zip(shapes.codes, shapes.polygons, strict=True)),
            as_of=dt.datetime.now(dt.UTC).date().isoformat(),
        )

    @cached_property
    def areas_digest(self) -> str:
        """A digest of the areas that does not depend on the date."""
        digest = hashlib.sha256(repr(replace(self.areas, polygons={}, as_of="")).encode())
        for code, polygon in sorted(self.areas.polygons.items()):
            digest.update(code.encode() + polygon.wkb)
        return digest.hexdigest()

    def _geography(self, name: str) -> pd.DataFrame:
        """A lookup from the store or the snapshot; empty if no authority has it."""
        known = self._store.current(name)
        if known and known.rows:
            table = self._store.read(name)
        elif self._contracts.geography.holding(name) and name in self._figures.names:
            table = self._figures.read(name).table
        else:  # the council has not fetched it yet, or does not have it
            table = arrow_schema(self._contracts.sources[name]).empty_table()
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def _client(self, raw: Raw, budget: Budget, **options: Any) -> HttpClient:
        owner = self._contracts.framework.publication.owner
        return HttpClient(raw, self._addresses, self._limits, budget, owner, **options)


def _codes(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(set(values.dropna())))
