"""Given any bytes, a parser returns a table or raises ``SpiError``: no other exception may reach an operator."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import Download
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers.clean import SOURCES, downloads, scope, with_body

# Pieces that replace parts of files.
_PIECES = st.sampled_from(
    [b",", b'"', b"\n", b"\r", b"\0", b"-1", b"1e999", b"nan", b"E05900001", b"2024-13", b"{", b"}", b"[", b"]", b":",
     b"null", b"true", b'"x"', b"1", b"\xff", b"\xe2\x80\xa8", b" ", b"PK\x03\x04", b"</", b"<a>"]
) | st.binary(max_size=6)  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), _PIECES), min_size=1, max_size=6)


def torn(body: bytes, edits: list[tuple[float, float, bytes]]) -> bytes:
    """Replace some stretches."""
    for start, share, piece in edits:
        at = int(start * len(body))
        # Mostly a few bytes, sometimes all the rest.
        end = at + int(share**8 * (len(body) - at))
        body = body[:at] + piece + body[end:]
    return body


def torn_inside(body: bytes, edits: list[tuple[float, float, bytes]]) -> bytes:
    """Tear the members of a zip file, but leave the zip file whole."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return zipped({name: torn(archive.read(name), edits) for name in archive.namelist() if name[-1] != "/"})


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Download]]:
    folder = tmp_path_factory.mktemp("clean")
    return cache(lambda source_id: downloads(source_id, folder))


@pytest.mark.parametrize("source_id", SOURCES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(which=st.integers(0, 20), edits=EDITS, inside=st.booleans())
def test_a_torn_file_is_parsed_or_refused(
    source_id: str, clean: Callable[[str], list[Download]], tmp_path: Path, which: int, edits: list, inside: bool
) -> None:  # fmt: skip
    found = list(clean(source_id))
    which %= len(found)
    body = found[which].path.read_bytes()
    body = torn_inside(body, edits) if inside and body[:2] == b"PK" else torn(body, edits)
    found[which] = with_body(found[which], body, tmp_path)
    with contextlib.suppress(SpiError):
        OFFERS[source_id].parse(found, scope(source_id))


@pytest.mark.parametrize("source_id", SOURCES)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(
    source_id: str, clean: Callable[[str], list[Download]], tmp_path: Path, body: bytes
) -> None:
    for one in clean(source_id):
        with contextlib.suppress(SpiError):
            OFFERS[source_id].parse([with_body(one, body, tmp_path)], scope(source_id))
