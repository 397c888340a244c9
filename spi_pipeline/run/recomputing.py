"""Computing a release again elsewhere, from what it froze alone, and comparing figure by figure."""

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
        # What the release did not freeze it had not.
        england=release.snapshot, outputs=frozenset({"database"}),
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
