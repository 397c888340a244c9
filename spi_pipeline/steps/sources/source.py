"""The table of a source, from its downloads, a council's own file or the embedded figures, with corrections."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.inputs import InputFile
from spi_pipeline.publishers.own.placing import NEEDS, Places
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.kinds.agrees_with_total import AgreesWithTotal
from spi_pipeline.snapshot.corrections import correct
from spi_pipeline.steps.inputs import AREAS, DOWNLOADS, EMBEDDED, SUPPLIED, Inputs, origins_of
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Link, Markdown, Page, PageData
from spi_pipeline.steps.sources.totals import compared
from spi_pipeline.steps.step import Step, typed
from spi_pipeline.storage import places
from spi_pipeline.storage.downloads import Downloads
from spi_pipeline.storage.tables import ORIGINS

# A page names at most this many files; the table ``source_release`` has all of them.
NEWEST = 12


def source_steps(contracts: Contracts) -> list[Step]:
    """A step for each source that has figures, after a step that fetches it if it is fetched.

    A council's own sources come last, since the tables that place them must be read first.
    """
    steps, own = [], []
    for source_id in contracts.sources:
        if source_id in contracts.fetched:
            # Imported here: a run that fetches nothing does not import the fetching code.
            from spi_pipeline.publishers.offers import OFFERS
            from spi_pipeline.steps.sources.fetch import fetch_step

            steps.append(fetch_step(contracts, source_id))
            given = (f"{DOWNLOADS}{source_id}", AREAS)
            offer = OFFERS[source_id]
            uses = (offer.parse, *filter(None, [offer.restricted]))
            steps.append(_source_step(contracts, source_id, given, parsed, uses))
        elif source_id in contracts.manual_uploads:
            own_file = contracts.sources[source_id].properties.own
            needs = NEEDS[own_file.placed_by] if own_file else ()
            own.append(_source_step(contracts, source_id, (f"{SUPPLIED}{source_id}", *needs), manual_uploads, ()))
        elif source_id not in contracts.unavailable:
            steps.append(_source_step(contracts, source_id, (f"{EMBEDDED}{source_id}",), embedded, ()))
    return [*steps, *own]


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
    """The empty table of a source that no authority has."""
    return {step.name: arrow_schema(contracts.sources[step.name]).empty_table()}


def embedded(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """The embedded figures, corrected."""
    table = inputs.table(f"{EMBEDDED}{step.name}")
    return {step.name: _corrected(table, contracts, step.name, origins_of(table))}


def manual_uploads(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """The table of the council's own file in the inbox, corrected; the file is not stored, as it may hold more.

    Raises:
        SpiError: unless there is exactly one file, in the form that its contract declares.
    """
    # Imported here, since it imports openpyxl.
    from spi_pipeline.publishers.own.reading import read_own

    source, files = contracts.sources[step.name], inputs[f"{SUPPLIED}{step.name}"]
    if len(files) != 1:
        held = ", ".join(file.name for file in files) or "nothing"
        folder = places.inbox(step.name)
        raise SpiError(
            f"{step.name}: {folder} must hold exactly one file, but holds {held}; place only the file to read there"
        )
    (file,) = files
    own = source.properties.own
    known = Places.load(contracts.geography, [own.placed_by] if own else [], inputs.frame)
    try:
        result = read_own(file, source, known)
        content = file.read_bytes()
    except SpiError as error:
        raise SpiError(f"{step.name}: {error}") from error
    period = source.properties.period
    spans = sorted(set(result.frame["year"])) if period.column else []
    covered = f"{spans[0]}/{spans[-1]}" if spans else f"{period.start}/{period.end}"
    origin = InputFile(places.inbox(step.name, file.name), covered, hashlib.sha256(content).hexdigest(), len(content))
    return {step.name: _corrected(typed(result.frame, source), contracts, step.name, [origin.record()])}


def parsed(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pa.Table]:
    """The table parsed from the downloads, corrected.

    Raises:
        SpiError: when the parser does not know their form, or their publisher restricts columns that the contract does
            not.
    """
    source, downloads = contracts.sources[step.name], inputs.downloads(step.name)
    parse, *restrictions = step.uses
    try:
        frame = parse(downloads.downloads, inputs.areas(downloads))
        for restricted in restrictions:
            _check_restrictions(source, restricted(downloads.downloads))
    except SpiError as error:
        raise SpiError(f"{step.name}: {error}") from error
    return {step.name: _corrected(typed(frame, source), contracts, step.name, _origins(step.name, downloads))}


def _check_restrictions(source: Source, restricted: Mapping[str, str]) -> None:
    """Reject figures that the publisher restricts in columns for which the contract lists no restriction."""
    known = {column for restriction in source.properties.restrictions for column in restriction.columns}
    for column, says in restricted.items():
        if column not in known:
            raise SpiError(
                f"its publisher restricts {column}: {says!r}, which {source.file} does not mention; add it there "
                "under restrictions, with the reason why the figures are used nevertheless, or drop the column"
            )


def _corrected(table: pa.Table, contracts: Contracts, source_id: str, origins: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The corrected table, with the files it was read from in its metadata."""
    source: Source = contracts.sources[source_id]
    corrected = correct(table, source, contracts.corrections.get(source_id, ()))
    return corrected.replace_schema_metadata({ORIGINS: json.dumps(origins, sort_keys=True)})


def _origins(source_id: str, downloads: Downloads) -> list[dict[str, Any]]:
    """The downloads behind a source's table, each once; equal bytes give equal origins."""
    origins: dict[str, dict[str, Any]] = {}
    for one in downloads.downloads:
        known = origins.get(one.sha256)
        if known:
            periods = sorted({*str(known["period"]).split(", "), one.period})
            origins[one.sha256] = known | {"period": ", ".join(filter(None, periods))}
        else:
            origins[one.sha256] = _origin(source_id, one)
    return list(origins.values())


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
        "licence": properties.terms(),
        "attribution": properties.attribution,
        "geography": f"{', '.join(properties.geography.levels) or 'lookup'}, {properties.geography.vintage}",
        "mode": properties.mode,
    }


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    origins = origins_of(data.table(step.name))
    periods = sorted({str(origin["period"]) for origin in origins})
    rows = [{"period": o["period"], "file": o["file"], "sha256": str(o["sha256"])[:16]} for o in origins]
    return {
        **_totals(contracts.sources[step.name], data.table(step.name)),
        "figures_of": " to ".join(dict.fromkeys((periods[0], periods[-1]))) if periods else "no file",
        "files": Markdown(markdown(rows[-NEWEST:]) + (f"\n\n{len(rows)} in all" if len(rows) > NEWEST else "")),
    }


def _totals(source: Source, table: pa.Table) -> Facts:
    """The comparison of a source with totals that were published elsewhere."""
    rules = [rule for rule in source.rules if rule.kind == AgreesWithTotal.name]
    rows = compared(source, evaluate(table, rules, table_name=source.id) if rules else ())
    if not rules:
        return {"outside_total": str(rows[0]["reason"])}
    shown = ("measure", "observed", "published", "difference", "allowed_percent", "dataset", "period", "url")
    return {"outside_total": Markdown(markdown([{name: row.get(name) for name in shown} for row in rows]))}


PAGE = Page(about=_about, shows=_shows)
