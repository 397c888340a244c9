"""The conditions that must hold after any fault, all checked by ``problems_after_fault``."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.runs import RUN
from spi_pipeline.storage.published import publication
from spi_pipeline_tests.faults.replay import Code, Cut, Model, operations
from spi_pipeline_tests.faults.runs import CommandResult, Disk, Fault
from spi_pipeline_tests.integration.sandboxes import Sandbox, column

# Only the comparison of two censuses uses this source: three steps follow from it.
SMALL, FOLLOWS = "census_2011_ethnic_group", "decade"
HISTORY = "dagster/"
MOST_SENTENCES = 3
# Files in these folders are never written to again, so a copy may share them.
UNCHANGING = ("tables", "published")


@dataclass(frozen=True)
class ReferenceRefresh:
    """A refresh to disturb.

    Attributes:
        before: the sandbox it starts from.
        old: the digests of its tables by name, and the rows that readers see.
        new: the same after an undisturbed refresh.
        log: the operations of the undisturbed refresh on its store.
        root: the path of that store.
        left: the result of the undisturbed refresh.
    """

    before: Sandbox
    old: tuple[dict[str, str], Any]
    new: tuple[dict[str, str], Any]
    log: Path
    root: Path
    result: CommandResult

    def writes(self) -> list[tuple[int, str]]:
        """The number of each write of the undisturbed refresh, and its file as a path within the store."""
        numbered_writes: list[tuple[int, str]] = []
        files: dict[int, str] = {}
        for each in operations(self.log):
            if each.code == Code.OPEN:
                files[each.fd] = each.path
            if each.code == Code.DUP:
                files[each.other] = files[each.fd]
            if (each.code == Code.OPEN and not each.other & 1) or each.code in (
                Code.CLOSE,
                Code.DUP,
                Code.UNLINK,
                Code.RMDIR,
            ):
                continue
            path = each.path or files[each.fd]
            numbered_writes.append((len(numbered_writes) + 1, os.path.relpath(path, self.root)))
        return numbered_writes


def prepare_reference(disk: Disk, sandbox: Sandbox, folder: Path) -> ReferenceRefresh:
    """Run an undisturbed refresh: of one changed source, or of everything if there is no store yet.

    Args:
        disk: runs the refresh.
        sandbox: the sandbox; if it has a store, one of its embedded tables is changed first.
        folder: holds the refreshed copy and the log.
    """
    if Path(sandbox.settings.store).exists():
        sandbox.rewrite(SMALL, _increment_first_value)
    root = (folder / "undisturbed" / "store").resolve()
    copy = shared_copy(sandbox, folder / "undisturbed")
    log = folder / "undisturbed.log"
    result = disk.run(copy.environment, "refresh", log=log)
    assert result.code == 0, result.err
    return ReferenceRefresh(sandbox, _state(sandbox), _state(copy), log, root, result)


def _increment_first_value(table: pa.Table) -> pa.Table:
    name = next(field.name for field in table.schema if pa.types.is_integer(field.type))
    return column(table, name, lambda values: [values[0] + 1, *values[1:]])


def shared_copy(sandbox: Sandbox, folder: Path, store: Path | None = None) -> Sandbox:
    """A sandbox with a copy of its store or of another one; it shares the contracts and all files that never change."""
    copy = Sandbox(sandbox.settings.model_copy(update={"store": str(folder / "store")}))
    folder.mkdir(parents=True)
    origin = store or Path(sandbox.settings.store)

    def copy_or_link(source: str, target: str) -> str:
        shares = Path(source).relative_to(origin).parts[0] in UNCHANGING
        return os.link(source, target) or target if shares else shutil.copy2(source, target)

    if origin.exists():
        shutil.copytree(origin, copy.settings.store, symlinks=True, copy_function=copy_or_link)
    return copy


def _state(sandbox: Sandbox) -> tuple[dict[str, str], Any]:
    try:
        digests = sandbox.digests()
    except SpiError as error:
        digests = {"damaged": str(error)}
    return digests, _seen(sandbox)


def _seen(sandbox: Sandbox) -> Any:
    """The rows that readers see in two tables, or the error that stops them."""
    if not os.path.lexists(sandbox.store.database):
        return None
    try:
        if publication.current(sandbox.store.root) is None:
            return "the publication is not whole"
        return sandbox.query("SELECT * FROM score ORDER BY ALL"), sandbox.query(f"SELECT * FROM {FOLLOWS} ORDER BY ALL")
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def problems_after_fault(
    reference: ReferenceRefresh, sandbox: Sandbox, result: CommandResult | None, disk: Disk
) -> list[str]:
    """Check a store after a fault, and the messages of the command; return everything that is wrong.

    Args:
        reference: the refresh that was disturbed.
        sandbox: the sandbox it was disturbed in; the fault is gone.
        left: the result of the command; None if the power went.
        disk: runs ``spi status`` and the next refresh.
    """
    problems: list[str] = []
    seen, was_killed = _seen(sandbox), result is None or result.code < 0
    if seen not in (reference.old[1], reference.new[1]):
        problems.append(f"readers see neither the last state nor the new: {str(seen)[:200]}")
    status = disk.run(sandbox.environment, "status", "--json")
    healthy = json.loads(status.out)["healthy"] if status.code in (0, 1) and status.out.startswith("{") else None
    if healthy is None:
        problems.append(f"status could not tell (exit code {status.code}): {status.out[:100]} {status.err[-300:]}")
    if result is not None and not was_killed:
        problems += _unexpected_output(result)
        if result.code == 0 and not _complete(reference, sandbox, seen):
            problems.append("exit code 0, and not all was published and recorded")
        if result.code != 0 and healthy and not _recorded_nothing(reference, sandbox):
            problems.append(f"status is healthy after: {result.sentences}")
    next_refresh = disk.run(sandbox.environment, "refresh")
    if next_refresh.code != 0:
        problems.append(f"the next refresh failed: {next_refresh.sentences}")
    if _state(sandbox) != reference.new:
        problems.append("the next refresh did not bring what an undisturbed one does")
    if leftovers := [path for path in sandbox.store.root.rglob("*.tmp-*") if HISTORY not in f"{path}"]:
        problems.append(f"left over: {leftovers[:3]}")
    last_status = disk.run(sandbox.environment, "status", "--json")
    if last_status.code != 0:
        problems.append(
            f"status is not healthy after the next refresh: {last_status.out[:300]} {last_status.err[-200:]}"
        )
    return problems


def _unexpected_output(result: CommandResult) -> list[str]:
    sentences = result.sentences
    if "Traceback" in result.err or "broke in our own code" in result.err or result.code not in (0, 1):
        return [f"exit code {result.code}: {result.err[-700:]}"]
    if result.code != 0 and not 1 <= len(sentences) <= MOST_SENTENCES:
        return [f"{len(sentences)} sentences: {sentences[:5]}"]
    return []


def _complete(reference: ReferenceRefresh, sandbox: Sandbox, seen: Any) -> bool:
    """Whether every table is published and the run is recorded as succeeded."""
    runs = sandbox.store.read_runs(RUN)
    newest = max(runs.to_pylist(), key=lambda row: row["run_at"]) if runs else {}
    return (
        seen == reference.new[1]
        and sandbox.digests() == reference.new[0]
        and newest.get("state") == "succeeded"
        and len(sandbox.store.run_stamps(RUN)) == len(reference.before.store.run_stamps(RUN)) + 1
    )


def _recorded_nothing(reference: ReferenceRefresh, sandbox: Sandbox) -> bool:
    """Whether the disk stored nothing, not even the start of the run, so ``spi status`` cannot know of the failure."""
    same = sandbox.store.run_stamps(RUN).keys() == reference.before.store.run_stamps(RUN).keys()
    return same and not sandbox.store.runs_in_progress() and _state(sandbox) == reference.old


# --- the faults


def refresh_on_faulty_disk(
    reference: ReferenceRefresh, disk: Disk, fault: Fault, folder: Path
) -> tuple[CommandResult, list[str]]:
    """Refresh on a disk that fails; return the result and everything that is wrong."""
    sandbox = shared_copy(reference.before, folder)
    result = disk.run(sandbox.environment, "refresh", fault=fault)
    problems = problems_after_fault(reference, sandbox, result, disk)
    shutil.rmtree(folder)
    return result, problems


def kill_refresh(
    reference: ReferenceRefresh, disk: Disk, after: float, folder: Path
) -> tuple[CommandResult, list[str]]:
    """Kill a refresh after ``after`` seconds; return the result and everything that is wrong."""
    sandbox = shared_copy(reference.before, folder)
    result = disk.run(sandbox.environment, "refresh", kill_after=after)
    problems = problems_after_fault(reference, sandbox, result, disk)
    shutil.rmtree(folder)
    return result, problems


def cut_power(
    reference: ReferenceRefresh, disk: Disk, moments: Sequence[tuple[int, Cut]], folder: Path
) -> list[tuple[int, Cut, list[str]]]:
    """Cut the power after given operations of the undisturbed refresh; return everything that is wrong each time."""
    model = Model(reference.root, Path(reference.before.settings.store))
    results: list[tuple[int, Cut, list[str]]] = []
    remaining = sorted(moments, key=lambda each: each[0])
    for number, operation in enumerate(operations(reference.log), start=1):
        model.play(operation)
        while remaining and remaining[0][0] == number:
            moment, cut = remaining.pop(0)
            sandbox = Sandbox(reference.before.settings.model_copy(update={"store": str(folder / "store")}))
            folder.mkdir(parents=True)
            model.write(folder / "store", cut)
            results.append((moment, cut, problems_after_fault(reference, sandbox, None, disk)))
            shutil.rmtree(folder)
    return results


def moments(count: int, most: int, chance: random.Random) -> list[int]:
    """Draw at most ``most`` numbers from 1 to ``count``, one from each of as many equal parts."""
    most = min(most, count)
    edges = [round(part * count / most) for part in range(most + 1)] if most else []
    return [chance.randint(low + 1, high) for low, high in itertools.pairwise(edges)]
