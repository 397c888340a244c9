"""How publishers are asked in one run: for which areas, with which limits, and where what they answer is kept."""

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
from spi_pipeline.publishers.probing.visit import PATIENCE, SECONDS, FewRequests, visit
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.storage import places
from spi_pipeline.storage.raw import Raw
from spi_pipeline.storage.store import Store

log = logging.getLogger(__name__)
# Dagster ends the tick of a sensor after a minute, in which the publishers of four sources are asked.
NEWS_SECONDS = 12.0


def readable(store: Store, contracts: Contracts) -> frozenset[str]:
    """The sources that can be read from their publishers, or from files that were put into the inbox, now or before."""
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
    """Asks publishers for one run.

    Args:
        endpoints: base addresses that replace the publishers' own.
        since: first month wanted, ``YYYY-MM``; None for the one last wanted or, where there was none, what each
            publisher's window holds.
        contracts: all contracts.
        store: where downloads are kept.
        figures: the embedded tables, whose geography says whom to ask for before the store has one.
        archives: what is kept of an archive of all areas, see ``Scope``.
        keys: for publishers that give some, by endpoint.
        hours: how long the run may ask.

    Attributes:
        tell: told, in a line now and then, what is waited for.
        recording: keeps each request with its answer; None where nobody asked for that.

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
        self.tell: Callable[[str], None] = lambda _line: None
        self._raw: dict[str, Raw] = {}
        self._clients: dict[str, HttpClient] = {}

    def prepare(self) -> None:
        """Read what all sources share, before they are asked side by side.

        Raises:
            SpiError: when files were put in for a source that reads none, or the geography cannot be read.
        """
        read = self._contracts.fetched | self._contracts.laid_in
        if strays := sorted(set(self._inbox) - read):
            known = ", ".join(sorted(read)) or "none"
            raise SpiError(f"{places.inbox(strays[0])} holds files and no live source is called so; there are {known}")
        areas = self.areas  # kept from here on, so that threads share one
        log.debug("asking as of %s", areas.as_of)

    def raw(self, source_id: str) -> Raw:
        """What was fetched of a source; one object a run, which knows when the run began to ask."""
        return self._raw.setdefault(source_id, self._store.raw(source_id))

    def client(self, source_id: str) -> HttpClient:
        """Asks for a source."""
        if source_id not in self._clients:
            self._clients[source_id] = self._client(
                self.raw(source_id),
                self._budget,
                tell=lambda line: self.tell(f"{source_id}: {line}"),
                recording=self.recording,
            )
        return self._clients[source_id]

    def asked(self, source_id: str) -> int:
        """How many requests went out for a source."""
        return self._clients[source_id].asked if source_id in self._clients else 0

    def laid_in(self, source_id: str) -> Sequence[Path]:
        """The files in the inbox of a source."""
        return self._inbox.get(source_id, ())

    def scope(self, source_id: str, areas: Scope, only: Sequence[str] = ()) -> Scope:
        """For whom to ask and since when, or for which months, with what is held of the source."""
        raw, since = self.raw(source_id), self.raw(source_id).since(self._since)
        return replace(areas, since=since, only=tuple(only), archives=self._archives, have=raw.held(), keys=self._keys)

    def news(self, source_id: str) -> str | None:
        """What the publisher of a source says of its last change, None where it says nothing; no figures are fetched.

        Raises:
            SpiError: when it cannot be asked, or does not answer within ``NEWS_SECONDS``.
        """
        ask = OFFERS[source_id].news
        if ask is None:
            return None
        # Kept apart: a refresh may be fetching this source at the same time.
        raw = self._store.raw("news")
        budget = Budget(retries=1, seconds=NEWS_SECONDS, whole=NEWS_SECONDS)
        return ask(self._client(raw, budget), replace(self.areas, since=raw.since(self._since), have=raw.held()))

    def visit(self, probes: Sequence[Probe], tell: Callable[[Observation], None]) -> Report:
        """Ask each endpoint once, with little, and keep nothing of what it answers."""
        began, limits, budget = time.monotonic(), FewRequests(), Budget(retries=0, seconds=0, whole=SECONDS)
        asked_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        proxied, own = surroundings()
        owner = self._contracts.framework.publication.owner

        def asker() -> HttpClient:
            return HttpClient(self._store.raw("news"), self._addresses, limits, budget, owner, patience=PATIENCE)

        try:
            found = visit(probes, self.areas, asker, tell)
        finally:
            limits.close()
        return Report(
            versions=versions(),
            asked_at=asked_at,
            seconds=round(time.monotonic() - began, 1),
            requests=limits.asked,
            authorities=self.areas.authorities,
            replaced=tuple(name for name, host in HOSTS.items() if self._addresses.overridden(host)),
            observations=tuple(found),
            through_proxy=proxied,
            own_authorities=own,
        )

    def stop(self) -> None:
        """Ask no longer: what goes on ends as soon as it looks, within ten seconds."""
        self._budget.end()

    def close(self) -> None:
        """Close the request counts."""
        self._limits.close()

    @cached_property
    def _inbox(self) -> dict[str, list[Path]]:
        return self._store.inbox()

    @cached_property
    def areas(self) -> Scope:
        """The areas of ``geography.yaml``, with what the store, or else the snapshot, knows of their geography."""
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
        """A digest of the areas, whatever the day."""
        digest = hashlib.sha256(repr(replace(self.areas, polygons={}, as_of="")).encode())
        for code, polygon in sorted(self.areas.polygons.items()):
            digest.update(code.encode() + polygon.wkb)
        return digest.hexdigest()

    def _geography(self, name: str) -> pd.DataFrame:
        """A lookup as it is known; without rows where every authority is without it."""
        known = self._store.current(name)
        if known and known.rows:
            table = self._store.read(name)
        elif self._contracts.geography.holding(name) and name in self._figures.names:
            table = self._figures.read(name).table
        else:  # of a council that has yet to fetch it, or is without it
            table = arrow_schema(self._contracts.sources[name]).empty_table()
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def _client(self, raw: Raw, budget: Budget, **options: Any) -> HttpClient:
        owner = self._contracts.framework.publication.owner
        return HttpClient(raw, self._addresses, self._limits, budget, owner, **options)


def _codes(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(set(values.dropna())))
