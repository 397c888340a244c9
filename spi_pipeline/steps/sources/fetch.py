"""Fetching a source: the responses of its publisher become the version of its downloads that parsing reads.

A fetch is due by its cadence, by news from its publisher or on request, never by a change of code. It requests
everything that its table is made of; the HTTP client knows which responses need not be sent again.
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
from spi_pipeline.steps.inputs import AREAS, DOWNLOADS, PUBLISHERS, Inputs
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
    """The step that fetches a source."""
    source = contracts.sources[source_id]
    return Step(
        name=source_id,
        kind="fetch",
        group=source.properties.group,
        inputs=(AREAS, PUBLISHERS),
        outputs=(f"{DOWNLOADS}{source_id}",),
        files=(),
        does=fetch,
        page=PAGE,
        title=f"Downloads: {source.title}",
        description=f"The responses of {source.properties.publisher}, byte for byte.",
        stage="sources",
        operation="fetch",
        tool="http",
        cadence=cadence(source),
    )


def fetch(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, tuple[Download, ...]]:
    """Fetch a source.

    Raises:
        SpiError: when not all of it could be fetched.
    """
    source_id = step.name
    publishers: Publishers = inputs[PUBLISHERS]
    raw = publishers.raw(source_id)
    raw.begin()
    fetch_from = OFFERS[source_id].fetch
    try:
        downloads = tuple(manual_uploads(raw, source_id, file) for file in publishers.manual_uploads(source_id))
        if fetch_from is None:
            downloads = raw.held()  # with files supplied earlier: each year's file arrives alone
        elif not downloads:
            downloads = tuple(fetch_from(publishers.client(source_id), publishers.scope(source_id, inputs[AREAS])))
    except SpiError as error:
        raise SpiError(f"{source_id}: {error}") from error
    if not downloads:
        raise SpiError(f"{source_id}: its publisher offers nothing for this area; check the publisher's page")
    return {step.outputs[0]: downloads}


def fetch_months(publishers: Publishers, source_id: str, months: Sequence[str]) -> Iterator[Download]:
    """Fetch some months of a source that is fetched by month, without changing its current set of downloads.

    The next fetch finds the responses and does not request them again. This one does not repeat immutable requests
    either, so it resumes where an interrupted one ended.

    Raises:
        SpiError: when a month could not be fetched; the months before it were yielded.
    """
    fetch_from = OFFERS[source_id].fetch
    assert fetch_from
    yield from fetch_from(publishers.client(source_id), publishers.scope(source_id, publishers.areas, months))


def months_of(downloads: Iterable[Download]) -> set[str]:
    """The months that some downloads cover."""
    return {month for one in downloads if _MONTHS.fullmatch(one.period) for month in _between(one.period)}


def _between(period: str) -> list[str]:
    first, _, last = period.partition("/")
    return months_between(first, last or first)


def manual_uploads(raw: Raw, source_id: str, file: Path) -> Download:
    """Store a file of the inbox like a response, for the month or year in its name.

    Raises:
        SpiError: when its form is not that of its suffix, or it is damaged.
    """
    shown = places.inbox(source_id, file.name)
    form = bodies.SUFFIXES.get(file.suffix.lower())
    if form is None:
        raise SpiError(f"{shown} is none of {', '.join(bodies.SUFFIXES)}; supply the file as the publisher offers it")
    key = f"inbox-{hashlib.sha256(file.name.encode()).hexdigest()[:32]}"
    with raw.receiving(key) as body:
        shutil.copyfile(file, body)
        try:
            bodies.judge(body, (form,), "", bounded=True)
        except SpiError as error:
            raise SpiError(f"{shown}: {error}; supply it again") from error
        month = _MONTH.search(file.name)
        year = _YEAR.search(file.name)
        period = "-".join(month.groups()) if month else year.group() if year else ""
        return raw.store(key, body, quote(shown), period, None, {})


def _about(step: Step, contracts: Contracts) -> Facts:
    properties = contracts.sources[step.name].properties
    return {"publisher": properties.publisher, "url": Link(properties.url), "licence": properties.terms()}


PAGE = Page(about=_about)
