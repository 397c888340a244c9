"""A draft never takes effect silently: blanks and the word draft are refused, and no file is overwritten."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from spi_pipeline.cli import main
from spi_pipeline.contracts.errors import ContractError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.integration.sandboxes import CONTRACTS
from spi_pipeline_tests.publishers.own.conftest import filled

CALLS = "Ward code,Calls\n" + "".join(f"E050147{number},{number}\n" for number in range(35, 55))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(CONTRACTS, tmp_path / "contracts")
    (tmp_path / "Night calls.csv").write_text(CALLS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPI_CONTRACTS", "contracts")
    return tmp_path


def add(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["spi", "source", "add", "Night calls.csv", "--component", "safety", *options])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out + captured.err


def with_answers(text: str, choices: dict[str, str]) -> str:
    """A draft with some blanks filled in, each identified by words of its text."""
    for blank, choice in choices.items():
        text, times = re.subn(rf'"FILL IN: [^"]*{blank}[^"]*"', choice, text)
        assert times, blank
    return text


def test_the_draft_and_the_line_of_every_blank_are_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "contracts/indicators/safety.yaml").read_text(encoding="utf-8")
    code, output = add(monkeypatch, capsys)
    assert code == 0, output
    contract, indicators = folder / "contracts/sources/night_calls.yaml", folder / "contracts/indicators/safety.yaml"
    text = contract.read_text(encoding="utf-8")
    for blank in ("the team that answers", "one of OGL-UK-3.0", "the smallest count", "the last day they are of use",
                  "a concept of vocabulary.yaml"):  # fmt: skip
        assert re.search(rf'"FILL IN: [^"]*{blank}', text), blank
    with pytest.raises(ContractError) as refused:
        load_contracts(folder / "contracts")
    messages = [str(fault) for fault in refused.value.faults]
    lines = [(path.relative_to(folder / "contracts").as_posix(), number)
             for path in (indicators, contract)
             for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
             for _ in range(line.count("FILL IN"))]  # fmt: skip
    assert len(lines) >= 15
    assert sorted(one.split(": ")[0] for one in messages) == sorted(f"{file}:{number}" for file, number in lines)
    assert all("is left blank: write in place of FILL IN" in one for one in messages)

    done = with_answers(text, {
        "the team": "community-safety", "where a reader": "desk", "one of OGL": "OGL-UK-3.0", "the smallest": "5",
        "the last day they": "2030-12-31", "a concept": "safety", "the sentence": "Contains figures",
    })  # fmt: skip
    contract.write_text(filled(done).replace("status: active", "status: draft"), encoding="utf-8")
    drafted = indicators.read_text(encoding="utf-8").removeprefix(before)
    finished = with_answers(
        drafted, {"higher_is": "lower_is_better", "scores 0": "40", "scores 100": "0", "a ward ab": "90"}
    )
    indicators.write_text(before + filled(finished), encoding="utf-8")
    with pytest.raises(ContractError, match="this is a draft, and drafts are not in force"):
        load_contracts(folder / "contracts")
    contract.write_text(filled(done), encoding="utf-8")
    found = load_contracts(folder / "contracts")
    assert found.sources["night_calls"].properties.own
    assert found.sources["night_calls"].owner == "community-safety"
    assert found.indicators["night_calls"].measure.columns == ["calls"]
    assert indicators.read_text(encoding="utf-8").startswith(before)


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["--component", "safty"], "'safty' is not a component; nearest is 'safety'"),
     (["--concept", "income"], "'income' is not a concept that may enter the index"),
     (["--licence", "OGL"], "'OGL' is not a licence of vocabulary.yaml; "),
     (["--name", "street_crime"], "the name street_crime is taken already"),
     (["--name", "Calls!"], "'Calls!' cannot be the name of a table"),
     (["--value", "Visits"], "lacks the column 'Visits', which --value names; it has Ward code, Calls"),
     (["--expires", "soon"], "'soon' is not a day like"),
     (["--period", "2025-02-01/2025-02-30"], "'2025-02-30' is not a day like"),
     (["--period", "2025-01-01"], "a first and a last day")],
)  # fmt: skip
def test_invalid_options_are_refused_and_nothing_is_written(
    folder: Path, options: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    code, output = add(monkeypatch, capsys, *options)
    assert code in (1, 2)
    assert expected in output
    assert {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()} == before


def test_the_supplied_contracts_are_left_unchanged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SPI_CONTRACTS")
    code, output = add(monkeypatch, capsys)
    assert code == 2
    assert "set SPI_COUNCIL to that folder, and run this again" in output
    assert not (CONTRACTS / "sources" / "night_calls.yaml").exists()
