"""A sample of the faults that ``python -m spi_pipeline_tests.faults`` tries one by one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from spi_pipeline_tests.faults.proof import (
    HISTORY,
    ReferenceRefresh,
    cut_power,
    kill_refresh,
    moments,
    refresh_on_faulty_disk,
)
from spi_pipeline_tests.faults.replay import Cut, Model, operations
from spi_pipeline_tests.faults.runs import Disk, full_from, unreadable_at

FULL, FULL_UNDER_DAGSTER, UNREADABLE, KILLS = 1, 1, 1, 2


def one_of(among: list[int], part: int, parts: int, seed: int) -> int:
    """A number drawn from one of ``parts`` equal parts of a list."""
    return among[moments(len(among), parts, random.Random(seed))[part] - 1]


def test_the_log_records_every_change_to_the_store(reference: ReferenceRefresh, place: Path) -> None:
    """Otherwise some places would never have a fault."""
    model = Model(reference.root, Path(reference.before.settings.store))
    for operation in operations(reference.log):
        model.play(operation)
    model.write(place, Cut("all", "all"))
    assert _files(place) == _files(reference.root)
    assert len(reference.writes()) == reference.result.writes


def _files(root: Path) -> dict[str, bytes | Path]:
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if not path.name.endswith("-shm")}
    return {
        name: path.readlink() if path.is_symlink() else path.read_bytes()
        for name, path in paths.items()
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("part", range(FULL))
def test_a_full_disk(reference: ReferenceRefresh, disk: Disk, seed: int, place: Path, part: int) -> None:
    writes = [number for number, path in reference.writes() if not path.startswith(HISTORY)]
    _survives_a_full_disk(reference, disk, one_of(writes, part, FULL, seed), place)


@pytest.mark.parametrize("part", range(FULL_UNDER_DAGSTER))
def test_a_full_disk_under_dagsters_history(
    reference: ReferenceRefresh, disk: Disk, seed: int, place: Path, part: int
) -> None:
    writes = [number for number, path in reference.writes() if path.startswith(HISTORY)]
    _survives_a_full_disk(reference, disk, one_of(writes, part, FULL_UNDER_DAGSTER, seed), place)


def _survives_a_full_disk(reference: ReferenceRefresh, disk: Disk, moment: int, place: Path) -> None:
    result, problems = refresh_on_faulty_disk(reference, disk, full_from(moment), place)
    assert result.refused
    assert not problems, (moment, problems)


@pytest.mark.parametrize("part", range(UNREADABLE))
def test_a_read_that_fails(reference: ReferenceRefresh, disk: Disk, seed: int, place: Path, part: int) -> None:
    moment = one_of(list(range(1, reference.result.reads + 1)), part, UNREADABLE, seed)
    result, problems = refresh_on_faulty_disk(reference, disk, unreadable_at(moment, once=seed % 2 == 0), place)
    assert result.refused
    assert not problems, (moment, problems)


@pytest.mark.parametrize("cut", [Cut("some", "some", 1)], ids=str)
def test_a_power_cut_during_a_refresh(
    reference: ReferenceRefresh, disk: Disk, seed: int, place: Path, cut: Cut
) -> None:
    count = sum(1 for _ in operations(reference.log))
    ((moment, _, problems),) = cut_power(
        reference, disk, [(random.Random(f"{seed} {cut}").randint(1, count), cut)], place
    )
    assert not problems, (moment, problems)


@pytest.mark.parametrize("part", range(KILLS))
def test_a_kill_during_a_refresh(reference: ReferenceRefresh, disk: Disk, seed: int, place: Path, part: int) -> None:
    after = random.Random(f"{seed} {part}").uniform(part, part + 1) / KILLS * reference.result.seconds
    _, problems = kill_refresh(reference, disk, after, place)
    assert not problems, (after, problems)
