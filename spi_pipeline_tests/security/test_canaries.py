"""No secret from the settings is left anywhere, whatever goes wrong; every byte of the store is searched."""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.security.reading_everything import everything
from spi_pipeline_tests.security.serving import free_port, graphql, send_request
from spi_pipeline_tests.security.ui import first_response, start_ui, stop_ui

LOGIN, PASSWORD, TOKEN, KEY, IN_FILE, ENDPOINT = (
    "canary1login", "canary2 word", "canary3token", "canary4key", "canary5file", "canary6endpoint",
)  # fmt: skip
SECRETS = {
    form.encode() for secret in (LOGIN, PASSWORD, TOKEN, KEY, IN_FILE, ENDPOINT) for form in (secret, quote(secret))
}
# Every logger writes at debug level, as when a developer looks for a fault.
DEBUG = "import logging; logging.basicConfig(level=logging.DEBUG); from spi_pipeline.cli import main; "
CRASH = "import spi_pipeline.run.runner as r; r.Runner.run = lambda *_, **__: 1 / 0; "


def leaks(folder: Path, *texts: str) -> list[str]:
    """The places where each secret appears, except the channels file, which may hold its own."""
    everything_found = [*everything(folder), *((f"text {number}", text.encode()) for number, text in enumerate(texts))]
    places = [(place, content) for place, content in everything_found if not place.endswith("channels.yaml")]
    return [f"{secret.decode()} in {place}" for place, content in places for secret in SECRETS if secret in content]


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """Settings that hold the secrets; nothing listens at the channels' addresses."""
    channels = tmp_path / "channels.yaml"
    channels.write_text(f"channels: {{team: {{url: 'json://127.0.0.1:9/{IN_FILE}'}}}}", encoding="utf-8")
    return {
        "SPI_ALERT_URLS": f"duty=json://{LOGIN}:{quote(PASSWORD)}@127.0.0.1:9/{TOKEN}",
        "SPI_ALERT_CHANNELS": str(channels),
        "SPI_NOMIS_KEY": KEY,
    }


def spi(
    sandbox: Sandbox, more: Mapping[str, str], *arguments: str, before: str = ""
) -> subprocess.CompletedProcess[str]:
    code = f"{DEBUG}{before}import sys; sys.argv = ['spi', *{arguments!r}]; main()"
    scratch = Path(sandbox.settings.store).parent / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = os.environ | sandbox.environment | {"TMPDIR": str(scratch)} | more
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)


def test_the_search_finds_a_secret_in_every_file_format(tmp_path: Path) -> None:
    secret = PASSWORD * 3_000
    pq.write_table(pa.table({"a": [secret]}), tmp_path / "1.parquet", compression="zstd")
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"b": secret}), tmp_path / "2.parquet")
    with closing(sqlite3.connect(tmp_path / "3.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (?)", [secret])
    with duckdb.connect(str(tmp_path / "4.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT ? AS a", [secret])
    (tmp_path / "5.gz").write_bytes(gzip.compress(secret.encode()))
    with zipfile.ZipFile(tmp_path / "6.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", secret)
    (tmp_path / PASSWORD).mkdir()
    (tmp_path / "8.txt").write_text(quote(PASSWORD), encoding="utf-8")
    assert {leak.rpartition("/")[2].split(".")[0] for leak in leaks(tmp_path)} >= {*"1234568"}
    assert any(leak.endswith(f"in {PASSWORD}") for leak in leaks(tmp_path))


def test_a_live_refresh_that_fails_in_every_way_leaves_no_secret(
    live: Sandbox, publishers: Publishers, secrets: dict[str, str]
) -> None:
    where = Path(live.settings.store).parent
    sources = ("background_pollution", "claimant_count")
    select = [word for source in sources for word in ("--select", f"source/{source}")]
    results = [spi(live, secrets, "refresh", "--live", *select)]
    assert results[0].returncode == 0, results[0].stderr[-3000:]
    assert any(KEY in request.query for request in publishers.requests), "the key was sent"
    # The transient fault occurs only once, or the run would use up all its waiting time.
    for kind, times in (("html", None), ("500", 1)):
        publishers.clear_faults()
        publishers.fault("*", kind, times=times)
        results.append(spi(live, secrets, "refresh", "--live", *select))
    assert any("failed" in result.stdout for result in results[1:])
    publishers.clear_faults()
    results.append(spi(live, secrets, "doctor", "--live"))
    results.append(spi(live, secrets, "refresh", "--live", *select, before=CRASH))
    bad_endpoint = {"SPI_ENDPOINT_NOMIS": f"http://{LOGIN}:{ENDPOINT}@127.0.0.1:9"}
    results.append(spi(live, secrets | bad_endpoint, "refresh", "--live", *select))
    assert results[-1].returncode == 2
    assert "SPI_ENDPOINT_NOMIS is not a base address" in results[-1].stderr
    results += [spi(live, secrets, *words) for words in (["alerts", "send"], ["status", "--json"])]
    texts = [text for result in results for text in (result.stdout, result.stderr)]
    assert any("ZeroDivisionError" in text for text in texts)
    assert any("did not accept a message" in text for text in texts)
    assert any("DEBUG" in text for text in texts)
    assert leaks(where, *texts) == []


def test_outputs_and_the_ui_contain_no_secret(sandbox: Sandbox, secrets: dict[str, str], tmp_path: Path) -> None:
    site = spi(sandbox, secrets, "site", "build", str(tmp_path / "site"))
    assert site.returncode == 0, site.stderr[-3000:]
    sandbox.embedded("local_elections_2023").unlink()
    broken = spi(sandbox, secrets, "refresh", "--select", "source/local_elections_2023")
    assert broken.returncode == 1
    port = free_port()
    process = start_ui(sandbox, secrets, "--port", str(port), "--read-only")
    try:
        pages = [
            first_response(
                port, "{ instance { id info runLauncher { name } daemonHealth { allDaemonStatuses { id } } } }"
            )
        ]
        pages.append(graphql(port, EVERYTHING_OF_ASSETS)[1])
        pages.append(graphql(port, EVERYTHING_OF_RUNS)[1])
        pages += [send_request(port, "GET", path)[1] for path in ("/", "/server_info", "/assets", "/deployment/config")]
    finally:
        stop_ui(process, signal.SIGINT)
    assert "local_elections_2023" in pages[1]
    assert '"runId"' in pages[2]
    assert not any('"errors"' in page for page in pages[:3]), pages[:3]
    assert leaks(tmp_path, *pages, site.stdout, site.stderr, broken.stdout, broken.stderr) == []


ENTRIES = """label description ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr }
  ... on UrlMetadataEntry { url } ... on JsonMetadataEntry { jsonString }"""
EVERYTHING_OF_ASSETS = f"""
{{ assetNodes {{ assetKey {{ path }} description metadataEntries {{ {ENTRIES} }}
  assetMaterializations(limit: 5) {{ runId metadataEntries {{ {ENTRIES} }} }} }} }}
"""
EVERYTHING_OF_RUNS = """
{ runsOrError { ... on Runs { results { runId runConfigYaml tags { key value } eventConnection {
  events { __typename ... on MessageEvent { message } ... on RunFailureEvent { error { message stack } } } } } } } }
"""
