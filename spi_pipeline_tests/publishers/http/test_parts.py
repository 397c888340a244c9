"""An interrupted download of a large body resumes across tries and runs, and never mixes two versions."""

from __future__ import annotations

import gzip
import hashlib
import random
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.limits import Budget
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.storage.raw import Raw
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers.http import clients
from spi_pipeline_tests.publishers.http.raw_server import Reply, Server, server

ETAG = 'ETag: "1"'
DATED = "Last-Modified: Mon, 02 Feb 2026 09:30:00 GMT\r\nDate: Mon, 02 Feb 2026 09:30:01 GMT"
ONE = Request(HOSTS["POLICE"], "/2023-12.zip", media=("zip",))


BODY, OTHER = (zipped({"a.csv": random.Random(seed).randbytes(1_000_000)}) for seed in (1, 2))
CUT = 700_000


def whole(body: bytes = BODY, *headers: str, cut: int | None = None) -> Reply:
    """Send a whole body with status 200; with ``cut`` the connection breaks after that many bytes."""

    def reply(to: socket.socket, _header: str, _server: Server) -> None:
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Content-Type: application/zip", *headers]
        to.sendall("\r\n".join([*lines, "", ""]).encode() + body[:cut])

    return reply


def rest(body: bytes = BODY, *headers: str, stated: str = "", earlier: int = 0, cut: int | None = None) -> Reply:
    """Send the rest of a body with status 206, from the byte requested or earlier; ``stated`` replaces its range."""

    def reply(to: socket.socket, header: str, _server: Server) -> None:
        wanted = re.search(r"Range: bytes=(\d+)-\r\n", header)
        assert wanted, header
        begin = int(wanted[1]) - earlier
        span = stated or f"bytes {begin}-{len(body) - 1}/{len(body)}"
        lines = ["HTTP/1.1 206 Partial Content", f"Content-Range: {span}", *headers]
        to.sendall("\r\n".join([*lines, f"Content-Length: {len(body) - begin}", "", ""]).encode() + body[begin:cut])

    return reply


def status(line: str) -> Reply:
    def reply(to: socket.socket, _header: str, _server: Server) -> None:
        to.sendall(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())

    return reply


def in_turn(*replies: Reply) -> Reply:
    """One after another, one per request."""
    return lambda to, header, running: replies[len(running.requests) - 1](to, header, running)


def client(folder: Path, base: str, retries: int = 100) -> HttpClient:
    return clients.client(folder, {"POLICE": base}, Budget(retries), sleep=lambda _: None)


def ranges(running: Server) -> list[int | None]:
    """The first byte that each request wanted; None if it wanted the whole body."""
    wanted = (re.search(r"\r\nRange: bytes=(\d+)-\r\n", header) for header in running.requests)
    return [int(begin[1]) if begin else None for begin in wanted]


@pytest.mark.parametrize(
    ("replies", "becomes", "begins"),
    [
        ((whole(BODY, ETAG, cut=CUT), rest(BODY, ETAG)), BODY, [None, CUT]),
        ((whole(BODY, ETAG, cut=CUT), rest()), BODY, [None, CUT]),
        ((whole(BODY, DATED, cut=CUT), rest()), BODY, [None, CUT]),
        ((whole(BODY, ETAG, cut=CUT), rest(earlier=4096)), BODY, [None, CUT]),
        ((whole(BODY, ETAG, cut=CUT), rest(cut=800_000), rest()), BODY, [None, CUT, 800_000]),
        ((whole(BODY, ETAG, cut=CUT), status("503 Busy"), rest()), BODY, [None, CUT, CUT]),
        ((whole(BODY, ETAG, cut=CUT), whole(BODY, ETAG)), BODY, [None, CUT]),
        ((whole(BODY, ETAG, cut=CUT), whole(OTHER, 'ETag: "2"')), OTHER, [None, CUT]),
        ((whole(BODY, ETAG, cut=CUT), whole(OTHER, 'ETag: "2"', cut=CUT), rest(OTHER)), OTHER, [None, CUT, CUT]),
        ((whole(BODY, ETAG, cut=CUT), rest(OTHER, 'ETag: "2"'), whole(OTHER)), OTHER, [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), rest(OTHER), whole(OTHER)), OTHER, [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), status("416 Range Not Satisfiable"), whole()), BODY, [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), rest(stated=f"bytes 0-{len(BODY) - 1}/{len(BODY)}"), whole()), BODY,
         [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), rest(stated=f"bytes {CUT + 1}-{len(BODY) - 1}/{len(BODY)}"), whole()), BODY,
         [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), rest(stated=f"bytes {CUT}-{len(BODY) - 1}/{len(BODY) + 1}"), whole()), BODY,
         [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), rest(stated="none"), whole()), BODY, [None, CUT, None]),
        ((whole(BODY, ETAG, cut=CUT), rest(BODY, "Content-Encoding: gzip"), whole()), BODY, [None, CUT, None]),
        ((whole(BODY, cut=CUT), whole()), BODY, [None, None]),
        ((whole(BODY, 'ETag: W/"1"', cut=CUT), whole()), BODY, [None, None]),
        ((whole(BODY, DATED.replace("30:01", "30:00"), cut=CUT), whole()), BODY, [None, None]),
        ((whole(gzip.compress(BODY), ETAG, "Content-Encoding: gzip", cut=CUT), whole()), BODY, [None, None]),
    ],
    ids=[
        "honoured", "without_its_etag", "by_its_date", "from_earlier", "broken_again", "busy_between", "ignored",
        "changed", "changed_and_broken", "changed_and_not_told", "changed_and_nothing_told", "416",
        "from_the_start_it_says", "from_beyond", "of_another_length", "of_no_range", "packed_rest", "no_validator",
        "weak_validator", "changed_within_the_second", "packed",
    ],
)  # fmt: skip
def test_a_body_cut_short_is_resumed_or_restarted(
    tmp_path: Path, replies: tuple[Reply, ...], becomes: bytes, begins: list[int | None]
) -> None:
    with server(in_turn(*replies)) as running:
        assert client(tmp_path, running.base).get(ONE).path.read_bytes() == becomes
    assert ranges(running) == begins
    assert not (tmp_path / "raw" / "receiving").exists(), "no part is left"


