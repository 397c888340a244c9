"""A visit to the publishers: one small request to each endpoint, politely, and never longer than two minutes in all."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, repeat, zip_longest
from queue import Empty, SimpleQueue
from typing import Protocol

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.exchange import Host, PermanentFailure, Request, Scope, TransientFailure
from spi_pipeline.publishers.http.limits import Limits
from spi_pipeline.publishers.http.pace import Timeouts
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.probing.probe import EarlierResponse, Probe
from spi_pipeline.publishers.probing.report import Observation, Outcome

MOST_REQUESTS = 40
# Redirects are requests too; the police archive is known to send one.
FOR_REDIRECTS = 2
SECONDS = 110.0
# The time limits of one request, however slowly the response drips.
TIMEOUTS = Timeouts(connect=8, header=11, body=4, minimum_rate=1_000_000_000, refusal=2)
# After two failures a host gets no more requests: fifteen tables behind a dead host would take four minutes.
MOST_FAILURES = 2
_DEAD: tuple[Outcome, ...] = ("late", "unreached", "untrusted", "proxy")


class ProbeClient(Protocol):
    """The methods of a client that a visit uses."""

    def peek(self, request: Request, piece: Piece) -> Peek:
        """See ``HttpClient.peek``."""

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``Client.absolute``."""


class EnoughError(PermanentFailure):
    """The visit has sent as many requests as it may."""


class FewRequests(Limits):
    """The limits of every run, and at most ``MOST_REQUESTS`` requests in all."""

    def __init__(self) -> None:
        super().__init__()
        self.requests_sent = 0
        self._counting = threading.Lock()

    def wait(self, host: str, rate: int) -> None:
        """See ``Limits``."""
        with self._counting:
            if self.requests_sent >= MOST_REQUESTS:
                raise EnoughError(f"one visit may send at most {MOST_REQUESTS} requests")
            self.requests_sent += 1
        super().wait(host, rate)


def smallest(scope: Scope) -> Scope:
    """Reduce a scope to one area of each kind, so that a response has the fewest rows."""
    ward = scope.wards[:1]
    return replace(
        scope,
        authorities=scope.authorities[:1],
        names=scope.names[:1],
        wards=ward,
        output_areas=scope.output_areas[:1],
        lsoas=scope.lsoas[:1],
        lsoas_2011=scope.lsoas_2011[:1],
        msoas=scope.msoas[:1],
        forces=scope.forces[:1],
        polygons={code: shape for code, shape in scope.polygons.items() if code in ward},
        have=(),
    )


def planned(probes: Sequence[Probe]) -> tuple[list[Probe], list[Probe]]:
    """Return the probes of this visit and those left for another, taking turns so that no publisher is left out."""
    groups = _by_publisher(probes)
    turns = [probe for turn in zip_longest(*groups) for probe in turn if probe]
    return turns[: MOST_REQUESTS - FOR_REDIRECTS], turns[MOST_REQUESTS - FOR_REDIRECTS :]


def visit(
    probes: Sequence[Probe],
    scope: Scope,
    new_client: Callable[[], ProbeClient],
    progress: Callable[[Observation], None],
) -> list[Observation]:
    """Send the request of each probe, to the publishers in parallel.

    Args:
        probes: the probes; each stands after the one it follows.
        scope: the areas.
        new_client: makes a client for each publisher.
        progress: receives the observations one at a time.

    Returns:
        The observations, in the order of the probes.

    Raises:
        SpiError: when a fault of this machine prevents all requests.
    """
    chosen, left = planned(probes)
    seen = {probe.name: Observation(probe=probe.name, outcome="left out") for probe in left}
    reporting = threading.Lock()

    def take(one: Observation) -> None:
        with reporting:
            if one.probe not in seen:
                seen[one.probe] = one
                progress(one)

    ended: SimpleQueue[SpiError | None] = SimpleQueue()

    def ask(group: Sequence[Probe], client: ProbeClient) -> None:
        fault = None
        try:
            _ask_all(group, smallest(scope), client, take)
        except SpiError as error:
            fault = error
        finally:
            ended.put(fault)

    groups = _by_publisher(chosen)
    # A thread held up by a name server or a full pipe is not awaited: it ends with the process.
    threads = [threading.Thread(target=ask, args=(group, new_client()), daemon=True) for group in groups]
    until = time.monotonic() + SECONDS
    for thread in threads:
        thread.start()
    with suppress(Empty):
        for _ in threads:
            if fault := ended.get(timeout=max(0.0, until - time.monotonic())):
                raise fault
    message = f"the visit ended after {SECONDS:.0f} seconds"
    for group in groups:
        # The first unfinished probe of a publisher was under way; those after it were not sent.
        words: Iterator[Outcome] = chain(["late"], repeat("not sent"))
        for probe in [probe for probe in group if probe.name not in seen]:
            take(Observation(probe=probe.name, outcome=next(words), reason=message))
    return [seen[probe.name] for probe in probes]


