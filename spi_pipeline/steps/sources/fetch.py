"""Fetching a source: its publisher is asked, and what came is the version of its downloads that parsing reads.

A fetch is due by its cadence, by its publisher's news or because it was asked for, never by a change of code. It asks
for everything its table is made of; what need not be sent again is the client's to know.
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.months import MONTH, months_between
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.steps.inputs import AREAS, ASKING, DOWNLOADS, Inputs
from spi_pipeline.steps.pages.page import Facts, Link, Page
from spi_pipeline.steps.sources.cadence import cadence
from spi_pipeline.steps.sources.publishers import Publishers
from spi_pipeline.steps.step import Step
from spi_pipeline.storage import places
from spi_pipeline.storage.raw import Raw

_MONTH = re.compile(r"(20\d{2})[-_]?(0[1-9]|1[0-2])(?!\d)")
_MONTHS = re.compile(rf"{MONTH}(/{MONTH})?")
_YEAR = re.compile(r"(?<!\d)20\d{2}(?!\d)")


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
    asking: Publishers = inputs[ASKING]
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


def fetch_months(asking: Publishers, source_id: str, months: Sequence[str]) -> Iterator[Download]:
    """Ask for some months of a source that is had by month; what makes up the source is as before.

    The next fetch finds the answers and does not send them again. Nor does this one what was settled before, so that
    it goes on where one that was killed ended.

    Raises:
        SpiError: when a month could not be had; those before it were yielded.
    """
    ask = OFFERS[source_id].fetch
    assert ask
    yield from ask(asking.client(source_id), asking.scope(source_id, asking.areas, months))


def months_of(downloads: Iterable[Download]) -> set[str]:
    """The months that some downloads are for."""
    return {month for one in downloads if _MONTHS.fullmatch(one.period) for month in _between(one.period)}


def _between(period: str) -> list[str]:
    first, _, last = period.partition("/")
    return months_between(first, last or first)


def laid_in(raw: Raw, source_id: str, file: Path) -> Download:
    """Take over a file of the inbox: it is kept as an answer is, for the month or year that its name tells.

    Raises:
        SpiError: when it is not of the form its name says, or damaged.
    """
    shown = places.inbox(source_id, file.name)
    form = bodies.SUFFIXES.get(file.suffix.lower())
    if form is None:
        raise SpiError(f"{shown} is none of {', '.join(bodies.SUFFIXES)}; lay in the file as the publisher offers it")
    key = f"inbox-{hashlib.sha256(file.name.encode()).hexdigest()[:32]}"
    with raw.receiving(key) as body:
        shutil.copyfile(file, body)
        try:
            bodies.judge(body, (form,), "", bounded=True)
        except SpiError as error:
            raise SpiError(f"{shown}: {error}; lay it in again") from error
        found = _MONTH.search(file.name)
        year = _YEAR.search(file.name)
        period = "-".join(found.groups()) if found else year.group() if year else ""
        return raw.keep(key, body, quote(shown), period, None, {})


def _about(step: Step, contracts: Contracts) -> Facts:
    properties = contracts.sources[step.name].properties
    return {"publisher": properties.publisher, "url": Link(properties.url), "licence": properties.terms()}


PAGE = Page(about=_about)