def test_the_rest_is_requested_only_of_the_same_body(tmp_path: Path) -> None:
    with server(in_turn(whole(BODY, ETAG, cut=CUT), rest())) as running:
        kept = client(tmp_path, running.base).get(ONE)
    assert 'If-Range: "1"\r\n' in running.requests[1]
    assert "Accept-Encoding: identity\r\n" in running.requests[1], (
        "a range of a compressed body would cover other bytes"
    )
    assert kept.headers == {"content-type": "application/zip", "etag": '"1"'}, "the headers of the first response"


def test_a_download_is_resumed_as_long_as_it_grows(tmp_path: Path) -> None:
    big = BODY + BODY  # a zip file may start with any bytes
    breaks = [whole(big, ETAG, cut=300_000), *(rest(big, cut=(2 + n) * 300_000) for n in range(5)), rest(big)]
    with server(in_turn(*breaks)) as running:
        assert client(tmp_path, running.base).get(ONE).size == len(big)
    assert len(running.requests) == 7, "more requests than the four tries allowed without progress"


def test_a_later_run_resumes_a_download(tmp_path: Path) -> None:
    with server(in_turn(whole(BODY, ETAG, cut=CUT), rest())) as running:
        with pytest.raises(TransientFailure, match="cut short"):
            client(tmp_path, running.base, retries=0).get(ONE)
        assert client(tmp_path, running.base, retries=0).get(ONE).path.read_bytes() == BODY
    assert ranges(running) == [None, CUT]


KILLED = """
import sys
from pathlib import Path
from spi_pipeline_tests.publishers.http.test_parts import ONE, client
client(Path(sys.argv[1]), sys.argv[2]).get(ONE)
"""


def test_a_download_of_a_killed_run_is_resumed(tmp_path: Path) -> None:
    child: list[subprocess.Popen[bytes]] = []

    def kill(to: socket.socket, header: str, running: Server) -> None:
        whole(BODY, ETAG, cut=CUT)(to, header, running)
        part = tmp_path / "raw" / "receiving"
        while not any(file.stat().st_size > 600_000 for file in part.glob("*.body")):
            time.sleep(0.01)
        child[0].send_signal(signal.SIGKILL)

    with server(in_turn(kill, rest())) as running:
        child.append(subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), running.base]))
        assert child[0].wait(60) == -signal.SIGKILL
        assert client(tmp_path, running.base).get(ONE).path.read_bytes() == BODY
    begin = ranges(running)[1]
    assert begin is not None
    assert begin > 600_000


def test_a_complete_body_of_a_killed_run_is_not_downloaded_again(tmp_path: Path) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    with server(in_turn(whole(BODY, ETAG), rest())) as running:
        with pytest.raises(KeyboardInterrupt):
            client(tmp_path, running.base).get(ONE, interrupt)
        assert client(tmp_path, running.base).get(ONE).path.read_bytes() == BODY
    assert ranges(running) == [None, len(BODY) - 1], (
        "only the last byte is requested, because an empty range would be refused"
    )


def test_a_body_received_in_parts_is_checked_as_a_whole(tmp_path: Path) -> None:
    damaged = bytearray(BODY)
    damaged[CUT + 1000] ^= 1
    md5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    page = (b"<html>" + b" " * len(BODY))[: len(BODY)]
    for number, (request, body) in enumerate([
        (ONE, bytes(damaged)), (replace(ONE, md5=md5), bytes(damaged)), (ONE, page)
    ]):  # fmt: skip
        with server(in_turn(whole(body, ETAG, cut=CUT), rest(body), whole())) as running:
            assert client(tmp_path / str(number), running.base).get(request).path.read_bytes() == BODY
        assert ranges(running) == [None, CUT, None]


def test_a_body_that_exceeds_its_limit_in_parts_is_refused(tmp_path: Path) -> None:
    small = replace(ONE, max_bytes=len(BODY) - 1)
    with server(in_turn(whole(BODY, ETAG, cut=CUT))) as running, pytest.raises(PermanentFailure, match="at most"):
        client(tmp_path, running.base).get(small)
    with server(in_turn(whole(BODY, ETAG, cut=CUT), rest())) as running:
        http_client = client(tmp_path, running.base, retries=0)
        with pytest.raises(TransientFailure):
            http_client.get(ONE)
        with pytest.raises(PermanentFailure, match=f"has {len(BODY):,} bytes and at most"):
            http_client.get(small)
    assert not (tmp_path / "raw" / "receiving").exists()


def test_abandoned_parts_are_deleted_after_a_complete_refresh(tmp_path: Path) -> None:
    with server(in_turn(whole(BODY, ETAG, cut=CUT))) as running, pytest.raises(TransientFailure):
        client(tmp_path, running.base, retries=0).get(ONE)
    assert list((tmp_path / "raw" / "receiving").glob("*.body"))
    Raw(tmp_path / "raw").finish()
    assert not (tmp_path / "raw" / "receiving").exists()
