"""What is kept of requests and answers, and what of neither."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.recording import Recording
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.storage.raw import Raw
from spi_pipeline_tests.publishers.http.publisher import Answer, publisher

HOST = HOSTS["NOMIS"]
ONE = Request(HOST, "/a b.csv", params=(("geography", "E1,E2"), ("date", "latest")))


def client(folder: Path, base: str) -> HttpClient:
    raw = Raw(folder / "raw")
    raw.begin()
    limits, recording = Limits(folder / "limits"), Recording(folder / "answers")
    return HttpClient(raw, Addresses({"NOMIS": base}, HOSTS), limits, Budget(0), recording=recording)


def kept(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted((folder / "answers").glob("*.json"))]


def test_a_request_is_kept_with_its_answer_and_without_whoever_asked(tmp_path: Path) -> None:
    headers = {
        "Content-Type": "text/csv", "ETag": '"7"', "Set-Cookie": "session=1", "Via": "1.1 proxy.council.example",
        "X-Client": "10.1.2.3",
    }  # fmt: skip
    body = b"a,b\n1,0xsecret\n"
    with publisher(Answer(body, headers=headers)) as asked:
        asking = client(tmp_path, asked.base)
        download = asking.get(replace(ONE, secret=(("uid", "0xsecret"),)))
        assert "uid=0xsecret" in asked.asked[0][1]
    (found,) = kept(tmp_path)
    assert download.path.read_bytes() == body
    assert (tmp_path / "answers" / found.pop("body")).read_bytes() == b"a,b\n1,redacted\n"
    told = found.pop("headers")
    assert {name: told[name] for name in ("content-type", "etag")} == {"content-type": "text/csv", "etag": '"7"'}
    assert set(told) <= {"content-type", "etag", "content-length", "date"}
    assert found == {
        "endpoint": "NOMIS", "method": "GET", "form": None, "status": 200,
        "url": "https://www.nomisweb.co.uk/a%20b.csv?geography=E1,E2&date=latest",
    }  # fmt: skip


def test_what_need_not_be_asked_for_again_is_kept_too(tmp_path: Path) -> None:
    with publisher() as asked:
        settled = replace(ONE, settled=True)
        client(tmp_path, asked.base).get(settled)
        for file in (tmp_path / "answers").iterdir():
            file.unlink()
        client(tmp_path, asked.base).get(settled)
        assert len(asked.asked) == 1
    (found,) = kept(tmp_path)
    assert (tmp_path / "answers" / found["body"]).read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("answer", "failure", "status", "body"),
    [
        (Answer(b"no such id", 400, {"Content-Type": "text/plain"}), PermanentFailure, 400, b"no such id"),
        (Answer(b"busy" * 200, 503, {"Retry-After": "7"}), TransientFailure, 503, b"busy" * 100),
        (Answer(b"<html>Sorry</html>", 200), TransientFailure, 200, b"<html>Sorry</html>"),
    ],
    ids=["refused", "busy", "a_page_in_its_place"],
)
def test_what_was_refused_is_kept_as_it_came(
    tmp_path: Path, answer: Answer, failure: type[SpiError], status: int, body: bytes
) -> None:
    with publisher(answer) as asked, pytest.raises(failure):
        client(tmp_path, asked.base).get(ONE)
    (found,) = kept(tmp_path)
    assert (found["status"], (tmp_path / "answers" / found["body"]).read_bytes()) == (status, body)
    assert found["headers"].get("retry-after") == answer.headers.get("Retry-After")


def test_it_says_what_was_had_and_adds_to_what_it_said(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.about("2024-01", {"wards": False, "population": True})
    recording.about("2024-01", {"wards": True})
    said = json.loads((tmp_path / "about.json").read_text())
    assert (said["since"], said["had"]) == ("2024-01", {"wards": True, "population": True})


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpiError, match=r"the recording in .*file cannot be written .*; name another folder"):
        Recording(tmp_path / "file")
