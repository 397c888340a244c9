"""Edits of contracts and of a copy of our source code, from which digests are then computed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import spi_pipeline
from spi_pipeline.run import code
from spi_pipeline_tests.integration.sandboxes import Sandbox

PACKAGE = Path(spi_pipeline.__file__).parent
CACHES = (code._reached, code._read, code._module, code._file)
Edit = Callable[[Sandbox, Path], None]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of our source code to edit; digests are computed from the copy."""
    copy = tmp_path / "source"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    monkeypatch.setattr(code, "_ROOT", copy)
    for cached in CACHES:
        cached.cache_clear()
    yield copy
    for cached in CACHES:
        cached.cache_clear()


def replaced(file: str, old: str, new: str) -> Edit:
    def edit(_sandbox: Sandbox, source: Path) -> None:
        path = source / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} no longer holds {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def appended(file: str, text: str) -> Edit:
    def edit(_sandbox: Sandbox, source: Path) -> None:
        with (source / file).open("a", encoding="utf-8") as opened:
            opened.write(text)

    return edit


def amended(file: str, old: str, new: str) -> Edit:
    return lambda sandbox, _source: sandbox.amend(file, old, new)
