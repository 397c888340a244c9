"""``spi doctor`` from end to end: its output, its report, its requests and its exit code."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from spi_pipeline.publishers.offers import HOSTS, PROBES
from spi_pipeline.publishers.probing.visit import MOST_REQUESTS
from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every connection fail the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_visit_shows_what_it_saw_writes_a_report_and_leaves_the_store_alone(
    live: Sandbox, publishers: Publishers, spi: Command, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    said = spi(live, "doctor", "--live", "--report", str(file))
    assert "local_health at FINGERTIPS /available_data: Fingertips lists 7 of our 8 indicators" in said.err
    assert said.code == 1
    asked = [line for line in said.out.splitlines() if line.startswith("│")]
    assert len(asked) == len(PROBES)
    assert sum("as expected" in line for line in asked) >= MOST_REQUESTS - 4
    assert "Left out, since one visit makes at most 40 requests: spi doctor --live --select census_" in said.err
    assert len(publishers.requests) <= MOST_REQUESTS
    assert not Path(live.settings.store).exists(), "nothing is made in the store"

    publishers.requests.clear()
    told = spi(live, "doctor", "--compare", str(file))
    assert (told.code, publishers.requests) == (1, [])
    assert "Fingertips lists 7 of our 8 indicators" in told.err
    assert [line for line in told.out.splitlines() if line.startswith("│")] == asked


def test_a_fault_is_found_in_the_report_of_somebody_else(
    live: Sandbox, publishers: Publishers, spi: Command, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    select = ("--select", "census_car_availability")
    assert spi(live, "doctor", "--live", *select, "--report", str(file)).code == 0
    fine = spi(live, "doctor", "--compare", str(file), *select)
    assert (fine.code, fine.err) == (0, "")
    assert "no fault" in fine.out
    publishers.fault("nomis", "rename_column", column="C2021_CARS_5_NAME")
    renamed = json.loads(spi(live, "doctor", "--live", *select, "--report", str(file), "--json").out)
    publishers.clear_faults()
    compared = spi(live, "doctor", "--compare", str(file), "--json")
    assert compared.code == 1
    found = json.loads(compared.out)
    assert found["faults"] == renamed["faults"]
    (fault,) = found["faults"]
    assert (fault["probe"], fault["sources"]) == ("nomis/NM_2063_1", ["census_car_availability"])
    assert "lacks the columns c2021_cars_5_name of Nomis, it has GEOGRAPHY_CODE, C2021_CARS_5" in fault["sentence"]
    assert set(found["not_in_report"]) == PROBES.keys() - {"nomis/NM_2063_1"}


@pytest.mark.usefixtures("offline")
def test_a_report_that_somebody_tampered_with_is_shown_plainly(live: Sandbox, spi: Command, tmp_path: Path) -> None:
    shape = {"columns": ["[/red]"], "facts": {"MD5": "many"}, "links": ["a"], "periods": ["[/bold]"]}
    about = {"visited_at": "[/x]", "seconds": 1, "requests": 1, "authorities": [], "versions": {}}
    seen = [
        {"probe": "police/archives", "outcome": "received", "shape": shape},
        {"probe": "[/of another version]", "outcome": "received", "path": "[/y]"},
    ]
    report = about | {"through_proxy": False, "own_authorities": False, "observations": seen}
    (tmp_path / "report.json").write_text(json.dumps(report))
    said = spi(live, "doctor", "--compare", str(tmp_path / "report.json"))
    assert said.code == 1
    assert "can judge, found another (ValueError" in said.err
    assert "[/of another version]" in said.out
    assert "unknown to this version" in said.out


@pytest.mark.usefixtures("offline")
def test_hosts_are_listed_without_a_network(live: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said = spi(live, "doctor", "--hosts", "--json")
    found = {(row["host"], row["port"]) for row in json.loads(said.out)}
    assert {"www.nomisweb.co.uk", "policeuk-data.s3.amazonaws.com"} <= {host for host, _ in found}
    assert len(found) == len(HOSTS) + sum(len(host.redirects) for host in HOSTS.values())
    assert {port for _, port in found} == {"443"}
    monkeypatch.setenv("SPI_ENDPOINT_POLICE", "http://127.0.0.1:8900/police")
    moved = {row["host"]: row["port"] for row in json.loads(spi(live, "doctor", "--hosts", "--json").out)}
    assert moved["127.0.0.1"] == "8900"
    assert "policeuk-data.s3.amazonaws.com" not in moved


@pytest.mark.usefixtures("offline")
def test_the_machine_is_looked_at_without_a_network(
    live: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"alert_urls": SecretStr("json://john:s3cr3t@127.0.0.1")}
    live = Sandbox(live.settings.model_copy(update=secret))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    said = spi(live, "doctor")
    assert said.code == 0, said.out
    assert "SPI_ALERT_URLS" in said.out
    assert "s3cr3t" not in said.out + said.err
    assert not Path(live.settings.store).exists()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authority.pem")
    broken = {row["what"]: row for row in json.loads(spi(live, "doctor", "--json").out)}
    assert broken["certificates"]["trouble"] == "REQUESTS_CA_BUNDLE does not name a file; correct it"
    assert spi(live, "doctor").code == 1


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--report", "x.json"), "--report needs --live"),
        (("--live", "--hosts"), "give one of --live, --compare and --hosts"),
        (("--live", "--report", "/nowhere/at/all.json"), "there is no folder"),
        (("--live", "--report", "/"), "--report / is a folder; name a file in it"),
        (("--select", "census_age"), "--select needs --live or --compare"),
        (("--hosts", "--select", "census_age"), "--select needs --live or --compare"),
        (("--live", "--select", "weather"), "no endpoint serves weather; the sources are"),
        (("--live", "--select", "broadband_coverage"), "no endpoint serves broadband_coverage"),
    ],
)
def test_bad_usage_is_told_before_anybody_is_asked(
    live: Sandbox, spi: Command, arguments: tuple[str, ...], said: str
) -> None:
    found = spi(live, "doctor", *arguments)
    assert found.code == 2
    assert said in " ".join(found.err.replace("│", " ").split())


@pytest.mark.usefixtures("publishers")
def test_brackets_in_a_path_are_shown_as_they_are(live: Sandbox, spi: Command, tmp_path: Path) -> None:
    folder = tmp_path / "[/red]"
    odd = Sandbox(live.settings.model_copy(update={"store": str(folder / "store")}))
    said = spi(odd, "doctor")
    assert (said.code, said.err) == (0, "")
    assert "[/red]/store" in said.out
    folder.mkdir(parents=True)
    file = folder / "report.json"
    told = spi(odd, "doctor", "--live", "--select", "census_car_availability", "--report", str(file))
    assert file.exists()
    assert f"The results are in {file}: names, counts" in told.err


@pytest.mark.usefixtures("offline")
def test_the_setting_of_the_authorities_that_are_not_there_is_named(
    live: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nope")
    found = {row["what"]: row for row in json.loads(spi(live, "doctor", "--json").out)}
    assert found["certificates"]["trouble"] == "CURL_CA_BUNDLE does not name a file; correct it"
