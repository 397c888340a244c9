"""The measurement of costs; no test asserts that anything is fast."""

from __future__ import annotations

import pytest

from spi_pipeline_tests.benchmarks.refresh import measure


def test_peak_memory_excludes_earlier_processes() -> None:
    large = measure(["-c", "held = bytearray(300_000_000)"], {})
    small = measure(["-c", "pass"], {})
    assert large.peak_mb > 280
    assert small.peak_mb < 50


def test_cpu_time_includes_children_and_excludes_sleep() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    nested = measure(["-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"], {})
    idle = measure(["-c", "import time; time.sleep(0.3)"], {})
    assert nested.cpu_seconds >= 0.3
    assert idle.wall_seconds >= 0.3 > idle.cpu_seconds


def test_a_failing_process_stops_the_measurement_and_its_message_is_shown() -> None:
    with pytest.raises(SystemExit, match="no such figure"):
        measure(["-c", "raise SystemExit('no such figure')"], {})
