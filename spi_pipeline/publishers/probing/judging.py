"""What is wrong with what a visit saw: each fault in one sentence, from the report and our own expectations alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.probing.probe import Probe, Shape
from spi_pipeline.publishers.probing.report import Observation, Outcome

# What was found in place of data, and what to do about it.
_INSTEAD: Mapping[Outcome, str] = {
    "page": "expected data, found a page for people; open the address in a browser: the publisher is being worked on "
    "or turns programs away, or a proxy answers in its place",
    "empty": "expected data, found an empty answer, as for codes or words that are not known there; compare what is "
    "asked with {module}",
    "other form": "expected another form of body than came; see what the address leads to now, and write that into "
    "{module}",
    "unreadable": "expected a body that {module} can read, found one it cannot; open the address and compare",
    "broken off": "expected a whole answer, found one that breaks off; ask again, at another hour",
    "late": "expected a whole answer in 15 seconds, found none; ask again, at another hour",
    "unreached": "expected a connection, found none; let {host} through, or see whether it is up",
    "untrusted": "expected a certificate that is trusted here, found another; name your own certificate authority in "
    "REQUESTS_CA_BUNDLE, or set the clock",
    "proxy": "expected the proxy to let it through, found that it does not; have it let {host} through",
    "elsewhere": "expected an answer of {host}, found a redirect or name that leads elsewhere; see whether the "
    "publisher moved, or a portal of your network stands before it",
    "leads nowhere": "expected the answer before to lead here, found that it does not; see the fault of {before}",
}


@dataclass(frozen=True)
class Known:
    """A probe, for whom it is asked, and where.

    Attributes:
        probe: what is asked.
        sources: whose offers name it.
    """

    probe: Probe
    sources: tuple[str, ...]

    @property
    def module(self) -> str:
        """Where its publisher's knowledge stands."""
        return f"spi_pipeline/publishers/{self.probe.name.split('/')[0]}"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        probe: that found it.
        sources: that stand on its endpoint.
        endpoint: the endpoint and what it was asked for.
        sentence: what was expected, what was found, what to change.
    """

    probe: str
    sources: tuple[str, ...]
    endpoint: str
    sentence: str

    def __str__(self) -> str:
        return f"{', '.join(self.sources)} at {self.endpoint}: {self.sentence}"


def judge(observations: Iterable[Observation], known: Mapping[str, Known], hosts: Mapping[str, str]) -> list[Fault]:
    """Every fault of what was seen.

    Args:
        observations: of a visit, now or reported.
        known: the probes there are, by name; observations of others are passed over.
        hosts: name of the host by endpoint.

    Returns:
        The faults, in the order of the observations.
    """
    faults = []
    for one in observations:
        about = known.get(one.probe)
        if about:
            endpoint = f"{one.endpoint} {one.path}".strip() or one.probe
            said = _sentences(one, about, hosts.get(one.endpoint, "its host"))
            faults += [Fault(one.probe, about.sources, endpoint, sentence) for sentence in said]
    return faults


def _sentences(one: Observation, known: Known, host: str) -> list[str]:
    if one.outcome in ("answered", "not asked", "left out"):
        return [] if one.shape is None else _of_answer(one, one.shape, known)
    if one.outcome == "refused":
        return [f"expected an answer, found status {one.status}; {_refused(one.status or 0, known.module)}"]
    before = known.probe.follows.name if known.probe.follows else ""
    return [_INSTEAD[one.outcome].format(module=known.module, host=host, before=before)]


def _refused(status: int, module: str) -> str:
    if status in (401, 403, 407, 451):
        return "it lets no program in from here: lay its files into the inbox, or ask from another network"
    if status in (404, 410):
        return f"look up where it lies now, and write that into {module}"
    if status == 400:
        return f"it does not understand the request: compare that with {module}"
    return "it is overloaded or at fault: ask again later"


def _of_answer(one: Observation, shape: Shape, known: Known) -> list[str]:
    """What the client would say and then the parser, which stops at the first thing it does not know."""
    found = []
    declared = one.headers.get("content-type", "")
    if shape.form and not bodies.fits(declared, shape.form):
        found.append(
            f"expected {shape.form} declared as such, found the type {declared!r}; take it in in publishers/http"
        )
    if (one.size or 0) > known.probe.max_bytes:
        found.append(
            f"expected at most {known.probe.max_bytes:,} bytes, found {one.size:,}; raise max_bytes in {known.module}"
        )
    for expect in known.probe.expects:
        try:
            expect(shape)
        except SpiError as error:
            return [*found, str(error)]
        except (IndexError, KeyError, TypeError, ValueError) as error:
            return [*found, f"expected a shape that {known.module} states, found none that can be judged ({error!r})"]
    return found
