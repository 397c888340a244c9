"""``docs/alerts.md``: the pipeline accepts its examples, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import yaml

from spi_pipeline.alerts.event import Kind
from spi_pipeline.alerts.routing import CHOICES, channels
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.orchestration.watching.incidents import routing_values
from spi_pipeline_tests.docs.documents import REPOSITORY, blocks, text

DOCUMENT = REPOSITORY / "docs" / "alerts.md"


def test_the_examples_are_accepted(tmp_path: Path) -> None:
    routing, _ = blocks(DOCUMENT, "yaml")
    (urls,) = re.findall(r"SPI_ALERT_URLS='([^']+)'", text(DOCUMENT))
    file = tmp_path / "channels.yaml"
    file.write_text(routing, encoding="utf-8")
    words = routing_values(load_contracts(REPOSITORY / "data_contracts"))
    assert [channel.name for channel in channels(urls, file, words)] == [*yaml.safe_load(routing)["channels"], "team"]


def test_apprise_accepts_the_urls_shown() -> None:
    import apprise

    shown = re.findall(r"`(\w+://[^`]+)`", text(DOCUMENT))
    assert len(shown) >= 4
    assert [url for url in shown if not apprise.Apprise().add(url)] == []


def test_every_filter_and_kind_is_described() -> None:
    described = text(DOCUMENT)
    assert [choice for choice in CHOICES if f"`{choice}`" not in described] == []
    assert sorted(re.findall(r"^\| `(\w+)` \|", described, re.MULTILINE)) == sorted(get_args(Kind))
