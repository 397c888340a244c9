"""Slow responses are cut off, and messages say what a run waits for. Each server here would go on for hours."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.limits import Budget
from spi_pipeline.publishers.http.pace import Timeouts, WaitReporter
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline_tests.publishers.http import clients
from spi_pipeline_tests.publishers.http.raw_server import Reply, dripping, server

ONE = Request(HOSTS["POLICE"], "/data.csv")
SHORT = Timeouts(connect=5, header=0.4, body=0.4, minimum_rate=2000, refusal=0.2, progress_interval=0.1)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"
SIZED = OK + b"Content-Length: 100000\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\3"


def client(folder: Path, base: str, budget: Budget | None = None, **named: object) -> HttpClient:
    return clients.client(folder, {"POLICE": base}, budget, **{"timeouts": SHORT} | named)


@pytest.mark.parametrize(
    ("at_once", "drop", "failure", "expected"),
    [
        (b"", b"H", TransientFailure, "no complete response in 0 seconds"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", TransientFailure, "no complete response in 0 seconds"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n", TransientFailure, "no complete response in 0 seconds"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", TransientFailure, "no complete response"),
        (SIZED, b"a", TransientFailure, "the body is too slow: "),
        (SIZED + b"a" * 50_000, b"a", TransientFailure, r"the body is too slow: \d\d,\d"),
        (CHUNKED, b"1\r\na\r\n", TransientFailure, "the body is too slow: "),
        (CHUNKED, b"0", TransientFailure, "the body is too slow: "),
        (CHUNKED + b"1;", b"x", TransientFailure, "the body is too slow: "),
        (OK + b"\r\n", b"a", TransientFailure, "the body is too slow: "),
        (PACKED, b"\0", TransientFailure, "the body is too slow: "),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 400\r\n\r\n", b"a", PermanentFailure,
         "responded with 404 Not Found"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 400\r\n\r\n", b"a", TransientFailure, "responded with 503 Busy"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 9\r\n\r\n", b"a",
         PermanentFailure, "may be followed"),
    ],
    ids=[
        "status", "header_line", "header_lines", "continue", "body", "body_after_a_good_start", "chunks", "chunk_size",
        "chunk_extension", "body_to_the_end", "packed", "error", "error_worth_a_try", "redirect",
    ],
)  # fmt: skip
def test_a_dripping_server_does_not_hold_a_request(
    tmp_path: Path, at_once: bytes, drop: bytes, failure: type[SpiError], expected: str
) -> None:
    with server(dripping(at_once, drop)) as dripper:
        with pytest.raises(failure, match=expected):
            client(tmp_path, dripper.base).get(ONE)
        assert dripper.hung_up.wait(10), "the client closes the connection"
        assert len(dripper.requests) == 1


def test_the_time_limit_applies_to_a_header_alone(tmp_path: Path) -> None:
    with server(dripping(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n")) as dripper:
        with pytest.raises(TransientFailure, match="no complete response"):
            client(tmp_path, dripper.base)._size_of(ONE)
        assert dripper.hung_up.wait(10)


def test_a_silent_server_counts_as_too_slow(tmp_path: Path) -> None:
    with (
        server(dripping(SIZED, b"a", pause=60)) as silent,
        pytest.raises(TransientFailure, match="body is too slow: 0 bytes"),
    ):
        client(tmp_path, silent.base).get(ONE)


def test_a_large_body_gets_the_time_it_needs(tmp_path: Path) -> None:
    """It may take three times the limit of a stalled body, since it comes at several times the slowest pace."""
    body = OK + b"Content-Length: 60000\r\n\r\n"
    with server(dripping(body, b"a,b\n" * 250, times=60)) as slow:
        found = client(tmp_path, slow.base).get(ONE)
    assert found.size == 60_000


def test_a_dripping_body_is_retried_like_one_cut_short(tmp_path: Path) -> None:
    waited: list[float] = []
    with server(dripping(SIZED, b"a")) as dripper:
        http_client = client(tmp_path, dripper.base, Budget(), sleep=waited.append)
        with pytest.raises(TransientFailure, match=r"the body is too slow: .* tried 4 times"):
            http_client.get(ONE)
        assert (len(dripper.requests), len(waited)) == (4, 3)


def test_the_request_time_of_a_run_is_limited(tmp_path: Path) -> None:
    steady = dripping(OK + b"Content-Length: 100000000\r\n\r\n", b"a,b\n" * 250)
    with server(steady) as slow:
        http_client = client(tmp_path, slow.base, Budget(whole=0.5))
        for path in ("/a.csv", "/b.csv"):
            with pytest.raises(TransientFailure, match="has used all its time for requests"):
                http_client.get(Request(HOSTS["POLICE"], path))
    assert len(slow.requests) == 1, "the second request was not sent"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (dripping(b"", b"H"), "127.0.0.1 has not responded for 0 s, at most 0 s"),
        (dripping(SIZED + b"a" * 90_000, b"a"), "data.csv: 0.1 of 0.1 MB"),
        (dripping(OK + b"\r\n" + b"a" * 90_000, b"a"), "data.csv: 0.1 MB"),
    ],
    ids=["header", "body", "body_of_unknown_length"],
)
def test_progress_lines_say_what_a_run_waits_for(tmp_path: Path, reply: Reply, expected: str) -> None:
    messages: list[str] = []
    budget = Budget(retries=0)
    budget.wait_reporter = WaitReporter(every=0)
    with server(reply) as dripper, pytest.raises(TransientFailure):
        client(tmp_path, dripper.base, budget, progress=messages.append).get(ONE)
    assert expected in messages


def test_pauses_are_reported_and_long_ones_always(tmp_path: Path) -> None:
    messages: list[str] = []
    refusal = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    with server(dripping(refusal, b"", times=0)) as busy:
        for expected, lines in ((5.0, 3), (60.0, 0)):
            messages.clear()
            budget = Budget()
            budget.wait_reporter = WaitReporter(every=1000)
            timeouts = Timeouts(progress_interval=expected)
            http_client = client(
                tmp_path, busy.base, budget, sleep=lambda _: None, progress=messages.append, timeouts=timeouts
            )
            with pytest.raises(TransientFailure):
                http_client.get(ONE)
            assert messages == [f"{busy.base}/data.csv: responded with 503 Busy; next try in 7 s"] * lines


def test_all_waits_together_report_one_line_per_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("spi_pipeline.publishers.http.pace.time", SimpleNamespace(monotonic=lambda: now[0]))
    voice, free = WaitReporter(every=10), {}
    for now[0] in (100.0, 109.0, 110.0, 110.0, 119.0, 120.0, 125.0):
        free.setdefault(now[0], []).append(voice.may_report())
    # Short waits are not reported, and a second waiter within ten seconds of a line is silent.
    assert free == {100: [False], 109: [False], 110: [True, False], 119: [False], 120: [True], 125: [False]}
