"""Freezing what is published as a release, and computing a release again elsewhere."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.errors import ContractError, SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.rules.releases import Release as Released
from spi_pipeline.rules.releases import disclosed_between
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.activity import with_activity
from spi_pipeline.run.code import Code
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.run.reader import released
from spi_pipeline.run.runner import Runner
from spi_pipeline.run.staleness import JUDGES, LIBRARIES
from spi_pipeline.settings import OutputName, Settings
from spi_pipeline.snapshot.embedded import MANIFEST, embedded_file, snapshot_digests
from spi_pipeline.steps.analysis.release_change import RELEASE_TABLES, compared, state_of, state_of_release
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline.storage.published.releases import Contents, Release, below
from spi_pipeline.storage.store import Store

# The kind of rule that says of a product which counts are small.
DISCLOSURE = "disclosure"
# Formed by another library, or by another build of one, a sum can differ in its last digits.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Difference:
    """How a table computed again differs from the one that a release froze.

    Attributes:
        table: its name.
        told: what differs, in words.
    """

    table: str
    told: str


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
        versions = {name: store.current(name) for step in plan for name in step.outputs if is_table(name)}
        there = {name: found for name, found in versions.items() if found}
        taken = name or store.releases.free_id(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
        raw = {source: store.raw(source) for source in sorted(contracts.fetched)}
        contents = Contents(
            published=dict(below(store.published.resolve())),
            tables={name: found.path for name, found in there.items()},
            # What people edit in place must not change in the release with it.
            contracts={place: file.read_bytes() for place, file in below(contracts.root)},
            snapshot={file.name: file.read_bytes() for file in _embedded(settings.snapshot)},
            raw={source: each.frozen() for source, each in raw.items()},
        )
        editions = sorted(set(runner.reader.frame("edition")["edition"]))
        about = {
            "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "publication": seen.path.name,
            "as_of": runner.reader.as_of.isoformat(),
            "editions": [int(edition) for edition in editions],
            "mode": settings.mode,
            "tables": {name: found.sha256 for name, found in there.items()},
            "kept": {name: found.stale_reason for name, found in there.items() if found.stale_since},
            "downloads": {source: _downloads(each.current()) for source, each in raw.items()},
            "snapshot": snapshot_digests(settings.snapshot),
            "contracts": dict(sorted(contracts.digests.items())),
            **program(),
        }
        return store.releases.create(taken, about, contents)


def refuse_disclosure(runner: Runner) -> None:
    """Refuse what would give a small count away to whoever holds it beside a release that was signed before.

    Args:
        runner: knows the store, and the contracts in force.

    Raises:
        SpiError: naming table, release and area; no count is told.
    """
    contracts, read = runner.contracts, runner.reader.table
    rules = [(name, rule) for name, each in contracts.products.items() for rule in each.rules
             if rule.kind == DISCLOSURE and runner.store.current(name)]  # fmt: skip
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
        parts.setdefault(row["area_code"], {})[row["small_area_code"]] = row["weight"]
    return Released(read(name), {row["area_code"]: row["parent_code"] for row in areas if row["parent_code"]}, parts)


def _embedded(snapshot: Path) -> list[Path]:
    return [snapshot / MANIFEST, *(embedded_file(snapshot, source) for source in snapshot_digests(snapshot))]


def _downloads(found: Any) -> list[dict[str, Any]]:
    names = ("sha256", "size", "url", "period", "fetched_at", "published_at")
    return [{name: getattr(one, name) for name in names} for one in found.downloads] if found else []


def program() -> dict[str, Any]:
    """What computes here: the version and a digest of our code, Python and the libraries that reach a figure."""
    libraries = {name: version(name) for name in sorted({*LIBRARIES, *JUDGES})}
    code = {"version": version("spi-pipeline"), "digest": Code({}).remembered["source"]}
    return {"code": code, "python": platform.python_version(), "libraries": libraries}


def recompute(release: Release, folder: Path) -> list[Difference]:
    """Compute a release again in a store of its own, from what it froze, and compare every table.

    The council's own files are not kept in a release, since their rows are people's; their tables are, and are taken.

    Args:
        release: the release.
        folder: where the store is made.

    Returns:
        What differs; nothing where every figure is equal.

    Raises:
        SpiError: where the release is damaged, or this version of the program cannot compute it.
    """
    if damage := release.damage():
        raise SpiError("\n".join(damage))
    try:
        runner = _seeded(release, folder)
        plan = build_plan(runner.contracts)
    except ContractError as error:
        made_by = release.about["code"]["version"]
        raise SpiError(
            f"Release {release.id} was made by version {made_by} of this program, and this one, "
            f"{version('spi-pipeline')}, cannot read its contracts ({error.faults[0]}): install {made_by}."
        ) from error
    with runner.store.lock():
        for step in plan:
            if step.cadence is not None or step.kind == PUBLICATION or step.outputs[0] in runner.contracts.laid_in:
                continue
            outcomes = runner.run([step], "recomputed", dt.datetime.now(dt.UTC))
            if failed := [outcome.message for outcome in outcomes if outcome.version is None]:
                raise SpiError(f"Release {release.id} cannot be computed again: {failed[0]}")
    made = {name for step in plan for name in step.outputs if is_table(name)}
    # Pages and files to take away are no figures, and here there is no release to be set beside.
    frozen = [name for name in release.tables if name not in (*get_args(OutputName), *RELEASE_TABLES)]
    told = {name: _compared(release, name, runner) if name in made else "no step makes it now" for name in frozen}
    return [Difference(name, said) for name, said in told.items() if said]


def _seeded(release: Release, folder: Path) -> Runner:
    """What runs steps in a new store, which holds the downloads of a release and the tables of the council's own."""
    settings = Settings(
        store=str(folder), mode=release.about["mode"], contracts=release.contracts, snapshot=release.snapshot,
        outputs=frozenset({"database"}),
    )  # fmt: skip
    store, contracts = Store(settings.store), load_contracts(settings.contracts)
    with store.lock():
        for source in release.about["downloads"]:
            store.raw(source).take(release.raw / source)
        for source in contracts.sources.values():
            if source.properties.own and source.id in release.tables:
                table = release.read(source.id)
                metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
                store.write(source.id, table, fingerprint=release.digest, run_id="released", metadata=metadata)
    return Runner(settings, with_activity(contracts, settings))


