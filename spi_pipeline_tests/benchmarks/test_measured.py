"""The measurement of costs; no test asserts that anything is fast."""

from __future__ import annotations

import pytest

from spi_pipeline_tests.benchmarks.refresh import measured


def test_memory_is_that_of_the_process_measured_and_not_of_one_before() -> None:
    large = measured(["-c", "held = bytearray(300_000_000)"], {})
    small = measured(["-c", "pass"], {})
    assert large.peak_mb > 280
    assert small.peak_mb < 50


def test_work_of_children_is_counted_and_sleep_is_not() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    nested = measured(["-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"], {})
    idle = measured(["-c", "import time; time.sleep(0.3)"], {})
    assert nested.cpu_seconds >= 0.3
    assert idle.wall_seconds >= 0.3 > idle.cpu_seconds


def test_a_process_that_fails_stops_the_measuring_with_its_words() -> None:
    with pytest.raises(SystemExit, match="no such figure"):
        measured(["-c", "raise SystemExit('no such figure')"], {})
