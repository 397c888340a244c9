"""Every answer ends, at whatever drip; and who waits is told for what. Each server here would go on for hours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.pace import Patience, Voice
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.storage.raw import Raw
from spi_pipeline_tests.publishers.http.raw_server import dripping, server

ONE = Request(HOSTS["POLICE"], "/data.csv")
SHORT = Patience(connect=5, answer=0.4, body=0.4, slowest=2000, refusal=0.2, said=0.1)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"
SIZED = OK + b"Content-Length: 100000\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\3"


def client(folder: Path, base: str, budget: Budget | None = None, **named: object) -> HttpClient:
    raw = Raw(folder / "raw")
    raw.begin()
    addresses = Addresses({"POLICE": base}, HOSTS)
    budget = budget or Budget(retries=0)
    return HttpClient(raw, addresses, Limits(folder / "limits"), budget, **{"patience": SHORT} | named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at_once", "drop", "failure", "said"),
    [
        (b"", b"H", TransientFailure, "no whole answer in 0 seconds"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", TransientFailure, "no whole answer in 0 seconds"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n", TransientFailure, "no whole answer in 0 seconds"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", TransientFailure, "no whole answer"),
        (SIZED, b"a", TransientFailure, "the body drips: "),
        (SIZED + b"a" * 50_000, b"a", TransientFailure, r"the body drips: \d\d,\d"),
        (CHUNKED, b"1\r\na\r\n", TransientFailure, "the body drips: "),
        (CHUNKED, b"0", TransientFailure, "the body drips: "),
        (CHUNKED + b"1;", b"x", TransientFailure, "the body drips: "),
        (OK + b"\r\n", b"a", TransientFailure, "the body drips: "),
        (PACKED, b"\0", TransientFailure, "the body drips: "),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 400\r\n\r\n", b"a", PermanentFailure, "answered 404 Not Found"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 400\r\n\r\n", b"a", TransientFailure, "answered 503 Busy"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 9\r\n\r\n", b"a",
         PermanentFailure, "none of the hosts"),
    ],
    ids=[
        "status", "header_line", "header_lines", "continue", "body", "body_after_a_good_start", "chunks", "chunk_size",
        "chunk_extension", "body_to_the_end", "packed", "error", "error_worth_a_try", "redirect",
    ],
)  # fmt: skip
def test_no_drip_holds_a_try(tmp_path: Path, at_once: bytes, drop: bytes, failure: type[SpiError], said: str) -> None:
    with server(dripping(at_once, drop)) as dripper:
        with pytest.raises(failure, match=said):
            client(tmp_path, dripper.base).get(ONE)
        assert dripper.left.wait(10), "the connection is closed, nobody goes on reading in the dark"
        assert len(dripper.asked) == 1


def test_a_header_alone_is_held_to_its_time_too(tmp_path: Path) -> None:
    with server(dripping(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n")) as dripper:
        with pytest.raises(TransientFailure, match="no whole answer"):
            client(tmp_path, dripper.base).head(ONE)
        assert dripper.left.wait(10)


def test_silence_is_a_drip_of_nothing(tmp_path: Path) -> None:
    with (
        server(dripping(SIZED, b"a", pause=60)) as silent,
        pytest.raises(TransientFailure, match="body drips: 0 bytes"),
    ):
        client(tmp_path, silent.base).get(ONE)


def test_a_large_body_has_the_time_that_it_takes(tmp_path: Path) -> None:
    """Three times as long as a body is given that does not come, since it comes at several times the slowest pace."""
    body = OK + b"Content-Length: 60000\r\n\r\n"
    with server(dripping(body, b"a,b\n" * 250, times=60)) as slow:
        found = client(tmp_path, slow.base).get(ONE)
    assert found.size == 60_000


def test_a_drip_is_asked_for_again_as_what_breaks_off_is(tmp_path: Path) -> None:
    waited: list[float] = []
    with server(dripping(SIZED, b"a")) as dripper:
        asking = client(tmp_path, dripper.base, Budget(), sleep=waited.append)
        with pytest.raises(TransientFailure, match=r"the body drips: .* tried 4 times"):
            asking.get(ONE)
        assert (len(dripper.asked), len(waited)) == (4, 3)


def test_a_run_asks_only_so_long(tmp_path: Path) -> None:
    steady = dripping(OK + b"Content-Length: 100000000\r\n\r\n", b"a,b\n" * 250)
    with server(steady) as slow:
        asking = client(tmp_path, slow.base, Budget(whole=0.5))
        for path in ("/a.csv", "/b.csv"):
            with pytest.raises(TransientFailure, match="has asked for as long as it may"):
                asking.get(Request(HOSTS["POLICE"], path))
    assert len(slow.asked) == 1, "the second was not sent any more"


Speak = Callable[..., None]


@pytest.mark.parametrize(
    ("speak", "said"),
    [
        (dripping(b"", b"H"), "127.0.0.1 has not answered for 0 s, it is given 0 s"),
        (dripping(SIZED + b"a" * 90_000, b"a"), "data.csv: 0.1 of 0.1 MB"),
        (dripping(OK + b"\r\n" + b"a" * 90_000, b"a"), "data.csv: 0.1 MB"),
    ],
    ids=["header", "body", "body_of_unknown_length"],
)
def test_who_waits_is_told_for_what(tmp_path: Path, speak: Speak, said: str) -> None:
    told: list[str] = []
    budget = Budget(retries=0)
    budget.voice = Voice(every=0)
    with server(speak) as dripper, pytest.raises(TransientFailure):
        client(tmp_path, dripper.base, budget, tell=told.append).get(ONE)
    assert said in told


def test_pauses_are_told_and_long_ones_always(tmp_path: Path) -> None:
    told: list[str] = []
    refusal = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    with server(dripping(refusal, b"", times=0)) as busy:
        for said, lines in ((5.0, 3), (60.0, 0)):
            told.clear()
            budget = Budget()
            budget.voice = Voice(every=1000)
            patience = Patience(said=said)
            asking = client(tmp_path, busy.base, budget, sleep=lambda _: None, tell=told.append, patience=patience)
            with pytest.raises(TransientFailure):
                asking.get(ONE)
            assert told == [f"{busy.base}/data.csv: answered 503 Busy; asked again in 7 s"] * lines


def test_all_who_wait_say_one_line_in_so_many_seconds() -> None:
    voice = Voice(every=1000)
    assert not voice.free(), "what is quick is not told of"
    voice = Voice(every=0)
    assert voice.free()
