"""No part of an alert channel's URL leaks into output, logs, the store or crash reports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.sensors import alerts_sensor
from spi_pipeline.orchestration.watching.alerting import check_and_alert
from spi_pipeline_tests.alerts.servers import Inbox, webhook
from spi_pipeline_tests.integration.sandboxes import Sandbox

SOURCE = "local_elections_2023"
SECRETS = ("s3cr3t-user", "pa55%20word", "pa55 word", "a-secret-token", "an0ther-t0ken")
# All loggers write everything, as they do for a developer who debugs a fault.
DEBUG = "import logging; logging.basicConfig(level=logging.DEBUG); from spi_pipeline.cli import main; "
CRASH = "import spi_pipeline.orchestration.watching.alerting as a; a.Incidents = lambda *_: 1 / 0; "


@pytest.fixture
def hook() -> Iterator[Inbox]:
    with webhook() as inbox:
        inbox.response_status = 503
        yield inbox


@pytest.fixture
def notified(sandbox: Sandbox, hook: Inbox, tmp_path: Path) -> Sandbox:
    """One channel from the setting and one from a file; neither accepts messages."""
    address = hook.url.replace("json://", "json://s3cr3t-user:pa55%20word@")
    file = tmp_path / "channels.yaml"
    file.write_text("channels: {team: {url: 'slack://T1JJ3T3L2/an0ther-t0ken!/x'}}", encoding="utf-8")
    changed = {"alert_urls": SecretStr(f"hook={address}"), "alert_channels": str(file)}
    return Sandbox(sandbox.settings.model_copy(update=changed))


def spi(sandbox: Sandbox, scratch: Path, before: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"{DEBUG}{before}import sys; sys.argv = ['spi', *{arguments!r}]; main()"
    environment = os.environ | sandbox.environment | {"TMPDIR": str(scratch)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


def leaks(folder: Path, *texts: str) -> list[str]:
    """The secrets in the texts and files, each with its place; the channels file is skipped, as it must hold them."""
    places = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".yaml"}
    places |= {f"text {number}": text.encode() for number, text in enumerate(texts)}
    assert len(places) > len(texts)
    return [f"{secret} in {place}" for place, held in places.items() for secret in SECRETS if secret.encode() in held]


def test_no_part_of_a_url_is_printed_stored_or_reported_in_a_crash(notified: Sandbox, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    notified.embedded(SOURCE).unlink()
    refreshed = spi(notified, scratch, "", "refresh", "--select", f"source/{SOURCE}")
    assert "channel hook did not accept a message" in refreshed.stderr
    assert "channel team did not accept a message" in refreshed.stderr
    tested = spi(notified, scratch, "", "alerts", "test")
    assert "hook: refused" in tested.stdout
    assert "DEBUG" in tested.stderr, "loggers write debug messages"
    crashed = spi(notified, scratch, CRASH, "alerts", "send")
    assert "spi broke in our own code (ZeroDivisionError" in crashed.stderr
    assert list(scratch.glob("spi-*.log"))
    status = spi(notified, scratch, "", "status", "--json")
    assert '"refusal"' in status.stdout
    outputs = [text for done in (refreshed, tested, crashed, status) for text in (done.stdout, done.stderr)]
    assert leaks(tmp_path, *outputs) == []


def test_no_part_of_a_url_reaches_dagster(notified: Sandbox, tmp_path: Path) -> None:
    notified.embedded(SOURCE).unlink()
    notified.refresh(f"source/{SOURCE}")
    sensor = alerts_sensor(notified.settings, notified.contracts)
    with open_instance(notified.store.dagster_home) as instance, dg.build_sensor_context(instance=instance) as context:
        skipped = sensor(context)
        assert isinstance(skipped, dg.SkipReason)
        assert "channel hook did not accept a message" in str(skipped.skip_message)
    assert check_and_alert(notified.settings, notified.contracts) == {}, "not due again"
    assert leaks(tmp_path, str(skipped.skip_message)) == []
