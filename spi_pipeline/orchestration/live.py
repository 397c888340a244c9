"""Live mode: what was fetched of each source in this run, and the table it makes.

Fetching comes first and computes nothing: a source whose downloads, contract and code are as before is not even parsed
again. What to do when fetching or parsing fails is said by ``runner``, once for all tables.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.orchestration.inbox import laid_in
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.offers import HOSTS, OFFERS
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.storage.raw import Raw
from spi_pipeline.storage.store import Store

# Publishers are asked side by side, so that one that is slow, or asks to wait, does not hold up the others.
_AT_ONCE = 6
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """What fetching one source came to.

    Attributes:
        downloads: what its table is made of, in the order given.
        failure: why it could not be had, in a sentence; empty otherwise.
        asked: how many requests went out.
    """

    downloads: tuple[Download, ...] = ()
    failure: str = ""
    asked: int = 0


class Live:
    """Fetches sources for one run, each once.

    Args:
        endpoints: base addresses that replace the publishers' own.
        since: first month wanted, ``YYYY-MM``; None for the one last wanted or, where there was none, what each
            publisher's window holds.
        contracts: all contracts.
        store: where downloads are kept.
        snapshot: folder of the embedded tables, whose geography says whom to ask for before the store has one.
        fetchers: by source id; replaced in tests.

    Raises:
        SpiError: for an endpoint that does not exist.
    """

    def __init__(
        self,
        endpoints: Mapping[str, str],
        since: str | None,
        contracts: Contracts,
        store: Store,
        snapshot: Path,
        fetchers: Mapping[str, Offer] = OFFERS,
    ) -> None:
        self._contracts = contracts
        self._store = store
        self._snapshot = snapshot
        self._since = since
        self._addresses = Addresses(endpoints, HOSTS)
        self._limits = Limits()
        self._budget = Budget()
        self._raw: dict[str, Raw] = {}
        self.fetched: dict[str, Fetched] = {}
        self.fetchers = {
            name: fetcher
            for name, fetcher in fetchers.items()
            if name in contracts.sources and contracts.sources[name].properties.mode == "live"
        }

    def covers(self, source_id: str) -> bool:
        """Whether a source is fetched, or read from files somebody laid in; a frozen one is neither."""
        return source_id in self._readable

    def fetch(
        self, source_ids: Sequence[str], tell: Callable[[str, Fetched], None] | None = None
    ) -> dict[str, Fetched]:
        """Fetch those of the sources that are live and were not fetched in this run yet, side by side.

        Args:
            source_ids: sources; those that are not live are passed over.
            tell: told of each source as it ends.

        Returns:
            What each of them came to; failures are in it, not raised.

        Raises:
            SpiError: when files were laid in for a source that reads none.
        """
        strays = sorted(set(self._inbox) - set(self.fetchers))
        if strays:
            known = ", ".join(sorted(self.fetchers)) or "none"
            raise SpiError(f"inbox/{strays[0]} holds files and no live source is called so; there are {known}")
        wanted = [name for name in source_ids if self.covers(name) and name not in self.fetched]

        def one(source_id: str) -> None:
            self.fetched[source_id] = found = self._fetch(source_id)
            if tell:
                tell(source_id, found)

        if wanted:
            scope = self.scope  # read once, before there are threads
            log.debug("asking for %s as of %s", wanted, scope.as_of)
            with ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as pool:
                list(pool.map(one, wanted))
        return {name: self.fetched[name] for name in source_ids if name in self.fetched}

    def news(self, source_id: str) -> str:
        """What the publisher of a source says of its last change; nothing is fetched for its table.

        Raises:
            SpiError: when it cannot be asked.
        """
        ask = self.fetchers[source_id].news
        if ask is None:
            raise ValueError(source_id)
        # Kept apart: a refresh may be fetching this source at the same time.
        raw = self._raw[source_id] = self._store.raw("news")
        return ask(self._client(raw), self._scope_of(source_id))

    def parsed(self, source_id: str) -> pd.DataFrame:
        """The table of a source, from the very bytes that were fetched.

        Raises:
            SpiError: when they could not be fetched, were damaged since, or are not what the parser knows.
        """
        found = self.fetched[source_id]
        if found.failure:
            raise SpiError(found.failure)
        for download in found.downloads:
            self._raw[source_id].verify(download)
        parse = self.fetchers[source_id].parse
        if parse is None:
            raise ValueError(source_id)
        try:
            return parse(found.downloads, self._scope_of(source_id))
        except SpiError as error:
            raise SpiError(f"{source_id}: {error}") from error

    def origins(self, source_id: str) -> list[dict[str, object]]:
        """The downloads behind a source's table, each once: nothing in it changes while the bytes do not."""
        found: dict[str, dict[str, object]] = {}
        for one in self.fetched[source_id].downloads:
            known = found.get(one.sha256)
            if known:
                periods = sorted({*str(known["period"]).split(", "), one.period})
                found[one.sha256] = known | {"period": ", ".join(filter(None, periods))}
            else:
                found[one.sha256] = {
                    "file": f"raw/{source_id}/{one.sha256}",
                    "period": one.period,
                    "sha256": one.sha256,
                    "bytes": one.size,
                    "url": one.url,
                    "fetched_at": one.fetched_at,
                    "published_at": one.published_at,
                }
        return list(found.values())

    def digest(self, source_id: str) -> str:
        """What the table of a source is made of: the downloads, and the areas they are read for.

        Of one that was not asked for in this run, what its last good table was made of: as far as is known it still is.
        """
        found = self.fetched.get(source_id)
        if found is None:
            return self._store.raw(source_id).made
        if found.failure:
            return "not fetched"
        told = [[one.sha256, one.period, one.url, one.published_at] for one in found.downloads]
        since = self._raw[source_id].since(None)
        return hashlib.sha256(json.dumps([told, since, self._scope_digest], default=str).encode()).hexdigest()

    def failed(self, source_id: str) -> bool:
        """Whether fetching a source failed in this run."""
        return bool(source_id in self.fetched and self.fetched[source_id].failure)

    def settle(self, source_id: str, good: bool) -> None:
        """Close what was fetched of a source: its table was good, or it is all to be asked for again."""
        if source_id in self.fetched and not self.fetched[source_id].failure:
            raw = self._raw[source_id]
            raw.finish(self.digest(source_id)) if good else raw.refuse()

    def close(self) -> None:
        """Close the request counts."""
        self._limits.close()

    @cached_property
    def _readable(self) -> frozenset[str]:
        return readable(self._store, self.fetchers)

    @cached_property
    def _inbox(self) -> dict[str, list[Path]]:
        return self._store.inbox()

    @property
    def newest(self) -> dt.date | None:
        """The day on which the newest of what was fetched in this run first came."""
        days = [one.fetched_at[:10] for found in self.fetched.values() for one in found.downloads]
        return dt.date.fromisoformat(max(days)) if days else None

    @cached_property
    def scope(self) -> Scope:
        """The areas of ``geography.yaml``, with what the store, or else the snapshot, knows of their geography."""
        geography = self._contracts.geography
        areas = self._geography("output_area_lookup")
        older, msoas = self._geography("lsoa_2011_lookup"), self._geography("msoa_2011_lookup")
        shapes = Shapes.from_frame(self._geography("wards"))
        return Scope(
            authorities=geography.authority_codes,
            names=tuple(one.name for one in sorted(geography.authorities, key=lambda one: one.code)),
            wards=geography.ward_codes,
            former_wards=tuple(sorted(geography.former_wards)),
            output_areas=_codes(areas["area_code"]),
            lsoas=_codes(self._geography("lsoa_best_fit")["area_code"]),
            lsoas_2011=_codes(older["lsoa_2011_code"]),
            msoas=_codes(msoas["msoa_2021_code"]),
            forces=tuple(sorted(authority.police_force for authority in geography.authorities)),
            polygons=dict(zip(shapes.codes, shapes.polygons, strict=True)),
            as_of=dt.datetime.now(dt.UTC).date().isoformat(),
        )

    @cached_property
    def _scope_digest(self) -> str:
        scope = replace(self.scope, polygons={}, as_of="")
        digest = hashlib.sha256(repr(scope).encode())
        for code, polygon in sorted(self.scope.polygons.items()):
            digest.update(code.encode() + polygon.wkb)
        return digest.hexdigest()

    def _scope_of(self, source_id: str) -> Scope:
        raw = self._raw[source_id]
        return replace(self.scope, since=raw.since(self._since), have=raw.held())

    def _geography(self, name: str) -> pd.DataFrame:
        known = self._store.current(name)
        table = self._store.read(name) if known and known.rows else read_embedded(self._snapshot, name).table
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def _client(self, raw: Raw) -> HttpClient:
        owner = self._contracts.framework.publication.owner
        return HttpClient(raw, self._addresses, self._limits, self._budget, owner)

    def _fetch(self, source_id: str) -> Fetched:
        raw = self._raw[source_id] = self._store.raw(source_id)
        client = self._client(raw)
        try:
            raw.begin()
            fetch = self.fetchers[source_id].fetch
            downloads = tuple(laid_in(raw, source_id, file) for file in self._inbox.get(source_id, ()))
            if fetch is None:
                downloads = raw.held()  # with those laid in before: each year's file comes alone
            elif not downloads:
                downloads = tuple(fetch(client, self._scope_of(source_id)))
        except SpiError as error:
            return Fetched(failure=f"{source_id}: {' '.join(str(error).split()).rstrip('.')}", asked=client.asked)
        except Exception as error:
            log.exception("%s broke while fetching", source_id)
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            return Fetched(
                failure=f"{source_id}: fetching broke in our own code ({said}); report it", asked=client.asked
            )
        if not downloads:
            return Fetched(failure=f"{source_id}: its publisher offers nothing for this area; see what it says of it")
        return Fetched(downloads, asked=client.asked)


def readable(store: Store, fetchers: Mapping[str, Offer] = OFFERS) -> frozenset[str]:
    """The sources that can be read from their publishers, or from files that somebody laid in, now or before."""
    laid_in = store.inbox()
    return frozenset(
        name for name, fetcher in fetchers.items() if fetcher.fetch or name in laid_in or store.raw(name).held()
    )


def _codes(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(set(values.dropna())))
