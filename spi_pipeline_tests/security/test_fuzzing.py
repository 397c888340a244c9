"""Readers of damaged contracts, channel files and ``spi score`` inputs return a result or an ``SpiError``.

More tables of ``spi score`` are damaged in ``score/test_arbitrary_input.py``, publishers' files in
``publishers/test_any_bytes.py``.
"""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings

from spi_pipeline_tests.publishers.test_any_bytes import EDITS, torn
from spi_pipeline_tests.security.__main__ import main
from spi_pipeline_tests.security.fuzzing import Target, assert_survives, targets

KNOWN = targets()
OF_CONTRACTS = [name for name in KNOWN if name.startswith("contract/")]
DEEP = [(0.0, 1.0, b"[" * 200_000)]


@pytest.mark.parametrize("name", OF_CONTRACTS)
@settings(max_examples=4, deadline=None, derandomize=True)
@example(edits=DEEP)
@given(edits=EDITS)
def test_a_torn_contract(name: str, edits: list[tuple[float, float, bytes]]) -> None:
    target = KNOWN[name]()
    assert_survives(target, torn(target.good, edits))


@pytest.mark.parametrize("name", ["channels", "framework", "values"])
@settings(max_examples=80, deadline=None, derandomize=True)
@example(edits=DEEP)
@given(edits=EDITS)
def test_a_torn_file(name: str, edits: list[tuple[float, float, bytes]]) -> None:
    target = KNOWN[name]()
    assert_survives(target, torn(target.good, edits))


@pytest.mark.parametrize("name", [*OF_CONTRACTS, "channels", "framework", "values", "publisher/street_crime"])
def test_readers_accept_the_undamaged_files(name: str) -> None:
    """Otherwise every input would be refused at its first byte."""
    target = KNOWN[name]()
    target.read(target.good)


def test_a_defect_in_a_reader_is_noticed() -> None:
    def broken(body: bytes) -> None:
        raise RecursionError

    with pytest.raises(RecursionError):
        assert_survives(Target(b"", broken), b"")


def test_the_command_lists_its_targets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["security"])
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, capsys.readouterr().out.split()) == (0, list(KNOWN))
