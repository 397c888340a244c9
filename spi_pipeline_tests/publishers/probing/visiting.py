"""A visit to local publishers without pauses between requests, and with patience while they make their tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.pace import Timeouts
from spi_pipeline.publishers.offers import HOSTS, PROBES
from spi_pipeline.publishers.probing.judging import Fault, judge
from spi_pipeline.publishers.probing.report import Observation
from spi_pipeline.publishers.probing.visit import SECONDS, FewRequests, visit
from spi_pipeline.storage.raw import Raw


class Visit:
    """A visit and the faults that it reveals.

    Attributes:
        seen: the observations by the probe's name.
        requests: the number of requests sent.
    """

    def __init__(
        self,
        bases: Mapping[str, str],
        scope: Scope,
        folder: Path,
        names: Collection[str] = (),
        timeouts: Timeouts | None = None,
    ) -> None:
        addresses = Addresses(bases, HOSTS)
        limits, budget = FewRequests(), Budget(retries=0, seconds=0, whole=SECONDS)
        probes = [one.probe for name, one in PROBES.items() if not names or name in names]

        def asker() -> HttpClient:
            return HttpClient(Raw(folder / "raw"), addresses, limits, budget, timeouts=timeouts)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Limits, "wait", lambda *_: None)
            self.observations = visit(probes, scope, asker, lambda _: None)
        self.requests = limits.requests_sent
        self.seen: dict[str, Observation] = {one.probe: one for one in self.observations}

    @property
    def faults(self) -> dict[str, list[str]]:
        """The sentences of the faults, by the probe's name."""
        found: dict[str, list[str]] = {}
        for fault in self.judged:
            found.setdefault(fault.probe, []).append(fault.sentence)
        return found

    @property
    def judged(self) -> list[Fault]:
        return judge(self.observations, PROBES, {name: host.base for name, host in HOSTS.items()})