def _compared(release: Release, name: str, runner: Runner) -> str:
    """How a table computed again differs, in words; empty where it does not."""
    before, after = (table.replace_schema_metadata(None) for table in (release.read(name), runner.store.read(name)))
    if before.equals(after):
        return ""
    if before.schema != after.schema:
        return "has other columns or types"
    key = list(contract_of(name, runner.contracts).key)
    rest = [column for column in before.column_names if column not in key]
    if not key:
        return "holds other rows"
    both = before.to_pandas().merge(after.to_pandas(), on=key, how="outer", suffixes=("", " now"), indicator=True)
    if alone := int((both["_merge"] != "both").sum()):
        return f"{counted(alone, 'row')} of {len(both):,} stand on one side alone"
    moved = {column: count for column in rest if (count := int(_moved(both[column], both[f"{column} now"]).sum()))}
    return f"other cells in {', '.join(f'{name} ({count:,})' for name, count in moved.items())}" if moved else ""


def _moved(before: pd.Series, after: pd.Series) -> pd.Series:
    """Which cells differ by more than the last digits of a sum."""
    if pd.api.types.is_float_dtype(before):
        return pd.Series(~np.isclose(before, after, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
    return ~((before == after) | (before.isna() & after.isna())).astype(bool)


def other_program(release: Release, now: Mapping[str, Any]) -> list[str]:
    """By what a release was computed that is not what is installed now, in words.

    Args:
        release: the release.
        now: as ``program`` returns it.
    """
    then = release.about
    told = [f"{name} {was}, now {now['libraries'].get(name, 'none')}" for name, was in then["libraries"].items()
            if now["libraries"].get(name) != was]  # fmt: skip
    if then["python"] != now["python"]:
        told.append(f"Python {then['python']}, now {now['python']}")
    if then["code"] != now["code"]:
        told.append(f"other code of ours (version {then['code']['version']}, now {now['code']['version']})")
    return told


def changes_between(runner: Runner, before: Release, after: Release | None) -> dict[str, pd.DataFrame]:
    """How far scores moved between two states, and why.

    Args:
        runner: knows the store, and the contracts in force.
        before: a release.
        after: another; what is in the store now when None.

    Returns:
        ``release_changes`` and ``release_elements`` of the two, by the names of their products.

    Raises:
        SpiError: where a table of theirs is missing or damaged.
    """
    contracts = runner.contracts
    now = state_of_release(released(after), contracts) if after else state_of(runner.reader.frame, contracts)
    return compared(state_of_release(released(before), contracts), now)
