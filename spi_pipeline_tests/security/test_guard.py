"""A web page in a local browser can send commands to Dagster's web server, but not through the guard."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_graphql.schema import create_schema
from dagster_webserver.app import create_app_from_workspace_process_context
from graphql import GraphQLObjectType
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.ui.guard import Guard
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.integration.test_instance import run_asset
from spi_pipeline_tests.security.serving import PATIENCE, free_port, graphql, send_request, served
from spi_pipeline_tests.security.ui import first_response, start_ui, stop_ui

VERSION = "{ version }"
ADDRESS = "https://spi.example.org"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("home") / "dagster"
    with open_instance(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def dagster(instance: dg.DagsterInstance) -> Iterator[Any]:
    """Dagster's own application, unguarded."""
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), version="") as context:
        yield create_app_from_workspace_process_context(context)


@pytest.fixture(scope="module")
def bare(dagster: Any) -> Iterator[int]:
    with served(dagster) as port:
        yield port


@pytest.fixture(scope="module")
def guarded(dagster: Any) -> Iterator[int]:
    with served(Guard(dagster, ADDRESS)) as port:
        yield port


@pytest.fixture(scope="module")
def reader(dagster: Any) -> Iterator[int]:
    with served(Guard(dagster, ADDRESS, read_only=True)) as port:
        yield port


@pytest.fixture
def run_id(instance: dg.DagsterInstance) -> str:
    """A run that a page might try to delete."""
    return run_asset(Path(instance.root_directory))


def deletion(run_id: str) -> str:
    return f'mutation {{ deleteRun(runId: "{run_id}") {{ __typename }} }}'


def by_get(port: int, run_id: str) -> int:
    return send_request(port, "GET", f"/graphql?query={quote(deletion(run_id))}")[0]


