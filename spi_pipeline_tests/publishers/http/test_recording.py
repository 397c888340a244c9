"""The parts of requests and responses that a recording stores, and those it leaves out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.recording import Recording
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline_tests.publishers.http import clients
from spi_pipeline_tests.publishers.http.publisher import Response, publisher

HOST = HOSTS["NOMIS"]
ONE = Request(HOST, "/a b.csv", params=(("geography", "E1,E2"), ("date", "latest")))


def client(folder: Path, base: str, **options: Any) -> HttpClient:
    return clients.client(folder, {"NOMIS": base}, recording=Recording(folder / "answers"), **options)


KEY = "0x+se/cret"


@pytest.mark.parametrize("block", [7, 64, 1 << 20])
def test_keys_are_removed_from_bodies_of_any_length_in_any_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.recording._BLOCK", block)
    text = "".join(f"{'x' * number}{KEY},{quote(KEY, safe='')}\n" for number in range(30))
    (tmp_path / "whole").write_text(text)
    headers = {"Content-Disposition": f"attachment; filename={KEY}-{quote(KEY, safe='')}.csv"}
    request = replace(ONE, secret=(("uid", KEY),))
    Recording(tmp_path / "answers").record(request, 200, headers, tmp_path / "whole")
    (found,) = recorded(tmp_path)
    expected = text.replace(KEY, "redacted").replace(quote(KEY, safe=""), "redacted")
    assert (tmp_path / "answers" / found["body"]).read_text() == expected
    assert found["headers"] == {"content-disposition": "attachment; filename=redacted-redacted.csv"}


def test_a_key_in_a_body_of_more_than_64_mb_is_removed(tmp_path: Path) -> None:
    with (tmp_path / "whole").open("wb") as whole:
        whole.truncate((1 << 26) + 1)
        whole.seek((1 << 20) - 3)
        whole.write(KEY.encode())
    Recording(tmp_path / "answers").record(replace(ONE, secret=(("uid", KEY),)), 200, {}, tmp_path / "whole")
    (found,) = recorded(tmp_path)
    assert KEY.encode() not in (tmp_path / "answers" / found["body"]).read_bytes()


def test_a_stored_part_is_not_recorded_as_the_whole(tmp_path: Path) -> None:
    part = replace(ONE, immutable=True, part="anyshire")
    with publisher() as served:
        client(tmp_path, served.base).get(part, lambda body: None)
        assert len(recorded(tmp_path)) == 1, "the whole body was recorded before its part was taken"
        for file in (tmp_path / "answers").iterdir():
            file.unlink()
        messages: list[str] = []
        again = client(tmp_path, served.base, progress=messages.append)
        again.get(part)
        again.get(part)
    assert recorded(tmp_path) == []
    assert messages == [
        "a b.csv is not in the recording, since the store holds only a part of it; record with a new store"
    ]


def recorded(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted((folder / "answers").glob("*.json"))]


def test_a_request_is_recorded_with_its_response_and_without_the_client(tmp_path: Path) -> None:
    headers = {
        "Content-Type": "text/csv", "ETag": '"7"', "Set-Cookie": "session=1", "Via": "1.1 proxy.council.example",
        "X-Client": "10.1.2.3",
    }  # fmt: skip
    body = b"a,b\n1,0xsecret\n"
    with publisher(Response(body, headers=headers)) as served:
        http_client = client(tmp_path, served.base)
        download = http_client.get(replace(ONE, secret=(("uid", "0xsecret"),)))
        assert "uid=0xsecret" in served.requests[0][1]
    (found,) = recorded(tmp_path)
    assert download.path.read_bytes() == body
    assert (tmp_path / "answers" / found.pop("body")).read_bytes() == b"a,b\n1,redacted\n"
    recorded_headers = found.pop("headers")
    assert {name: recorded_headers[name] for name in ("content-type", "etag")} == {
        "content-type": "text/csv",
        "etag": '"7"',
    }
    assert set(recorded_headers) <= {"content-type", "etag", "content-length", "date"}
    assert found == {
        "endpoint": "NOMIS", "method": "GET", "form": None, "status": 200,
        "url": "https://www.nomisweb.co.uk/a%20b.csv?geography=E1,E2&date=latest",
    }  # fmt: skip


def test_stored_responses_are_recorded_too(tmp_path: Path) -> None:
    with publisher() as served:
        immutable = replace(ONE, immutable=True)
        client(tmp_path, served.base).get(immutable)
        for file in (tmp_path / "answers").iterdir():
            file.unlink()
        client(tmp_path, served.base).get(immutable)
        assert len(served.requests) == 1
    (found,) = recorded(tmp_path)
    assert (tmp_path / "answers" / found["body"]).read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("response", "failure", "status", "body"),
    [
        (Response(b"no such id", 400, {"Content-Type": "text/plain"}), PermanentFailure, 400, b"no such id"),
        (Response(b"busy" * 200, 503, {"Retry-After": "7"}), TransientFailure, 503, b"busy" * 100),
        (Response(b"<html>Sorry</html>", 200), TransientFailure, 200, b"<html>Sorry</html>"),
    ],
    ids=["refused", "busy", "a_page_in_its_place"],
)
def test_refused_responses_are_recorded_as_received(
    tmp_path: Path, response: Response, failure: type[SpiError], status: int, body: bytes
) -> None:
    with publisher(response) as served, pytest.raises(failure):
        client(tmp_path, served.base).get(ONE)
    (found,) = recorded(tmp_path)
    assert (found["status"], (tmp_path / "answers" / found["body"]).read_bytes()) == (status, body)
    assert found["headers"].get("retry-after") == response.headers.get("Retry-After")


def test_sources_already_held_are_noted_and_added_to(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.about("2024-01", {"wards": False, "population": True})
    recording.about("2024-01", {"wards": True})
    about = json.loads((tmp_path / "about.json").read_text())
    assert (about["since"], about["had"]) == ("2024-01", {"wards": True, "population": True})


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpiError, match=r"the recording in .*file cannot be written .*; name another folder"):
        Recording(tmp_path / "file")
