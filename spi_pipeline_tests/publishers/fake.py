"""A client without a network: it holds a response for each path and records every request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pandas as pd
import pytest
import shapely

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.publishers.http.exchange import Check, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.offer import Offer
from spi_pipeline_tests.integration.sandboxes import CONTRACTS

Response = bytes | Exception | Callable[[Request], "bytes | Exception"]
TODAY = "2026-11-24T06:00:00+00:00"


class FakeClient:
    """Responds by path; an unknown path is a 404."""

    def __init__(self, folder: Path, responses: dict[str, Response]) -> None:
        self.folder = folder
        self.responses = responses
        self.requests: list[Request] = []
        self.announced: list[Request] = []

    def get(self, request: Request, check: Check | None = None) -> Download:
        self.requests.append(request)
        found = self.responses.get(request.path, PermanentFailure(f"{request.path}: 404", 404))
        body = found(request) if callable(found) else found
        if isinstance(body, Exception):
            raise body
        if check:
            (self.folder / "body").write_bytes(body)
            check(self.folder / "body")
            body = (self.folder / "body").read_bytes()
        return as_download(self.folder, body, address(request), request.period)

    def read_json(self, request: Request, check: Check | None = None) -> Any:
        return json.loads(self.get(request, check).path.read_bytes())

    def announce(self, requests: Sequence[Request]) -> None:
        self.announced.extend(requests)

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        for host in allowed:
            if url.startswith(host.base):
                parts = urlsplit(url)
                path = parts.path.removeprefix(urlsplit(host.base).path)
                return Request(host, path, tuple(parse_qsl(parts.query)))
        raise PermanentFailure(f"{url} leads elsewhere")

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


def address(request: Request) -> str:
    query = f"?{urlencode(request.params)}" if request.params else ""
    return f"{request.host.base}{request.path}{query}{request.part and f'#{request.part}'}"


def as_download(folder: Path, body: bytes, url: str = "some.csv", period: str = "") -> Download:
    """A body stored as a download."""
    digest = hashlib.sha256(body).hexdigest()
    path = folder / digest
    path.write_bytes(body)
    return Download(path, digest, len(body), url, period, TODAY)


def body_of(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def fetch_and_parse(offer: Offer, client: FakeClient, scope: Scope) -> pd.DataFrame:
    """The table that a source's fetcher and parser make."""
    assert offer.fetch
    assert offer.parse
    return offer.parse(list(offer.fetch(client, scope)), scope)


def matches_contract(source_id: str, frame: pd.DataFrame) -> bool:
    """Whether a frame has the columns of the source's contract, in the same order."""
    contract = _contracts().sources.get(source_id)
    if contract is None:
        pytest.skip(f"{source_id} is not among these contracts")
    return list(frame.columns) == [column.name for column in contract.columns]


_contracts = cache(lambda: load_contracts(CONTRACTS))


TOWN = Scope(
    authorities=("E06900001",),
    names=("Any Town",),
    wards=("E05900001", "E05900002"),
    former_wards=("E05800001",),
    output_areas=("E00900001", "E00900002", "E00900003"),
    lsoas=("E01900001", "E01900002"),
    lsoas_2011=("E01800001", "E01900001"),
    msoas=("E02900001",),
    forces=("anyshire",),
    polygons={
        "E05900001": shapely.box(-0.44, 51.86, -0.40, 51.90),
        "E05900002": shapely.box(-0.40, 51.86, -0.36, 51.90),
    },
    as_of="2026-11-24",
)
