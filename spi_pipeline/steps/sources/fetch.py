"""Fetching a source: its publisher is asked, and what came is the version of its downloads that parsing reads.

A fetch is due by its cadence, by its publisher's news or because it was asked for, never by a change of code. It asks
for everything its table is made of; what need not be sent again is the client's to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.steps.inputs import AREAS, ASKING, DOWNLOADS, Inputs
from spi_pipeline.steps.pages.page import Facts, Link, Page
from spi_pipeline.steps.sources.cadence import cadence
from spi_pipeline.steps.sources.inbox import laid_in
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.raw import Raw


class Asking(Protocol):
    """How publishers are asked in one run."""

    def raw(self, source_id: str) -> Raw:
        """What was fetched of a source."""

    def client(self, source_id: str) -> HttpClient:
        """Asks for a source; counts its requests."""

    def laid_in(self, source_id: str) -> Sequence[Path]:
        """The files that were put into the inbox of a source."""

    def scope(self, source_id: str, areas: Scope) -> Scope:
        """For whom to ask and since when, with what is held of the source."""


def fetch_step(contracts: Contracts, source_id: str) -> Step:
    """The step that asks for a source."""
    source = contracts.sources[source_id]
    return Step(
        name=source_id,
        kind="fetch",
        group=source.properties.group,
        inputs=(AREAS, ASKING),
        outputs=(f"{DOWNLOADS}{source_id}",),
        files=(),
        does=fetch,
        page=PAGE,
        title=f"Downloads: {source.title}",
        description=f"What {source.properties.publisher} answers, byte for byte.",
        stage="sources",
        operation="fetch",
        tool="http",
        cadence=cadence(source),
    )


def fetch(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, tuple[Download, ...]]:
    """Ask for a source.

    Raises:
        SpiError: when not all of it could be had.
    """
    source_id = step.name
    asking: Asking = inputs[ASKING]
    raw = asking.raw(source_id)
    raw.begin()
    ask = OFFERS[source_id].fetch
    try:
        found = tuple(laid_in(raw, source_id, file) for file in asking.laid_in(source_id))
        if ask is None:
            found = raw.held()  # with those laid in before: each year's file comes alone
        elif not found:
            found = tuple(ask(asking.client(source_id), asking.scope(source_id, inputs[AREAS])))
    except SpiError as error:
        raise SpiError(f"{source_id}: {error}") from error
    if not found:
        raise SpiError(f"{source_id}: its publisher offers nothing for this area; see what it says of it")
    return {step.outputs[0]: found}


def _about(step: Step, contracts: Contracts) -> Facts:
    properties = contracts.sources[step.name].properties
    return {"publisher": properties.publisher, "url": Link(properties.url), "licence": properties.licence}


PAGE = Page(about=_about)
