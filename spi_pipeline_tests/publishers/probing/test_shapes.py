"""Shapes of bodies of which only a part is available."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.publishers.probing import shapes
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers.http.clients import client
from spi_pipeline_tests.publishers.http.publisher import Response, publisher

MEMBER = random.Random(1).randbytes(3000)


def peek(base: str, folder: Path, piece: Piece, monkeypatch: pytest.MonkeyPatch) -> Peek:
    monkeypatch.setattr(Limits, "wait", lambda *_: None)
    return client(folder, {"NOMIS": base}, Budget(0, 0)).peek(Request(HOSTS["NOMIS"], "/file"), piece)


def test_reading_stops_after_the_wanted_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with publisher(Response(b"a,b\n" + b"1,2\n" * 500_000)) as served:
        found = peek(served.base, tmp_path, Piece(10), monkeypatch)
    assert (found.body, found.size, found.whole) == (b"a,b\n1,2\n1,", 2_000_004, False)
    assert "Range" not in served.requests[0][2]
    assert shapes.table(found, "A").rows == 1, "a partial row does not count"
    assert [file.name for file in (tmp_path / "raw").iterdir()] == ["unfinished.json"], "nothing is stored"


def test_only_the_first_bytes_of_a_file_are_requested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Content-Type": "text/csv", "Content-Range": "bytes 0-7/123456"}
    with publisher(Response(b"a,b\n1,2\n", 206, headers)) as served:
        found = peek(served.base, tmp_path, Piece(8, ranged=True), monkeypatch)
    assert (served.requests[0][2]["Range"], served.requests[0][2]["Accept-Encoding"]) == ("bytes=0-7", "identity")
    assert (found.size, found.whole) == (123456, False)


def test_a_compressed_body_is_unpacked_and_a_truncated_one_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, headers = gzip.compress(b"a,b\n1,2\n"), {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    with publisher(Response(packed, headers=headers)) as served:
        found = peek(served.base, tmp_path, Piece(100), monkeypatch)
    assert (found.body, found.size, found.whole) == (b"a,b\n1,2\n", 8, True)
    with (
        publisher(Response(packed[:-6], headers=headers)) as served,
        pytest.raises(TransientFailure, match=r"breaks off .*cut short"),
    ):
        peek(served.base, tmp_path, Piece(100), monkeypatch)
    with publisher(Response(b"no", 404)) as served, pytest.raises(PermanentFailure) as failure:
        peek(served.base, tmp_path, Piece(100), monkeypatch)
    assert failure.value.status == 404


@given(st.lists(st.from_regex(r"[a-z]{1,9}\.csv", fullmatch=True), min_size=1, max_size=20, unique=True))
def test_the_files_of_an_archive_are_listed_from_its_end_alone(names: list[str]) -> None:
    body = zipped(dict.fromkeys(names, MEMBER))
    end = Peek(206, {}, body[-2500:], len(body), whole=False)
    assert shapes.members_of(end, "A") == zipfile.ZipFile(io.BytesIO(body)).namelist() == names


def test_an_end_without_the_directory_is_refused() -> None:
    body = zipped({f"{'long' * 20}{number}.csv": MEMBER for number in range(50)})
    for part in (body[-2000:], body[:2000], b"PK"):
        with pytest.raises(SpiError, match=f"no directory in its last {len(part):,} bytes"):
            shapes.members_of(Peek(206, {}, part, len(body), whole=False), "A")


def test_keys_are_those_of_all_objects() -> None:
    assert shapes.keys_of([{"a": 1, "b": None}, {"b": {"c": 1, "d": {"e": 2}}}, 3]) == ("a", "b", "b.c", "b.d")
    assert shapes.keys_of({"a": {"b": 1}}) == ("a", "a.b")
    assert shapes.keys_of(None) == shapes.keys_of([]) == ()


def test_invalid_json_is_refused() -> None:
    for body in (b"", b"[1", b"[" * 200_000, b"\xff", b"[NaN]", b'{"a": -Infinity}'):
        with pytest.raises(SpiError, match="is not JSON"):
            shapes.json_of(body, "A")
