"""Judges the observations of a visit: each fault in one sentence, from the report and our own expectations alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.probing.probe import Probe, Shape
from spi_pipeline.publishers.probing.report import Observation, Outcome
from spi_pipeline.publishers.probing.visit import TIMEOUTS

_PUBLISHERS = Path(__file__).parent.parent
# By outcome, what arrived in place of data, and what to do about it.
_INSTEAD: Mapping[Outcome, str] = {
    "page": "expected data, found a web page; open the address in a browser: the publisher may be under maintenance or "
    "block programs, or a proxy may respond in its place",
    "empty": "expected data, found an empty response, as for unknown codes or words; compare the request with {module}",
    "other form": "expected another form of body than came; see what the address leads to now, and change {module}",
    "unreadable": "expected a body that {module} can read, found another; open the address and compare",
    "broken off": "expected a complete response, found one that breaks off; try again at another hour",
    "late": f"expected a complete response in {TIMEOUTS.header + TIMEOUTS.body:.0f} seconds, found none; try again at "
    "another hour",
    "unreached": "expected a connection, found none; let {host} through, or see whether it is up",
    "untrusted": "expected a certificate that is trusted here, found another; name your own certificate authority in "
    "REQUESTS_CA_BUNDLE, or set the clock",
    "proxy": "expected the proxy to let the request through, found that it does not; make it let {host} through",
    "elsewhere": "expected a response of {host}, found a redirect or name that leads elsewhere; see whether the "
    "publisher moved, or a portal of your network intercepts requests",
    "leads nowhere": "expected a link in the earlier response, found none; see the fault of {before}",
}


@dataclass(frozen=True)
class Known:
    """A probe and the sources that depend on it.

    Attributes:
        probe: the probe.
        sources: the sources whose offers name it.
    """

    probe: Probe
    sources: tuple[str, ...]

    @property
    def module(self) -> str:
        """The path in the repository of its publisher's module or package, where a fault is mended."""
        name = self.probe.name.split("/")[0]
        return f"spi_pipeline/publishers/{name}{'' if (_PUBLISHERS / name).is_dir() else '.py'}"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        probe: the name of the probe that found it.
        sources: the sources that depend on the endpoint.
        endpoint: the endpoint and the path requested.
        sentence: what was expected, what was found, what to change.
    """

    probe: str
    sources: tuple[str, ...]
    endpoint: str
    sentence: str

    def __str__(self) -> str:
        return f"{', '.join(self.sources)} at {self.endpoint}: {self.sentence}"


def judge(observations: Iterable[Observation], known: Mapping[str, Known], hosts: Mapping[str, str]) -> list[Fault]:
    """List every fault in the observations of a visit.

    Args:
        observations: observations of this visit or of a report.
        known: all probes by name; observations of unknown probes are skipped.
        hosts: the name of the host by endpoint.

    Returns:
        The faults, in the order of the observations.
    """
    faults = []
    for one in observations:
        probe = known.get(one.probe)
        if probe:
            endpoint = f"{one.endpoint} {one.path}".strip() or one.probe
            sentences = _sentences(one, probe, hosts.get(one.endpoint, "its host"))
            faults += [Fault(one.probe, probe.sources, endpoint, sentence) for sentence in sentences]
    return faults


def _sentences(one: Observation, known: Known, host: str) -> list[str]:
    if one.outcome in ("received", "not sent", "left out"):
        return [] if one.shape is None else _of_answer(one, one.shape, known)
    if one.outcome == "refused":
        return [f"expected a response, found status {one.status}; {_refused(one.status or 0, known.module)}"]
    before = known.probe.follows.name if known.probe.follows else ""
    return [_INSTEAD[one.outcome].format(module=known.module, host=host, before=before)]


def _refused(status: int, module: str) -> str:
    if status in (401, 403, 407, 451):
        return "the publisher blocks programs from here: place its files in the inbox, or try from another network"
    if status in (404, 410):
        return f"look up its new address, and write it into {module}"
    if status == 400:
        return f"the publisher does not accept the request: compare it with {module}"
    return "the publisher is overloaded or at fault: try again later"


def _of_answer(one: Observation, shape: Shape, known: Known) -> list[str]:
    """List the faults that the client would report, then the first that the parser would report."""
    faults = []
    declared = one.headers.get("content-type", "")
    if shape.form and not bodies.fits(declared, shape.form):
        faults.append(f"expected {shape.form} declared as such, found the type {declared!r}; add it in publishers/http")
    if (one.size or 0) > known.probe.max_bytes:
        faults.append(
            f"expected at most {known.probe.max_bytes:,} bytes, found {one.size:,}; raise max_bytes in {known.module}"
        )
    for expect in known.probe.expects:
        try:
            expect(shape)
        except SpiError as error:
            return [*faults, str(error)]
        except (IndexError, KeyError, TypeError, ValueError) as error:
            return [*faults, f"expected a shape that {known.module} can judge, found another ({error!r})"]
    return faults
