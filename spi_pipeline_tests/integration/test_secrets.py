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
def told(sandbox: Sandbox, hook: Inbox, tmp_path: Path) -> Sandbox:
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


def test_no_part_of_a_url_is_printed_kept_or_told_in_a_crash(told: Sandbox, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    told.embedded(SOURCE).unlink()
    refreshed = spi(told, scratch, "", "refresh", "--select", f"source/{SOURCE}")
    assert "channel hook did not accept a message" in refreshed.stderr
    assert "channel team did not accept a message" in refreshed.stderr
    tried = spi(told, scratch, "", "alerts", "test")
    assert "hook: refused" in tried.stdout
    assert "DEBUG" in tried.stderr, "loggers write what they are told"
    crashed = spi(told, scratch, CRASH, "alerts", "send")
    assert "spi broke in our own code (ZeroDivisionError" in crashed.stderr
    assert list(scratch.glob("spi-*.log"))
    status = spi(told, scratch, "", "status", "--json")
    assert '"refusal"' in status.stdout
    said = [text for done in (refreshed, tried, crashed, status) for text in (done.stdout, done.stderr)]
    assert leaks(tmp_path, *said) == []


def test_no_part_of_a_url_reaches_dagster(told: Sandbox, tmp_path: Path) -> None:
    told.embedded(SOURCE).unlink()
    told.refresh(f"source/{SOURCE}")
    sensor = alerts_sensor(told.settings, told.contracts)
    with open_instance(told.store.dagster_home) as instance, dg.build_sensor_context(instance=instance) as context:
        skipped = sensor(context)
        assert isinstance(skipped, dg.SkipReason)
        assert "channel hook did not accept a message" in str(skipped.skip_message)
    assert check_and_alert(told.settings, told.contracts) == {}, "not due again"
    assert leaks(tmp_path, str(skipped.skip_message)) == []
