"""The client of a run, pointed at a local server and keeping its files in a folder of the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.storage.raw import Raw


def client(folder: Path, bases: Mapping[str, str], budget: Budget | None = None, **options: Any) -> HttpClient:
    """The client of a run that has begun. Without a budget it tries once; the options are those of ``HttpClient``."""
    raw = Raw(folder / "raw")
    raw.begin()
    limits = Limits(folder / "limits")
    return HttpClient(raw, Addresses(bases, HOSTS), limits, budget or Budget(retries=0), **options)
