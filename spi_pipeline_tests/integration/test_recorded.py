"""The live sources on recorded responses, from the folder that SPI_RECORDING names or recorded by these tests.

Someone with access to the publishers records their responses (``spi refresh --live --record FOLDER``). These tests then
run the parsers and contracts on the recording anywhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from spi_pipeline.orchestration.refresh import Fetching, refresh
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.run.activity import with_activity
from spi_pipeline.run.result import StepResult
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox, empty_sandbox
from spi_pipeline_tests.integration.test_live import run

# One requested by form and from an archive, one by page, one with files of two publishers, one an export.
SOURCES = ("street_crime", "wards", "background_pollution", "local_elections")


@dataclass(frozen=True)
class Recording:
    """A recording, and the sandbox whose refresh made it, or None for a recording from SPI_RECORDING."""

    folder: Path
    made_by: Sandbox | None

    @property
    def about(self) -> dict[str, dict[str, bool]]:
        content: dict[str, dict[str, bool]] = json.loads((self.folder / "about.json").read_text())
        return content

    @property
    def received(self) -> list[str]:
        return sorted(name for name, received in self.about["had"].items() if received)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    given = os.environ.get("SPI_RECORDING")
    if given:
        yield Recording(Path(given), None)
        return
    folder = tmp_path_factory.mktemp("recording")
    made_by = _live(folder / "sandbox", "2023-11")
    with pytest.MonkeyPatch.context() as patch, local_publishers(months=6) as served:
        point(patch, served.bases)
        contracts = with_activity(made_by.contracts, made_by.settings)
        done = refresh(made_by.settings, contracts, SOURCES, fetching=Fetching(record=folder / "answers"))
        assert (done.faults, done.state) == ([], "succeeded")
    yield Recording(folder / "answers", made_by)


@pytest.fixture
def replayed(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publishers]:
    with local_publishers(replay=recording.folder) as served:
        point(monkeypatch, served.bases)
        yield served


@pytest.fixture
def live(recording: Recording, tmp_path: Path) -> Sandbox:
    return _live(tmp_path, str(recording.about["since"]))


def _live(folder: Path, since: str) -> Sandbox:
    folder.mkdir(exist_ok=True)
    return Sandbox(empty_sandbox(folder).settings.model_copy(update={"mode": "live", "since": since}))


def _states(outcomes: dict[str, StepResult], names: Sequence[str]) -> dict[str, tuple[str, str]]:
    return {name: (outcomes[name].state, outcomes[name].message) for name in names}


def test_every_recorded_source_keeps_its_contract(recording: Recording, replayed: Publishers, live: Sandbox) -> None:
    outcomes = run(live, *recording.received)
    assert _states(outcomes, recording.received) == dict.fromkeys(recording.received, ("written", ""))
    if recording.made_by:
        assert recording.received == sorted(SOURCES)
        for name in recording.received:
            assert live.store.read(name).equals(recording.made_by.store.read(name)), name
        assert {request.status for request in replayed.requests} <= {200, 404}
    request_count = len(replayed.requests)
    again = run(live, *recording.received)
    assert _states(again, recording.received) == dict.fromkeys(recording.received, ("unchanged", ""))
    assert len(replayed.requests) < 2 * request_count, "final responses are not requested again"


def test_a_failure_keeps_the_current_version(
    recording: Recording, replayed: Publishers, live: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)
    name = recording.received[0]
    run(live, name)
    before = live.digests()
    replayed.fault("*", "reset", times=1)
    replayed.fault("*", "cut_body", times=1)
    assert _states(run(live, name), [name]) == {name: ("unchanged", "")}
    replayed.fault("*", "503")
    (broken,) = _states(run(live, name), [name]).values()
    assert (broken[0], "tried 4 times" in broken[1]) == ("kept", True)
    assert live.digests() == before


def test_a_recording_reveals_nothing_about_its_author(recording: Recording) -> None:
    texts = [file.read_text() for file in recording.folder.glob("*.json")]
    assert len(texts) > len(recording.received)
    for text in texts:
        for word in ("127.0.0.1", "localhost", str(Path.home()), str(recording.folder), "User-Agent", "Cookie"):
            assert word not in text
    requests = [json.loads(text) for text in texts if "endpoint" in json.loads(text)]
    assert {one["url"].startswith(HOSTS[one["endpoint"]].base) for one in requests} == {True}
    assert {(recording.folder / one["body"]).is_file() for one in requests} == {True}


def test_a_source_that_was_not_recorded_is_reported(recording: Recording, replayed: Publishers, live: Sandbox) -> None:
    others = [name for name in ("census_residents", "stop_and_search") if name not in recording.about["had"]]
    if recording.made_by:
        assert others
    if not others:
        pytest.skip("the recording that SPI_RECORDING names has responses for every source tried here")
    for name in others:
        outcome = run(live, name)[f"downloads/{name}"]
        assert (outcome.state, "responded with 404" in outcome.message) == ("failed", True)


def test_the_command_records_and_reports_what_it_waits_for(
    live: Sandbox, publishers: Publishers, spi: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.pace.WaitReporter.may_report", lambda _voice: True)
    folder = tmp_path / "answers"
    publishers.fault("stats19", "503", times=1)
    result = spi(live, "refresh", "--live", "--select", "source/road_collisions", "--record", str(folder))
    assert result.code == 0
    lines = [line for line in result.err.splitlines() if line.startswith("road_collisions: ")]
    assert "; next try in " in lines[0]
    assert lines[1] == "road_collisions: 2 requests so far"
    assert json.loads((folder / "about.json").read_text())["had"] == {"road_collisions": True}
    assert len(list(folder.glob("*.body"))) == 1
    snapshot = Sandbox(live.settings.model_copy(update={"mode": "snapshot", "since": ""}))
    refused = spi(snapshot, "refresh", "--record", str(folder))
    assert (refused.code, "--record needs --live" in refused.err) == (2, True)
