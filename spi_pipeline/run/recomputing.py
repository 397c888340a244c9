"""Recomputing a release elsewhere, from nothing but its own contents, and comparing figure by figure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import ContractError, SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import contract_of
from spi_pipeline.rules.wording import counted
from spi_pipeline.run.activity import with_activity
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import OutputName, Settings
from spi_pipeline.steps.analysis.release_change import RELEASE_TABLES
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline.storage.published.releases import Release
from spi_pipeline.storage.store import Store

# A sum can differ in its last digits between libraries, or between builds of one library.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Difference:
    """How a recomputed table differs from the table in a release.

    Attributes:
        table: its name.
        difference: how it differs, in words.
    """

    table: str
    difference: str


def recompute(release: Release, folder: Path) -> list[Difference]:
    """Recompute a release in a new store, from its own contents, and compare every table.

    A release does not contain the council's own files, whose rows are about people. It contains the tables made from
    them, and these are used as they are.

    Args:
        release: the release.
        folder: the folder for the new store.

    Returns:
        The differences; none if every figure is equal.

    Raises:
        SpiError: if the release is damaged, or this version of the program cannot compute it.
    """
    if damage := release.damage():
        raise SpiError("\n".join(damage))
    try:
        runner = _seeded(release, folder)
        plan = build_plan(runner.contracts)
    except ContractError as error:
        made_by = release.manifest["code"]["version"]
        raise SpiError(
            f"Release {release.id} was made by version {made_by} of this program, and this one, "
            f"{version('spi-pipeline')}, cannot read its contracts ({error.faults[0]}): install {made_by}."
        ) from error
    with runner.store.lock():
        for step in plan:
            if (
                step.cadence is not None
                or step.kind == PUBLICATION
                or step.outputs[0] in runner.contracts.manual_uploads
            ):
                continue
            outcomes = runner.run([step], "recomputed", dt.datetime.now(dt.UTC))
            if failed := [outcome.message for outcome in outcomes if outcome.version is None]:
                raise SpiError(f"Release {release.id} cannot be recomputed: {failed[0]}")
    made = {name for step in plan for name in step.outputs if is_table(name)}
    # Pages and downloadable files hold no figures of their own, and this store has no earlier release to compare with.
    frozen = [name for name in release.tables if name not in (*get_args(OutputName), *RELEASE_TABLES)]
    differences = {
        name: _difference(release, name, runner) if name in made else "no step makes it any more" for name in frozen
    }
    return [Difference(name, difference) for name, difference in differences.items() if difference]


def _seeded(release: Release, folder: Path) -> Runner:
    """A runner for a new store, which holds the release's downloads and the tables of the council's own sources."""
    settings = Settings(
        store=str(folder), mode=release.manifest["mode"], contracts=release.contracts, snapshot=release.snapshot,
        # A figure that is not in the release was not available when it was made.
        england=release.snapshot, outputs=frozenset({"database"}),
    )  # fmt: skip
    store, contracts = Store(settings.store), load_contracts(settings.contracts)
    with store.lock():
        for source in release.manifest["downloads"]:
            store.raw(source).import_files(release.raw / source)
        for source in contracts.sources.values():
            if source.properties.own and source.id in release.tables:
                table = release.read(source.id)
                metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
                store.write(source.id, table, fingerprint=release.digest, run_id="released", metadata=metadata)
    return Runner(settings, with_activity(contracts, settings))


def _difference(release: Release, name: str, runner: Runner) -> str:
    """How a recomputed table differs, in words; empty if it does not."""
    before, after = (table.replace_schema_metadata(None) for table in (release.read(name), runner.store.read(name)))
    if before.equals(after):
        return ""
    if before.schema != after.schema:
        return "different columns or types"
    key = list(contract_of(name, runner.contracts).key)
    rest = [column for column in before.column_names if column not in key]
    if not key:
        return "different rows"
    both = before.to_pandas().merge(after.to_pandas(), on=key, how="outer", suffixes=("", " now"), indicator=True)
    if unmatched := int((both["_merge"] != "both").sum()):
        return f"{counted(unmatched, 'row')} of {len(both):,} in only one of the two tables"
    changed = {
        column: count for column in rest if (count := int(_changed_cells(both[column], both[f"{column} now"]).sum()))
    }
    return (
        f"different cells in {', '.join(f'{name} ({count:,})' for name, count in changed.items())}" if changed else ""
    )


def _changed_cells(before: pd.Series, after: pd.Series) -> pd.Series:
    """The mask of cells that differ by more than the last digits of a sum."""
    if pd.api.types.is_float_dtype(before):
        return pd.Series(~np.isclose(before, after, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
    return ~((before == after) | (before.isna() & after.isna())).astype(bool)


def other_program(release: Release, now: Mapping[str, Any]) -> list[str]:
    """The differences between the program that made a release and the one installed now, in words.

    Args:
        release: the release.
        now: the installed program, as from ``program``.
    """
    then = release.manifest
    changes = [f"{name} {was}, now {now['libraries'].get(name, 'none')}" for name, was in then["libraries"].items()
            if now["libraries"].get(name) != was]  # fmt: skip
    if then["python"] != now["python"]:
        changes.append(f"Python {then['python']}, now {now['python']}")
    if then["code"] != now["code"]:
        changes.append(f"different code of ours (version {then['code']['version']}, now {now['code']['version']})")
    return changes
