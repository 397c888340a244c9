"""A process killed at any moment around delivery loses no message, and repeats only one not yet recorded as sent."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from spi_pipeline_tests.alerts import children
from spi_pipeline_tests.alerts.servers import webhook
from spi_pipeline_tests.storage.conftest import Start, start

__all__ = ["start"]


def test_a_kill_at_any_moment_loses_no_message(tmp_path: Path, start: Start) -> None:
    repeated = 0
    with webhook() as inbox:
        children.look(tmp_path / "whole", inbox.url)
        expected = sorted(inbox.received)
        assert len(expected) == 3
        for moment in range(1, 200):
            inbox.received.clear()
            child, _ = start(children.exit_at, tmp_path / str(moment), inbox.url, moment)
            child.join(30)
            assert child.exitcode in (0, children.KILLED)
            if child.exitcode == 0:
                break
            children.look(tmp_path / str(moment), inbox.url)
            # With and without the kill, whole messages are the same, including their ids.
            counts = Counter(inbox.received)
            assert sorted(counts) == expected
            extra = sum(counts.values()) - len(expected)
            assert extra <= 1
            repeated += extra
    assert moment > 30
    # Each of the three messages repeats for two moments: right after the channel accepts it, and before the
    # statement that records this.
    assert repeated == 6
