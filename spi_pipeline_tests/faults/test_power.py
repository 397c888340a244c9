"""A power cut after any call of a change leaves a store old or new, and always new once the change has returned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spi_pipeline.storage.store import Store
from spi_pipeline_tests.faults.replay import Cut, Model, operations
from spi_pipeline_tests.storage.children import Action
from spi_pipeline_tests.storage.test_kill import prepare_nothing, prepare_old, visible_state

CUTS = [Cut("none", "none"), Cut("all", "none"), Cut("some", "some", 1)]
CHANGE = """\
import ctypes, os, sys
from pathlib import Path
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
root, log, action = sys.argv[1:]
ctypes.CDLL(None).fault_arm(os.fsencode(root), 0, ctypes.c_long(0), 0, 0, os.fsencode(log))
getattr(children, action)(Store(root))
"""


@pytest.mark.parametrize(
    ("prepare", "action"),
    [
        (prepare_nothing, "write_under_lock"),
        (prepare_old, "write_new"),
        (prepare_old, "append_rows"),
        (prepare_nothing, "complete_downloads"),
        (prepare_nothing, "publish_new"),
        (prepare_old, "publish_new"),
    ],
)
def test_a_power_cut_at_any_moment(library: Path, tmp_path: Path, prepare: Action, action: str) -> None:
    root, log = (tmp_path / "store").resolve(), tmp_path / "log"
    prepare(Store(root))
    before = visible_state(Store(root))
    shutil.copytree(root, tmp_path / "before", symlinks=True)
    subprocess.run(
        [sys.executable, "-c", CHANGE, root, log, action], env=os.environ | {"LD_PRELOAD": str(library)}, check=True
    )
    after = visible_state(Store(root))
    assert before != after
    model, moments = Model(root, tmp_path / "before"), list(operations(log))
    for number, operation in enumerate(moments, start=1):
        model.play(operation)
        for cut in CUTS:
            folder = tmp_path / "found"
            model.write(folder, cut)
            state = visible_state(Store(folder))
            assert state in (before, after), (number, operation.code, cut)
            assert number < len(moments) or state == after, cut
            shutil.rmtree(folder)
