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
        raise AssertionError("a request was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_visit_shows_its_results_writes_a_report_and_leaves_the_store_alone(
    live: Sandbox, publishers: Publishers, spi: Command, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    result = spi(live, "doctor", "--live", "--report", str(file))
    assert "local_health at FINGERTIPS /available_data: Fingertips lists 7 of our 8 indicators" in result.err
    assert result.code == 1
    lines = [line for line in result.out.splitlines() if line.startswith("│")]
    assert len(lines) == len(PROBES)
    assert sum("as expected" in line for line in lines) >= MOST_REQUESTS - 4
    assert "Left out, since one visit makes at most 40 requests: spi doctor --live --select census_" in result.err
    assert len(publishers.requests) <= MOST_REQUESTS
    assert not Path(live.settings.store).exists(), "nothing is written to the store"

    publishers.requests.clear()
    compared = spi(live, "doctor", "--compare", str(file))
    assert (compared.code, publishers.requests) == (1, [])
    assert "Fingertips lists 7 of our 8 indicators" in compared.err
    assert [line for line in compared.out.splitlines() if line.startswith("│")] == lines


def test_a_fault_is_found_in_a_report_from_elsewhere(
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
    report = json.loads(compared.out)
    assert report["faults"] == renamed["faults"]
    (fault,) = report["faults"]
    assert (fault["probe"], fault["sources"]) == ("nomis/NM_2063_1", ["census_car_availability"])
    assert "lacks the columns c2021_cars_5_name of Nomis, it has GEOGRAPHY_CODE, C2021_CARS_5" in fault["sentence"]
    assert set(report["not_in_report"]) == PROBES.keys() - {"nomis/NM_2063_1"}


@pytest.mark.usefixtures("offline")
def test_markup_in_a_manipulated_report_is_shown_literally(live: Sandbox, spi: Command, tmp_path: Path) -> None:
    shape = {"columns": ["[/red]"], "facts": {"MD5": "many"}, "links": ["a"], "periods": ["[/bold]"]}
    about = {"visited_at": "[/x]", "seconds": 1, "requests": 1, "authorities": [], "versions": {}}
    seen = [
        {"probe": "police/archives", "outcome": "received", "shape": shape},
        {"probe": "[/of another version]", "outcome": "received", "path": "[/y]"},
    ]
    report = about | {"through_proxy": False, "own_authorities": False, "observations": seen}
    (tmp_path / "report.json").write_text(json.dumps(report))
    result = spi(live, "doctor", "--compare", str(tmp_path / "report.json"))
    assert result.code == 1
    assert "can judge, found another (ValueError" in result.err
    assert "[/of another version]" in result.out
    assert "unknown to this version" in result.out


@pytest.mark.usefixtures("offline")
def test_hosts_are_listed_without_a_network(live: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    result = spi(live, "doctor", "--hosts", "--json")
    listed = {(row["host"], row["port"]) for row in json.loads(result.out)}
    assert {"www.nomisweb.co.uk", "policeuk-data.s3.amazonaws.com"} <= {host for host, _ in listed}
    assert len(listed) == len(HOSTS) + sum(len(host.redirects) for host in HOSTS.values())
    assert {port for _, port in listed} == {"443"}
    monkeypatch.setenv("SPI_ENDPOINT_POLICE", "http://127.0.0.1:8900/police")
    moved = {row["host"]: row["port"] for row in json.loads(spi(live, "doctor", "--hosts", "--json").out)}
    assert moved["127.0.0.1"] == "8900"
    assert "policeuk-data.s3.amazonaws.com" not in moved


@pytest.mark.usefixtures("offline")
def test_the_machine_is_checked_without_a_network(live: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {"alert_urls": SecretStr("json://john:s3cr3t@127.0.0.1")}
    live = Sandbox(live.settings.model_copy(update=secret))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    result = spi(live, "doctor")
    assert result.code == 0, result.out
    assert "SPI_ALERT_URLS" in result.out
    assert "s3cr3t" not in result.out + result.err
    assert not Path(live.settings.store).exists()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authority.pem")
    checks = {row["what"]: row for row in json.loads(spi(live, "doctor", "--json").out)}
    assert checks["certificates"]["trouble"] == "REQUESTS_CA_BUNDLE does not name a file; correct it"
    assert spi(live, "doctor").code == 1


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_bad_usage_is_refused_before_any_request(
    live: Sandbox, spi: Command, arguments: tuple[str, ...], message: str
) -> None:
    result = spi(live, "doctor", *arguments)
    assert result.code == 2
    assert message in " ".join(result.err.replace("│", " ").split())


@pytest.mark.usefixtures("publishers")
def test_brackets_in_a_path_are_shown_literally(live: Sandbox, spi: Command, tmp_path: Path) -> None:
    folder = tmp_path / "[/red]"
    odd = Sandbox(live.settings.model_copy(update={"store": str(folder / "store")}))
    result = spi(odd, "doctor")
    assert (result.code, result.err) == (0, "")
    assert "[/red]/store" in result.out
    folder.mkdir(parents=True)
    file = folder / "report.json"
    visit = spi(odd, "doctor", "--live", "--select", "census_car_availability", "--report", str(file))
    assert file.exists()
    assert f"The results are in {file}: names, counts" in visit.err


@pytest.mark.usefixtures("offline")
def test_the_setting_that_names_a_missing_certificate_file_is_reported(
    live: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nope")
    checks = {row["what"]: row for row in json.loads(spi(live, "doctor", "--json").out)}
    assert checks["certificates"]["trouble"] == "CURL_CA_BUNDLE does not name a file; correct it"
