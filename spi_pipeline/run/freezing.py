"""Making an immutable release from the publication."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.rules.kinds.disclosure import Disclosure
from spi_pipeline.rules.releases import Release as Released
from spi_pipeline.rules.releases import disclosed_between
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.code import Code
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.run.runner import Runner
from spi_pipeline.run.staleness import LIBRARIES, RULE_LIBRARIES
from spi_pipeline.settings import Settings
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline.storage.published.releases import Contents, Release, below


def freeze(settings: Settings, contracts: Contracts, name: str = "") -> Release:
    """Make a draft of a release from the publication.

    Args:
        settings: the settings.
        contracts: the contracts in force.
        name: its id; today's date when left out.

    Raises:
        SpiError: if nothing is published, the publication is not up to date, or a table would disclose a count.
    """
    runner, plan = Runner(settings, contracts), build_plan(contracts)
    store = runner.store
    with store.lock():
        publication = store.current(PUBLICATION)
        if publication is None:
            raise SpiError("Nothing is published yet, so there is nothing to release: run spi refresh.")
        computed = [step for step in plan if step.cadence is None]
        if stale := [step.label for step in due_steps(computed, runner)]:
            raise SpiError(
                f"The publication is not up to date: {counted(len(stale), 'step')} would be computed again "
                f"({listing(stale, 3)}). Run spi refresh, then make the release."
            )
        refuse_disclosure(runner)
        versions = {table: store.current(table) for step in plan for table in step.outputs if is_table(table)}
        present = {table: stored for table, stored in versions.items() if stored}
        release_id = name or store.releases.free_id(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
        raw = {source: store.raw(source) for source in sorted(contracts.fetched)}
        contents = Contents(
            published=dict(below(store.published.resolve())),
            tables={table: stored.path for table, stored in present.items()},
            # People edit contracts in place, and such an edit must not change the release.
            contracts={place: file.read_bytes() for place, file in contracts.root.files().items()},
            snapshot=runner.reader.figures.files(contracts.sources),
            raw={source: each.export_files() for source, each in raw.items()},
        )
        editions = sorted(set(runner.reader.frame("edition")["edition"]))
        manifest = {
            "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "publication": publication.path.name,
            "as_of": runner.reader.as_of.isoformat(),
            "editions": [int(edition) for edition in editions],
            "mode": settings.mode,
            "tables": {table: stored.sha256 for table, stored in present.items()},
            "kept": {table: stored.stale_reason for table, stored in present.items() if stored.stale_since},
            "downloads": {source: _downloads(each.current()) for source, each in raw.items()},
            "snapshot": {name: runner.reader.figures.digest(name) for name in sorted(runner.reader.figures.names)},
            "contracts": dict(sorted(contracts.digests.items())),
            **program(),
        }
        return store.releases.create(release_id, manifest, contents)


def refuse_disclosure(runner: Runner) -> None:
    """Refuse a table that, compared with an earlier signed release, discloses a count below its minimum.

    Args:
        runner: the runner, which knows the store and the contracts in force.

    Raises:
        SpiError: if there is such a table; the message names table, release and area, but no count.
    """
    contracts, read = runner.contracts, runner.reader.table
    rules = [(name, rule) for name, each in contracts.products.items() for rule in each.rules
             if rule.kind == Disclosure.name and runner.store.current(name)]  # fmt: skip
    for release in runner.store.releases.all() if rules else ():
        for name, rule in rules:
            if release.number and name in release.tables:
                cells = disclosed_between(_as_released(release.read, name), _as_released(read, name), rule)
                if cells:
                    raise SpiError(
                        f"Compared with release {release.id}, table {name} would disclose a count below its minimum "
                        f"({', '.join(f'{key} {value}' for key, value in cells[0].items())}; {len(cells)} in all): "
                        "withhold the same cells in both, or leave the indicator out; see docs/disclosure.md."
                    )


def _as_released(read: Callable[[str], pa.Table], name: str) -> Released:
    """A table with its areas, in the form in which two releases are compared."""
    areas, shares = read("area").to_pylist(), read("allocation").to_pylist()
    parts: dict[str, dict[str, float]] = {}
    for row in shares:
        # The same code may denote areas of two censuses.
        parts.setdefault(row["area_code"], {})[f"{row['geography']} {row['small_area_code']}"] = row["weight"]
    return Released(read(name), {row["area_code"]: row["parent_code"] for row in areas if row["parent_code"]}, parts)


def _downloads(current: Any) -> list[dict[str, Any]]:
    names = ("sha256", "size", "url", "period", "fetched_at", "published_at")
    return [{name: getattr(one, name) for name in names} for one in current.downloads] if current else []


def program() -> dict[str, Any]:
    """The program of this process: version and digest of our code, Python, and the libraries that affect a figure."""
    libraries = {name: version(name) for name in sorted({*LIBRARIES, *RULE_LIBRARIES})}
    code = {"version": version("spi-pipeline"), "digest": Code({}).cached["source"]}
    return {"code": code, "python": platform.python_version(), "libraries": libraries}
