"""The table of a source: read from its downloads, or from the figures embedded in the package, then corrected."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.snapshot.corrections import correct
from spi_pipeline.snapshot.embedded import ORIGINS
from spi_pipeline.steps.inputs import AREAS, DOWNLOADS, EMBEDDED, Inputs, origins_of
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Link, Look, Markdown, Page
from spi_pipeline.steps.step import Step, typed
from spi_pipeline.storage import places
from spi_pipeline.storage.downloads import Downloads

# A page names so many files; all of them are in the table ``source_release``.
NEWEST = 12


def source_steps(contracts: Contracts) -> list[Step]:
    """A step for each source that has figures; of one that is fetched, the fetching before it."""
    steps = []
    for source_id in contracts.sources:
        if source_id in contracts.fetched:
            # Where nothing is fetched nothing that fetches is imported.
            from spi_pipeline.publishers.offers import OFFERS
            from spi_pipeline.steps.sources.fetch import fetch_step

            steps.append(fetch_step(contracts, source_id))
            given = (f"{DOWNLOADS}{source_id}", AREAS)
            steps.append(_source_step(contracts, source_id, given, parsed, (OFFERS[source_id].parse,)))
        elif source_id not in contracts.dormant:
            steps.append(_source_step(contracts, source_id, (f"{EMBEDDED}{source_id}",), embedded, ()))
    return steps


def _source_step(contracts: Contracts, source_id: str, inputs: tuple[str, ...], does: Any, uses: Any) -> Step:
    source = contracts.sources[source_id]
    corrections = (f"corrections/{source_id}.yaml",) if source_id in contracts.corrections else ()
    return Step(
        name=source_id,
        kind="source",
        group=source.properties.group,
        inputs=inputs if contracts.geography.holding(source_id) else (),
        outputs=(source_id,),
        files=(source.file, *corrections, "vocabulary.yaml", "geography.yaml"),
        does=does if contracts.geography.holding(source_id) else without,
        uses=uses if contracts.geography.holding(source_id) else (),
        page=PAGE,
        title=source.title,
        description=f"{source.description} {source.limits}".strip(),
        stage="sources",
        tool="parquet",
    )


def without(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """The empty table of a source that every authority is without."""
    return {step.name: arrow_schema(contracts.sources[step.name]).empty_table()}


def embedded(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """The embedded figures, corrected."""
    table = inputs.table(f"{EMBEDDED}{step.name}")
    return {step.name: _corrected(table, contracts, step.name, origins_of(table))}


def parsed(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """What the downloads say, corrected.

    Raises:
        SpiError: when they are not what the parser knows.
    """
    source, downloads = contracts.sources[step.name], inputs.downloads(step.name)
    (parse,) = step.uses
    try:
        frame = parse(downloads.downloads, inputs.areas(downloads))
    except SpiError as error:
        raise SpiError(f"{step.name}: {error}") from error
    return {step.name: _corrected(typed(frame, source), contracts, step.name, _origins(step.name, downloads))}


def _corrected(table: pa.Table, contracts: Contracts, source_id: str, origins: Sequence[Mapping[str, Any]]) -> pa.Table:
    """With the files it was read from in its metadata."""
    source: Source = contracts.sources[source_id]
    corrected = correct(table, source, contracts.corrections.get(source_id, ()))
    return corrected.replace_schema_metadata({ORIGINS: json.dumps(origins, sort_keys=True)})


def _origins(source_id: str, downloads: Downloads) -> list[dict[str, Any]]:
    """The downloads behind a source's table, each once: nothing in it changes while the bytes do not."""
    found: dict[str, dict[str, Any]] = {}
    for one in downloads.downloads:
        known = found.get(one.sha256)
        if known:
            periods = sorted({*str(known["period"]).split(", "), one.period})
            found[one.sha256] = known | {"period": ", ".join(filter(None, periods))}
        else:
            found[one.sha256] = _origin(source_id, one)
    return list(found.values())


def _origin(source_id: str, one: Download) -> dict[str, Any]:
    return {
        "file": places.body(source_id, one.sha256),
        "period": one.period,
        "sha256": one.sha256,
        "bytes": one.size,
        "url": one.url,
        "fetched_at": one.fetched_at,
        "published_at": one.published_at,
    }


def _about(step: Step, contracts: Contracts) -> Facts:
    properties = contracts.sources[step.name].properties
    return {
        "publisher": properties.publisher,
        "dataset": properties.dataset,
        "url": Link(properties.url),
        "licence": properties.licence,
        "attribution": properties.attribution,
        "geography": f"{', '.join(properties.geography.levels) or 'lookup'}, {properties.geography.vintage}",
        "mode": properties.mode,
        "contract": contracts.sources[step.name].file,
    }


def _shows(step: Step, contracts: Contracts, look: Look) -> Facts:
    origins = origins_of(look.table(step.name))
    periods = sorted({str(origin["period"]) for origin in origins})
    rows = [{"period": o["period"], "file": o["file"], "sha256": str(o["sha256"])[:16]} for o in origins]
    return {
        "figures_of": " to ".join(dict.fromkeys((periods[0], periods[-1]))) if periods else "no file",
        "files": Markdown(markdown(rows[-NEWEST:]) + (f"\n\n{len(rows)} in all" if len(rows) > NEWEST else "")),
    }


PAGE = Page(about=_about, shows=_shows)
