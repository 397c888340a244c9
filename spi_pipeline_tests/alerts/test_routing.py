"""Events reach the channels that include them, and no error message contains any part of a URL."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline.alerts.routing import Channel, channels, redact
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline_tests.alerts.examples import BROKEN

WARNING = replace(BROKEN, severity="warning")
CENSUS = replace(BROKEN, group="ons", owner="team:census")
SILENT = replace(BROKEN, kind="silent", group="", rule="")

FILE = """
channels:
  duty: {include: {severity: [error]}, exclude: {kind: [silent]}}
  police: {url: "slack://T1secret/B2secret/C3secret", include: {group: police}}
  census: {url: "json://host/x", include: {owner: ["team:*"]}, exclude: {group: ["p*"]}}
"""


def test_channels_include_and_exclude(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(FILE, encoding="utf-8")
    configured = {channel.name: channel for channel in channels("duty=mailto://a:b@c json://all/of/it", file)}
    assert list(configured) == ["duty", "police", "census", "json-2"]
    assert configured["duty"].url == "mailto://a:b@c"
    takes = {
        name: [channel.takes(event) for event in (BROKEN, WARNING, CENSUS, SILENT)]
        for name, channel in configured.items()
    }
    assert takes == {
        "duty": [True, False, True, False],
        "police": [True, True, False, False],
        "census": [False, False, True, True],
        "json-2": [True, True, True, True],
    }


def test_blanks_or_commas_separate_urls() -> None:
    parsed = channels("mailto://a?to=x@y.z,v@w.z, duty=json://b/c\nslack://d/e/f")
    assert [(channel.name, channel.url) for channel in parsed] == [
        ("mailto-1", "mailto://a?to=x@y.z,v@w.z"),
        ("duty", "json://b/c"),
        ("slack-3", "slack://d/e/f"),
    ]
    assert channels() == []


NOT_READ = "FILE:1: cannot be read as YAML; see docs/alerts.md for an example"
NO_URL = "FILE: channel duty has no URL; write scheme://… there, or duty=URL in SPI_ALERT_URLS"
CHOICES = "severity, kind, group, owner, asset, rule"
TWICE = "a=json://s3cret a=json://s3cret2"


@pytest.mark.parametrize(
    ("urls", "text", "message"),
    [
        pytest.param("s3cret", "", "alert URL 1 is not a URL; write scheme://… or name=scheme://…, separated by blanks",
                     id="word"),
        pytest.param(TWICE, "", "two alert URLs are named a; give each its own name", id="twice"),
        pytest.param("", "channels: [s3cret", NOT_READ.replace("1", "2"), id="yaml"),
        pytest.param("", "s3cret: &s3cret\ns3cret: [*s3cret]", NOT_READ.replace("1", "2"),
                     id="twice in a file"),
        pytest.param("", "channels: " + "[" * 200_000, NOT_READ,
                     id="deep"),
        pytest.param("", "channels: {duty: {url: !!int s3cret}}",
                     NOT_READ, id="tag"),
        pytest.param("", "chanels: {}", "FILE: the only key at the top must be channels, "
                     "with an entry for each name, as in docs/alerts.md",
                     id="key"),
        pytest.param("", "channels: {duty: {urls: s3cret}}",
                     "FILE: channel duty may only have url, include and exclude", id="urls"),
        pytest.param("", "channels: {duty: }", NO_URL, id="no-url"),
        pytest.param("", "channels: {duty: {url: s3cret}}", NO_URL.replace("no URL", "an invalid URL"),
                     id="bad-url"),
        pytest.param("", "channels: {du ty: {url: s3cret}}",
                     "FILE: a channel's name is a letter followed by letters, digits, _ or -", id="name"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', include: {team: x}}}",
                     f"FILE: include of channel duty may only choose by {CHOICES}", id="choice"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', exclude: {group: [1]}}}",
                     "FILE: exclude of channel duty must list words, such as severity: [error]", id="words"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', include: {asset: []}}}",
                     "FILE: include of channel duty must list words, such as severity: [error]", id="nothing"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', include: {severity: [eror]}}}",
                     "FILE: include of channel duty: no alert can have the severity 'eror'; the nearest is "
                     "'error'", id="severity"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', exclude: {kind: [chek]}}}",
                     "FILE: exclude of channel duty: no alert can have the kind 'chek'; the nearest is "
                     "'check'", id="kind"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', include: {group: [ons, source_police]}}}",
                     "FILE: include of channel duty: no alert can have the group 'source_police'; the nearest "
                     "is 'police'", id="group"),
        pytest.param("", "channels: {duty: {url: 'json://s3cret', exclude: {group: source_*}}}",
                     "FILE: exclude of channel duty: no alert can have the group 'source_*'; the nearest is "
                     "'police'", id="pattern"),
    ],
)  # fmt: skip
def test_an_error_about_invalid_channels_does_not_show_the_url(
    tmp_path: Path, urls: str, text: str, message: str
) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpiError) as refused:
        channels(urls, file if text else "", {"group": {"police", "ons"}})
    assert str(refused.value) == message.replace("FILE", str(file))
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"no\.yaml: there is no such file; check its name and folder"):
        channels("", tmp_path / "no.yaml")


def test_redaction_leaves_no_part_of_a_url() -> None:
    channel = Channel("c", "mailtos://someone:pa%24%24word@mail.example.org:587/x?token=abcd-1234&to=she@example.org")
    text = (
        "mailtos://someone:pa%24%24word@mail.example.org:587/x?token=abcd-1234&to=she@example.org refused pa$$word of "
        "someone at mail.example.org: abcd-1234"
    )
    redacted = redact(text, [channel])
    assert redacted.startswith("mailtos://… refused … of … at …: …")


def test_a_short_login_is_redacted_too() -> None:
    channel = Channel("c", "mailtos://me:p%3B1@mail.example.org?to=she@example.org")
    assert redact("535 login of me with p;1 failed, some more to do", [channel]) == (
        "535 login of … with … failed, some more to do"
    )
