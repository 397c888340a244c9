"""Alerts about runs: each kind of alert, as it arrives at a webhook."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from dagster import AssetKey, DagsterInstance
from pydantic import SecretStr

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.watching.alerting import check_and_alert
from spi_pipeline.orchestration.watching.incidents import routing_values
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.run.reader import Reader
from spi_pipeline_tests.alerts.servers import Inbox, webhook
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox, column, empty_sandbox

SOURCE = "local_elections_2023"
# This source alone suffices: nothing downstream changes while its last good version stays in use.
ONLY = ("--select", f"source/{SOURCE}")
NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)


@pytest.fixture
def hook() -> Iterator[Inbox]:
    with webhook() as inbox:
        yield inbox


def notified_at(sandbox: Sandbox, hook: Inbox) -> Sandbox:
    return replace(sandbox, settings=sandbox.settings.model_copy(update={"alert_urls": SecretStr(f"hook={hook.url}")}))


def new_titles(hook: Inbox) -> list[str]:
    """The titles of the messages since the last call, without the prefix."""
    titles = [title.removeprefix("[spi_pipeline] ") for title in hook.titles]
    hook.received.clear()
    return titles


def negative(table: pa.Table) -> pa.Table:
    return column(table, "electorate", lambda values: [-1, *values[1:]])


def test_a_broken_rule_is_reported_once_and_so_is_its_resolution(sandbox: Sandbox, hook: Inbox, spi: Command) -> None:
    sandbox = notified_at(sandbox, hook)
    assert spi(sandbox, "alerts", "send").code == 0  # nothing fails, so no alert is sent
    sandbox.rewrite(SOURCE, negative)
    for _ in range(2):  # the second time the failure is already known
        result = spi(sandbox, "refresh", *ONLY)
        assert result.code == 1
        assert "alerts:" not in result.err
    ((title, body),) = hook.received
    status = json.loads(spi(sandbox, "status", "--json").out)
    assert title == f"[spi_pipeline] Failed: {SOURCE} breaks its rule between_electorate (and 1 more)"
    for fact in (
        f"Failed (error): {SOURCE} breaks its rule between_electorate",
        f"Failed (error): source/{SOURCE} is stale, a new version is in quarantine",
        f"Asset: source/{SOURCE}",
        "Rule: between_electorate",
        "Observed: 1 of ",
        "Expected: between ",
        "electorate=-1",
        "Since: ",
        "Depends on it: indicator turnout, electoral_registration; component rights_and_voice; dimension opportunity; "
        "index social_progress_index; the published database",
        "Ask: team:social-progress, social-progress (Issues of the repository that holds this contract); publisher: "
        "House of Commons Library",
        f"Link: http://127.0.0.1:3000/runs/{status['runs'][1]['run_id']}",
    ):
        assert fact in body, fact
    assert (status["healthy"], status["last_run"]["state"]) == (False, "failed")
    assert any(trouble.startswith(f"table {SOURCE} has been stale since ") for trouble in status["trouble"])
    new_titles(hook)
    sandbox.restore_figures()
    assert spi(sandbox, "refresh", *ONLY).code == 0
    assert new_titles(hook) == [f"Resolved: {SOURCE} breaks its rule between_electorate (and 1 more)"]
    assert json.loads(spi(sandbox, "status", "--json").out)["healthy"]


def test_the_owner_of_a_contract_receives_the_alerts_about_its_tables(
    sandbox: Sandbox, hook: Inbox, spi: Command, tmp_path: Path
) -> None:
    with webhook() as elections:
        routes = {
            "elections": {"url": elections.url, "include": {"owner": ["team:elections"]}},
            "others": {"url": hook.url, "exclude": {"owner": ["team:elections"]}},
        }
        channels = tmp_path / "channels.yaml"
        channels.write_text(json.dumps({"channels": routes}), encoding="utf-8")  # JSON is YAML
        sandbox = replace(sandbox, settings=sandbox.settings.model_copy(update={"alert_channels": str(channels)}))
        sandbox.amend(f"sources/{SOURCE}.yaml", "name: social-progress", "name: elections")
        sandbox.rewrite(SOURCE, negative)
        sandbox.rewrite("census_car_availability", lambda table: table.slice(table.num_rows // 2))
        assert spi(sandbox, "refresh", *ONLY, "--select", "source/census_car_availability").code == 1
        (theirs,), (ours,) = elections.received, hook.received
    assert "local_elections_2023 breaks its rule between_electorate" in theirs[1]
    assert "Ask: team:elections" in theirs[1]
    assert "census_car_availability" not in "".join(theirs)
    assert "census_car_availability breaks its rule" in ours[1]
    assert "Ask: team:social-progress" in ours[1]
    assert SOURCE not in "".join(ours)


def routed(sandbox: Sandbox, file: Path, url: str, **include: str) -> Sandbox:
    """The sandbox with one channel, which takes only the alerts that ``include`` selects."""
    routes = {"channels": {"duty": {"url": url, "include": include}}}
    file.write_text(json.dumps(routes), encoding="utf-8")  # JSON is YAML
    return replace(sandbox, settings=sandbox.settings.model_copy(update={"alert_channels": str(file)}))


def test_a_route_selects_alerts_by_the_group_of_a_contract(
    sandbox: Sandbox, hook: Inbox, spi: Command, tmp_path: Path
) -> None:
    group = sandbox.contracts.sources[SOURCE].properties.group
    sandbox = routed(sandbox, tmp_path / "channels.yaml", hook.url, group=group)
    sandbox.rewrite(SOURCE, negative)
    sandbox.rewrite("census_car_availability", lambda table: table.slice(table.num_rows // 2))
    assert spi(sandbox, "refresh", *ONLY, "--select", "source/census_car_availability").code == 1
    assert new_titles(hook) == [f"Failed: {SOURCE} breaks its rule between_electorate (and 1 more)"]


@pytest.mark.parametrize(
    ("choice", "word", "nearest"),
    [
        ("group", "source_police", "police"),
        ("owner", "social-progress", "team:social-progress"),
        ("asset", "street_crime", "source/street_crime"),
        ("rule", "row_counts", "row_count"),
    ],
)
def test_a_route_by_a_value_that_no_alert_has_is_refused(
    refreshed: Sandbox, spi: Command, tmp_path: Path, choice: str, word: str, nearest: str
) -> None:
    file = tmp_path / "channels.yaml"
    sandbox = routed(refreshed, file, "json://127.0.0.1:9/a-secret-token", **{choice: word})
    refused = f"{file}: include of channel duty: no alert can have the {choice} {word!r}; the nearest is {nearest!r}\n"
    for command in (("alerts", "test"), ("alerts", "send"), ("contracts", "lint")):
        result = spi(sandbox, *command)
        assert (result.code, result.out, result.err) == (1, "", refused), command
    assert json.loads(spi(sandbox, "status", "--json").out)["alerts_fault"] + "\n" == refused


def test_a_refused_route_does_not_fail_a_refresh(sandbox: Sandbox, spi: Command, tmp_path: Path) -> None:
    sandbox = routed(sandbox, tmp_path / "channels.yaml", "json://127.0.0.1:9/a-secret-token", group="polic")
    result = spi(sandbox, "refresh")
    assert result.code == 0
    assert result.err.endswith("no alert can have the group 'polic'; the nearest is 'police'\n")


def test_routes_accept_every_evaluated_rule(refreshed: Sandbox) -> None:
    judged = refreshed.store.read_runs("check_result")
    assert judged is not None
    assert set(judged["rule"].to_pylist()) <= routing_values(refreshed.contracts)["rule"]


def test_an_alert_resolves_when_its_rule_leaves_the_contract(sandbox: Sandbox, hook: Inbox, spi: Command) -> None:
    sandbox = notified_at(sandbox, hook)
    assert spi(sandbox, "alerts", "send").code == 0
    sandbox.rewrite(SOURCE, lambda table: column(table, "turnout", lambda values: [30.0] * len(values)))
    assert spi(sandbox, "refresh", *ONLY).code == 0, "a warning stops nothing, and the run is green"
    assert new_titles(hook) == [f"Failed: {SOURCE} breaks its rule turnout_varies"]
    sandbox.amend(f"sources/{SOURCE}.yaml", "{id: turnout_varies,", "{id: not_all_alike,")
    assert spi(sandbox, "refresh", *ONLY).code == 0
    assert hook.text.count(f"Failed (warning): {SOURCE} breaks its rule not_all_alike") == 1
    assert hook.text.count(f"Resolved: {SOURCE} breaks its rule turnout_varies") == 1


def test_samples_show_only_places_times_categories_and_identifiers(refreshed: Sandbox) -> None:
    """Samples hold the columns of the rule and the key; no text column is about a person."""
    texts = [
        (source.id, column.name, column.concept)
        for source in refreshed.contracts.sources.values()
        for column in source.columns
        if column.type == "string"
    ]
    assert texts
    assert [text for text in texts if text[2] not in ("place", "time", "category", "identifier")] == []


def test_figures_that_cannot_be_read_are_reported_as_stale(sandbox: Sandbox, hook: Inbox) -> None:
    sandbox = notified_at(sandbox, hook)
    check_and_alert(sandbox.settings, sandbox.contracts)
    sandbox.embedded(SOURCE).unlink()
    sandbox.refresh(f"source/{SOURCE}")
    check_and_alert(sandbox.settings, sandbox.contracts)
    assert f"source/{SOURCE} is stale, no new version could be made" in hook.text
    assert "stays in use" in hook.text
    assert new_titles(hook) == [f"Failed: {SOURCE} could not be computed (and 1 more)"]
    sandbox.restore_figures()
    sandbox.refresh(f"source/{SOURCE}")
    check_and_alert(sandbox.settings, sandbox.contracts)
    assert new_titles(hook) == [f"Resolved: {SOURCE} could not be computed (and 1 more)"]


def run_as_the_ui_does(sandbox: Sandbox, instance: DagsterInstance) -> str:
    """Run one source through the job, without the command, and return the id of the run."""
    job = build_definitions(sandbox.settings).resolve_job_def("refresh")
    chosen = [AssetKey(["source", SOURCE])]
    return job.execute_in_process(instance=instance, asset_selection=chosen, raise_on_error=False).run_id


def test_a_failed_run_of_the_ui_is_reported_with_its_root_cause(
    tmp_path_factory: pytest.TempPathFactory, hook: Inbox
) -> None:
    sandbox = notified_at(empty_sandbox(tmp_path_factory.mktemp("sandbox")), hook)
    with open_instance(sandbox.store.dagster_home) as instance:
        good = run_as_the_ui_does(sandbox, instance)
        check_and_alert(sandbox.settings, sandbox.contracts)
        assert new_titles(hook) == []
        sandbox.embedded(SOURCE).unlink()
        (sandbox.store.root / "tables" / SOURCE / "current.json").unlink()
        bad = run_as_the_ui_does(sandbox, instance)
        for _ in range(2):
            check_and_alert(sandbox.settings, sandbox.contracts)
        assert [title for title in hook.titles if "the run" in title] == [
            "[spi_pipeline] Failed: the run refresh failed"
        ]
        (body,) = [body for title, body in hook.received if "the run" in title]
        assert f"Observed: source_{SOURCE}: no good version of {SOURCE}: source {SOURCE} has no embedded table" in body
        assert "the run that the UI started succeeds" in body
        assert f"/runs/{bad}" in body
        new_titles(hook)

        stopped = instance.create_run_for_job(build_definitions(sandbox.settings).resolve_job_def("rebuild_index"))
        instance.report_run_canceled(stopped)
        check_and_alert(sandbox.settings, sandbox.contracts)
        assert "Observed: stopped before its end" in hook.text
        assert new_titles(hook) == ["Failed: the run rebuild_index was stopped"]

        sandbox.restore_figures()
        run_as_the_ui_does(sandbox, instance)
        check_and_alert(sandbox.settings, sandbox.contracts)
        # A successful refresh resolves all of them; the sixth message in ten minutes is a digest.
        for about in (f"{SOURCE} could not be computed", "the run refresh failed", "the run rebuild_index was stopped"):
            assert hook.text.count(f"Resolved: {about}") == 1
        assert new_titles(hook) == ["Digest: resolved 3"]
    listed = {run["run_id"]: run for run in status_of(sandbox.settings)["runs"]}
    assert {run["launched_by"] for run in listed.values()} == {"the UI"}
    assert (listed[good]["state"], listed[bad]["state"], listed[stopped.run_id]["state"]) == (
        "succeeded",
        "failed",
        "stopped",
    )
    assert listed[bad]["failed_checks"] == 1


def test_a_source_overdue_at_its_publisher_is_reported_until_it_is_published(
    refreshed: Sandbox, hook: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In snapshot mode "today" is the date of the snapshot, whatever the clock shows."""
    contracts = refreshed.contracts
    source = contracts.sources["street_crime"]
    live = replace(source, properties=source.properties.model_copy(update={"mode": "live"}))
    contracts = replace(contracts, sources=contracts.sources | {source.id: live})
    taken = Reader(refreshed.store, contracts, refreshed.settings.figures(contracts.geography)).as_of
    published = taken - dt.timedelta(days=31 + 31 + 7)

    def publish_on(day: dt.date) -> None:
        """Let the police have published the newest month on that day; no other source has a publication date."""
        origins = [{"published_at": f"{day}T09:00:00+00:00"}]
        monkeypatch.setattr(Reader, "origins", lambda _, name: origins if name == source.id else [])

    publish_on(published)
    settings = notified_at(refreshed, hook).settings
    monkeypatch.setattr("spi_pipeline.storage.store.Store.alerts", tmp_path)
    for years in (0, 10):
        check_and_alert(settings, contracts, NOW + years * dt.timedelta(days=365))
    alert = "street_crime is overdue at its publisher"
    ((_, body),) = [message for message in hook.received if f"Failed: {alert}" in message[0]]
    assert f"Since: {taken - dt.timedelta(days=7):%Y-%m-%d} 00:00 UTC" in body
    assert [head for head in new_titles(hook) if alert in head] == [f"Failed: {alert}", f"Still failing: {alert}"]
    publish_on(taken)
    check_and_alert(settings, contracts, NOW + dt.timedelta(days=3651))
    assert f"Resolved: {alert}" in new_titles(hook)


def test_a_test_message_names_the_channels_and_no_secret(refreshed: Sandbox, hook: Inbox, spi: Command) -> None:
    result = spi(notified_at(refreshed, hook), "alerts", "test")
    assert (result.code, result.out, result.err) == (0, "hook: accepted\n", "")
    hook.response_status = 403
    result = spi(notified_at(refreshed, hook), "alerts", "test", "--json")
    (row,) = json.loads(result.out)
    assert (result.code, row["channel"], row["accepted"]) == (1, "hook", False)
    assert "403" in row["reason"]
    assert "secret" not in result.out + result.err
    for command in ("test", "send"):
        unconfigured = spi(refreshed, "alerts", command)
        assert unconfigured.code == 1
        assert unconfigured.err.startswith("no alert channel is set up: set SPI_ALERT_URLS")
    odd = replace(refreshed, settings=refreshed.settings.model_copy(update={"alert_urls": SecretStr("a-secret-word")}))
    result = spi(odd, "alerts", "send")
    assert result.code == 1
    assert "alert URL 1 is not a URL" in result.err
    assert "secret" not in result.err
