"""A visit to the publishers: each endpoint asked once, with little, politely, and never for longer than two minutes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Protocol

import requests

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.answers import NETWORK
from spi_pipeline.publishers.http.exchange import Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.http.limits import Limits
from spi_pipeline.publishers.http.pace import OutOfTimeError, Patience
from spi_pipeline.publishers.http.peeking import BrokenOffError, Peek, Piece
from spi_pipeline.publishers.probing.probe import Earlier, Probe
from spi_pipeline.publishers.probing.report import Observation, Outcome

MOST_REQUESTS = 40
# Redirects are requests too; the archive of the police is known to send one.
FOR_REDIRECTS = 2
SECONDS = 110.0
# 15 seconds a request in all, however it drips.
PATIENCE = Patience(connect=8, answer=11, body=4, slowest=1_000_000_000, refusal=2)
# A host that failed twice is not asked again: fifteen tables behind a dead one would take four minutes.
MOST_FAILURES = 2
_DEAD: tuple[Outcome, ...] = ("late", "unreached", "untrusted", "proxy")


class Asker(Protocol):
    """What of a client a visit uses."""

    def peek(self, request: Request, piece: Piece) -> Peek:
        """See ``HttpClient.peek``."""

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``Client.absolute``."""


class EnoughError(PermanentFailure):
    """The visit has asked as often as it may."""


class FewRequests(Limits):
    """The limits of every run, and no more than so many requests in all."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self._counting = threading.Lock()

    def wait(self, host: str, rate: int) -> None:
        """See ``Limits``."""
        with self._counting:
            if self.asked >= MOST_REQUESTS:
                raise EnoughError(f"{MOST_REQUESTS} requests are the most of one visit")
            self.asked += 1
        super().wait(host, rate)


def smallest(scope: Scope) -> Scope:
    """One area of each kind, so that an answer has the fewest rows."""
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
    """Those asked in one visit, and those left for another: in turn one of each publisher, so that none is left out."""
    groups = _by_publisher(probes)
    turns = [probe for turn in zip_longest(*groups) for probe in turn if probe]
    return turns[: MOST_REQUESTS - FOR_REDIRECTS], turns[MOST_REQUESTS - FOR_REDIRECTS :]


def visit(
    probes: Sequence[Probe], scope: Scope, asker: Callable[[], Asker], tell: Callable[[Observation], None]
) -> list[Observation]:
    """Ask each probe, the publishers side by side.

    Args:
        probes: what to ask; those that follow stand behind those they follow.
        scope: for whom.
        asker: makes a client, one for each publisher.
        tell: told what was seen, one at a time.

    Returns:
        What was seen, in the order of the probes.
    """
    asked, left = planned(probes)
    seen = {probe.name: Observation(probe=probe.name, outcome="left out") for probe in left}
    telling = threading.Lock()

    def take(one: Observation) -> None:
        with telling:
            if one.probe not in seen:
                seen[one.probe] = one
                tell(one)

    # Nobody waits for a thread that a name server or a full pipe holds: it ends with the process.
    threads = [
        threading.Thread(target=_ask_all, args=(group, smallest(scope), asker(), take), daemon=True)
        for group in _by_publisher(asked)
    ]
    until = time.monotonic() + SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    for probe in asked:
        take(Observation(probe=probe.name, outcome="late", said=f"the visit ended after {SECONDS:.0f} seconds"))
    return [seen[probe.name] for probe in probes]


def _by_publisher(probes: Sequence[Probe]) -> list[list[Probe]]:
    groups: dict[str, list[Probe]] = {}
    for probe in probes:
        groups.setdefault(probe.name.split("/")[0], []).append(probe)
    return list(groups.values())


def _ask_all(probes: Sequence[Probe], scope: Scope, asker: Asker, take: Callable[[Observation], None]) -> None:
    """The probes of one publisher, one after the other."""
    bodies_seen: dict[str, bytes] = {}
    failures: Counter[str] = Counter()
    for probe in probes:
        before = bodies_seen.get(probe.follows.name) if probe.follows else b""
        request = None
        one = Observation(probe=probe.name, outcome="not asked")
        if before is not None:
            try:
                request = probe.ask(scope, Earlier(before, asker.absolute))
            except (
                Exception
            ) as error:  # whatever an earlier answer does to what looks for a link in it, it leads nowhere
                word: Outcome = "leads nowhere" if probe.follows else "not asked"
                one = Observation(probe=probe.name, outcome=word, said=str(error))
        if request:
            one, body = _ask(probe, request, asker, tired=failures[request.host.name] >= MOST_FAILURES)
            failures[request.host.name] += one.outcome in _DEAD
            if body is not None:
                bodies_seen[probe.name] = body
        take(one)


def _ask(probe: Probe, request: Request, asker: Asker, *, tired: bool) -> tuple[Observation, bytes | None]:
    """One request: what was seen, and the body for whoever follows it."""
    named = dict.fromkeys(name for name, _ in (*request.params, *(request.data or ())))
    about = Observation(
        probe=probe.name,
        endpoint=request.host.name,
        method="GET" if request.data is None else "POST",
        path=request.path,
        params=tuple(named),
        outcome="not asked",
    )
    if tired:
        return about, None
    began = time.monotonic()
    try:
        peek = asker.peek(request, probe.piece)
    except SpiError as error:
        status = getattr(error, "status", None)
        took = round(time.monotonic() - began, 2)
        found = {"outcome": _outcome(error), "status": status, "seconds": took, "said": str(error)}
        return about.model_copy(update=found), None
    seen = _seen(probe, request, peek)
    answered = {"status": peek.status, "seconds": round(time.monotonic() - began, 2), "headers": dict(peek.headers)}
    told = Observation.model_validate(about.model_dump() | answered | {"size": peek.size, "said": "", **seen})
    return told, peek.body if told.outcome == "answered" else None


def _seen(probe: Probe, request: Request, peek: Peek) -> dict[str, object]:
    """The outcome and the shape of what came."""
    if probe.piece.end and not peek.body:
        return {"outcome": "answered"}
    if not peek.body.strip():
        return {"outcome": "empty"}
    form = next((form for form in request.media if probe.piece.end or bodies.begins_as(peek.body, form)), None)
    if form is None:
        return {"outcome": "page" if bodies.begins_as(peek.body, "html") else "other form"}
    try:
        return {"outcome": "answered", "shape": probe.shape(peek).model_copy(update={"form": form})}
    except Exception as error:  # whatever it is that an answer does to what looks at it, it cannot be read
        return {"outcome": "unreadable", "said": str(error)}


def _outcome(error: SpiError) -> Outcome:
    """The word for a failure: by its status, or by what is behind it."""
    if getattr(error, "status", None):
        return "refused"
    if isinstance(error, EnoughError):
        return "left out"
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any("CERTIFICATE_VERIFY_FAILED" in str(one) for one in causes) or "REQUESTS_CA_BUNDLE" in str(error):
        return "untrusted"
    if any(isinstance(one, requests.exceptions.ProxyError) for one in causes):
        return "proxy"
    if any(isinstance(one, OutOfTimeError | requests.exceptions.Timeout) for one in causes):
        return "late"
    if isinstance(error, BrokenOffError):
        return "broken off"
    if any(isinstance(one, NETWORK) for one in causes):
        return "unreached"
    return "elsewhere"