def _by_publisher(probes: Sequence[Probe]) -> list[list[Probe]]:
    groups: dict[str, list[Probe]] = {}
    for probe in probes:
        groups.setdefault(probe.name.split("/")[0], []).append(probe)
    return list(groups.values())


def _ask_all(probes: Sequence[Probe], scope: Scope, client: ProbeClient, take: Callable[[Observation], None]) -> None:
    """Send the requests of one publisher's probes, one after the other."""
    bodies_seen: dict[str, bytes] = {}
    failures: Counter[str] = Counter()
    for probe in probes:
        before = bodies_seen.get(probe.follows.name) if probe.follows else b""
        request = None
        one = Observation(probe=probe.name, outcome="not sent")
        if before is not None:
            try:
                request = probe.make_request(scope, EarlierResponse(before, client.absolute))
            except Exception as error:  # a strange earlier response may break the search for a link in any way
                word: Outcome = "leads nowhere" if probe.follows else "not sent"
                one = Observation(probe=probe.name, outcome=word, reason=str(error))
        if request:
            one, body = _ask(probe, request, client, tired=failures[request.host.name] >= MOST_FAILURES)
            failures[request.host.name] += one.outcome in _DEAD
            if body is not None:
                bodies_seen[probe.name] = body
        take(one)


def _ask(probe: Probe, request: Request, client: ProbeClient, *, tired: bool) -> tuple[Observation, bytes | None]:
    """Send one request; return the observation, and the body for the probe that follows it."""
    named = dict.fromkeys(name for name, _ in (*request.params, *(request.data or ())))
    unsent = Observation(
        probe=probe.name,
        endpoint=request.host.name,
        method="GET" if request.data is None else "POST",
        path=request.path,
        params=tuple(named),
        outcome="not sent",
    )
    if tired:
        return unsent, None
    began = time.monotonic()
    try:
        peek = client.peek(request, probe.piece)
    except (PermanentFailure, TransientFailure) as error:
        took = round(time.monotonic() - began, 2)
        failed = {"outcome": _outcome(error), "status": error.status, "seconds": took, "reason": str(error)}
        return unsent.model_copy(update=failed), None
    described = _described(probe, request, peek)
    received = {"status": peek.status, "seconds": round(time.monotonic() - began, 2), "headers": dict(peek.headers)}
    seen = Observation.model_validate(unsent.model_dump() | received | {"size": peek.size, "reason": "", **described})
    return seen, peek.body if seen.outcome == "received" else None


def _described(probe: Probe, request: Request, peek: Peek) -> dict[str, object]:
    """Return the outcome and the shape of a response."""
    if probe.piece.end and not peek.body:
        return {"outcome": "received"}
    if not peek.body.strip():
        return {"outcome": "empty"}
    form = next((form for form in request.media if probe.piece.end or bodies.begins_as(peek.body, form)), None)
    if form is None:
        return {"outcome": "page" if bodies.begins_as(peek.body, "html") else "other form"}
    try:
        return {"outcome": "received", "shape": probe.shape(peek).model_copy(update={"form": form})}
    except Exception as error:  # a strange response may break the description in any way: it cannot be read
        return {"outcome": "unreadable", "reason": str(error)}


def _outcome(error: PermanentFailure | TransientFailure) -> Outcome:
    return "left out" if isinstance(error, EnoughError) else error.kind