def by_form(port: int, run_id: str) -> int:
    """Browsers send forms without the server's consent; Dagster then reads the query in the address."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return send_request(port, "POST", f"/graphql?query={quote(deletion(run_id))}", form, "a=b")[0]


def by_plain_text(port: int, run_id: str) -> int:
    return send_request(port, "POST", f"/graphql?query={quote(deletion(run_id))}", {"Content-Type": "text/plain"}, "a")[
        0
    ]


def from_elsewhere(port: int, run_id: str) -> int:
    return graphql(port, deletion(run_id), Origin="https://evil.example")[0]


def from_another_port(port: int, run_id: str) -> int:
    return graphql(port, deletion(run_id), Origin=f"http://127.0.0.1:{port + 1}")[0]


def from_a_sandbox(port: int, run_id: str) -> int:
    return graphql(port, deletion(run_id), Origin="null")[0]


def rebound(port: int, run_id: str) -> int:
    """DNS rebinding: the page's name resolves to this machine, so the browser takes it for the page's own server."""
    return graphql(port, deletion(run_id), Host=f"evil.example:{port}", Origin=f"http://evil.example:{port}")[0]


WAYS = [by_get, by_form, by_plain_text, from_elsewhere, from_another_port, from_a_sandbox, rebound]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_page_can_delete_a_run_of_bare_dagster_but_not_behind_the_guard(
    way: Any, bare: int, guarded: int, instance: dg.DagsterInstance, run_id: str
) -> None:
    assert way(guarded, run_id) == 403
    assert instance.get_run_by_id(run_id)
    assert way(bare, run_id) == 200
    assert instance.get_run_by_id(run_id) is None, "otherwise this way of sending the request proves nothing"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:8080", "Origin": "http://localhost:8080"},
        {"Host": "[::1]:3000", "Origin": "http://[::1]:3000"},
        {"Host": "spi.example.org", "Origin": ADDRESS},
        {"Origin": ADDRESS},
    ],
    ids=["a local program", "a tunnel", "IPv6", "a proxy that keeps the name", "a proxy that does not"],
)
def test_permitted_clients_can_send_commands(
    headers: dict[str, str], guarded: int, instance: dg.DagsterInstance, run_id: str
) -> None:
    assert graphql(guarded, deletion(run_id), **headers)[0] == 200
    assert instance.get_run_by_id(run_id) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": None},
        {"Host": ""},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example:3000"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "127.0.0.1:3000:80"},
        {"Host": "spi.example.org:81"},
        {"Host": "spi.example.org", "Origin": "http://spi.example.org"},
        {"Host": "spi.example.org", "Origin": "https://spi.example.org.evil.example"},
        {"Origin": ""},
    ],
    ids=str,
)
def test_similar_host_names_are_refused_with_a_readable_error(headers: dict[str, str], guarded: int) -> None:
    status, body = graphql(guarded, VERSION, **headers)
    assert status == 403
    assert "SPI_UI_URL" in json.loads(body)["errors"][0]["message"]


def test_a_foreign_page_sees_nothing_and_cannot_embed_the_ui(guarded: int) -> None:
    assert send_request(guarded, "GET", "/server_info", {"Host": "evil.example"})[0] == 403
    status, page = send_request(guarded, "GET", "/graphql", {"Accept": "text/html"})
    assert (status, "GraphiQL" in page) == (200, True)
    with urlopen(f"http://127.0.0.1:{guarded}/server_info", timeout=PATIENCE) as response:
        assert response.headers["x-frame-options"] == "SAMEORIGIN"


def websocket_opens(port: int, origin: str | None, host: str = "") -> bool:
    """Whether a websocket opens and responds."""
    headers = {"Host": host} if host else {}
    try:
        with connect(
            f"ws://127.0.0.1:{port}/graphql",
            origin=origin,
            subprotocols=["graphql-ws"],
            additional_headers=headers,
            open_timeout=PATIENCE,
        ) as opened:
            opened.send(json.dumps({"type": "connection_init"}))
            return bool(json.loads(opened.recv(timeout=PATIENCE))["type"] == "connection_ack")
    except InvalidStatus:
        return False


def test_a_foreign_page_cannot_open_a_websocket(bare: int, guarded: int) -> None:
    assert websocket_opens(bare, "https://evil.example"), "otherwise this test proves nothing"
    assert not websocket_opens(guarded, "https://evil.example")
    assert not websocket_opens(guarded, "null")
    assert websocket_opens(guarded, f"http://127.0.0.1:{guarded}")
    assert websocket_opens(guarded, ADDRESS)
    assert websocket_opens(guarded, None)


def test_a_websocket_changes_nothing(guarded: int, instance: dg.DagsterInstance, run_id: str) -> None:
    """This is why a read-only server may allow websockets."""
    address = f"ws://127.0.0.1:{guarded}/graphql"
    with connect(address, subprotocols=["graphql-ws"], open_timeout=PATIENCE) as opened:
        opened.send(json.dumps({"type": "start", "id": "1", "payload": {"query": deletion(run_id)}}))
        assert json.loads(opened.recv(timeout=PATIENCE))["type"] == "error"
    assert instance.get_run_by_id(run_id)


def test_a_read_only_server_shows_everything_and_changes_nothing(
    reader: int, instance: dg.DagsterInstance, run_id: str
) -> None:
    runs_query = "query seen { runsOrError { ... on Runs { results { runId } } } }"
    status, response = graphql(reader, runs_query)
    assert status == 200
    assert run_id in response
    for query in (deletion(run_id), f"{runs_query} {deletion(run_id)}", "fragment f on Query { version }", "{", ""):
        assert graphql(reader, query) == (403, '{"errors":[{"message":"this server is read-only"}]}')
    for body in ("", "[]", "null", '{"query": 1}', "[" * 100_000, json.dumps({"query": "{a" * 100_000})):
        assert send_request(reader, "POST", "/graphql", {"Content-Type": "application/json"}, body)[0] == 403
    for path in ("materialization", "check", "observation"):
        assert send_request(reader, "POST", f"/report_asset_{path}/trivial")[0] == 403
    assert instance.get_run_by_id(run_id)


def test_a_read_only_server_passes_no_mutation_to_dagster(reader: int) -> None:
    """Dagster checks no permission for some mutations, such as a sensor's dry run, which could send an alert."""
    mutation = create_schema().graphql_schema.mutation_type
    assert isinstance(mutation, GraphQLObjectType)
    assert len(mutation.fields) > 30
    for name in mutation.fields:
        assert graphql(reader, f"mutation {{ {name} }}")[0] == 403


@given(method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]),
       path=st.text(st.sampled_from("/graphql?q=%2F{}.a"), max_size=20),
       name=st.sampled_from(["Host", "Origin", "Content-Type"]),
       value=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
       body=st.binary(max_size=60))  # fmt: skip
def test_every_request_gets_a_response_without_a_server_error(
    guarded: int, method: str, path: str, name: str, value: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json", name: value.strip()}
    status, _ = send_request(guarded, method, f"/{path}", headers, body)
    assert status < 500 or status == 501


def test_the_command_starts_both_servers_behind_the_guard(sandbox: Sandbox) -> None:
    """One server takes commands and runs ticks, the other is read-only; both stop at Ctrl-C."""
    full, reader = free_port(), free_port()
    processes = [
        start_ui(sandbox, {}, "--port", str(full)),
        start_ui(sandbox, {}, "--port", str(reader), "--read-only"),
    ]
    try:
        for port in (full, reader):
            assert "version" in first_response(port, VERSION)
            assert graphql(port, VERSION, Origin="https://evil.example")[0] == 403
            assert send_request(port, "GET", "/", {"Host": "evil.example"})[0] == 403
        assert graphql(reader, "mutation { setNuxSeen }")[0] == 403
        assert graphql(full, "mutation { setNuxSeen }")[0] == 200
        permissions_query = "{ permissions { permission value } }"
        assert '"value":true' not in graphql(reader, permissions_query)[1]
        assert '"value":true' in graphql(full, permissions_query)[1]
    finally:
        exit_codes = [stop_ui(process, signal.SIGINT) for process in processes]
    assert all(code >= 0 for code in exit_codes), "each server closes its own resources"
