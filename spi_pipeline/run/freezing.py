"""Freezing what is published as a release."""

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
from spi_pipeline.run.staleness import JUDGES, LIBRARIES
from spi_pipeline.settings import Settings
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline.storage.published.releases import Contents, Release, below


def freeze(settings: Settings, contracts: Contracts, name: str = "") -> Release:
    """Make a draft of a release from what is published.

    Args:
        settings: where and how.
        contracts: those in force.
        name: its id; the day of today when left out.

    Raises:
        SpiError: where nothing is published, or what is published is not up to date.
    """
    runner, plan = Runner(settings, contracts), build_plan(contracts)
    store = runner.store
    with store.lock():
        seen = store.current(PUBLICATION)
        if seen is None:
            raise SpiError("Nothing is published that could be released: run spi refresh.")
        computed = [step for step in plan if step.cadence is None]
        if stale := [step.label for step in due_steps(computed, runner)]:
            raise SpiError(
                f"What is published is not up to date: {counted(len(stale), 'step')} would be computed again "
                f"({listing(stale, 3)}). Run spi refresh, then release what it came to."
            )
        refuse_disclosure(runner)
        versions = {table: store.current(table) for step in plan for table in step.outputs if is_table(table)}
        there = {table: found for table, found in versions.items() if found}
        taken = name or store.releases.free_id(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
        raw = {source: store.raw(source) for source in sorted(contracts.fetched)}
        contents = Contents(
            published=dict(below(store.published.resolve())),
            tables={table: found.path for table, found in there.items()},
            # What people edit in place must not change in the release with it.
            contracts={place: file.read_bytes() for place, file in contracts.root.files().items()},
            snapshot=runner.reader.figures.files(contracts.sources),
            raw={source: each.frozen() for source, each in raw.items()},
        )
        editions = sorted(set(runner.reader.frame("edition")["edition"]))
        about = {
            "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "publication": seen.path.name,
            "as_of": runner.reader.as_of.isoformat(),
            "editions": [int(edition) for edition in editions],
            "mode": settings.mode,
            "tables": {table: found.sha256 for table, found in there.items()},
            "kept": {table: found.stale_reason for table, found in there.items() if found.stale_since},
            "downloads": {source: _downloads(each.current()) for source, each in raw.items()},
            "snapshot": {name: runner.reader.figures.digest(name) for name in sorted(runner.reader.figures.names)},
            "contracts": dict(sorted(contracts.digests.items())),
            **program(),
        }
        return store.releases.create(taken, about, contents)


def refuse_disclosure(runner: Runner) -> None:
    """Refuse a table that, read beside an earlier signed release, reveals a count below its minimum.

    Args:
        runner: knows the store, and the contracts in force.

    Raises:
        SpiError: naming table, release and area; no count is told.
    """
    contracts, read = runner.contracts, runner.reader.table
    rules = [(name, rule) for name, each in contracts.products.items() for rule in each.rules
             if rule.kind == Disclosure.name and runner.store.current(name)]  # fmt: skip
    for release in runner.store.releases.all() if rules else ():
        for name, rule in rules:
            if release.number and name in release.tables:
                given = disclosed_between(_as_released(release.read, name), _as_released(read, name), rule)
                if given:
                    raise SpiError(
                        f"Beside release {release.id}, table {name} would give away a count below its minimum "
                        f"({', '.join(f'{key} {value}' for key, value in given[0].items())}; {len(given)} in all): "
                        "withhold the same cells in both, or leave the indicator out; see docs/disclosure.md."
                    )


def _as_released(read: Callable[[str], pa.Table], name: str) -> Released:
    """A table with the areas it was made on, as what is looked for from release to release takes them."""
    areas, shares = read("area").to_pylist(), read("allocation").to_pylist()
    parts: dict[str, dict[str, float]] = {}
    for row in shares:
        # One code may stand for areas of two censuses.
        parts.setdefault(row["area_code"], {})[f"{row['geography']} {row['small_area_code']}"] = row["weight"]
    return Released(read(name), {row["area_code"]: row["parent_code"] for row in areas if row["parent_code"]}, parts)


def _downloads(found: Any) -> list[dict[str, Any]]:
    names = ("sha256", "size", "url", "period", "fetched_at", "published_at")
    return [{name: getattr(one, name) for name in names} for one in found.downloads] if found else []


def program() -> dict[str, Any]:
    """What computes here: the version and a digest of our code, Python and the libraries that reach a figure."""
    libraries = {name: version(name) for name in sorted({*LIBRARIES, *JUDGES})}
    code = {"version": version("spi-pipeline"), "digest": Code({}).remembered["source"]}
    return {"code": code, "python": platform.python_version(), "libraries": libraries}
