"""``spi score`` as a person and a program meet it: exit codes, sentences, what is left behind."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from spi_pipeline.cli import main

FRAMEWORK = """\
profile: spi
elements:
  - {id: index}
  - {id: housing, parent: index}
  - {id: crowding, parent: housing, direction: lower_is_better, worst: 30, best: 0}
  - {id: heat, parent: housing, direction: higher_is_better}
  - {id: safety, parent: index}
  - {id: crime, parent: safety, direction: lower_is_better, worst: 20, best: 0}
"""
ROWS = {"crowding": [3, 10, 20, 28], "heat": [40, 31, 18, 11], "crime": [2, 9, 8, 19]}


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "f.yaml").write_text(FRAMEWORK)
    lines = [f"{area},{name},{value}" for name, row in ROWS.items() for area, value in zip("ABCD", row, strict=True)]
    (tmp_path / "v.csv").write_text("\n".join(["area_code,indicator_id,value", *lines, ""]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def score(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["spi", "score", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capfd.readouterr())

    return run


def test_scores_go_to_a_file_and_only_there(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    said = score("f.yaml", "v.csv", "--out", "o.csv")
    assert said == (0, "f: 24 scores written to o.csv\n", "")
    table = pd.read_csv("o.csv")
    assert list(table) == ["area_code", "edition", "level", "id", "score", "rank", "rank_low", "rank_high", "coverage"]
    by_hand = {"A": 90, "B": 55, "C": 60, "D": 5}
    assert table[table["id"] == "safety"].set_index("area_code")["score"].to_dict() == pytest.approx(by_hand)
    assert table[table["id"] == "safety"]["rank"].tolist() == [1, 3, 2, 4]
    assert sorted(file.name for file in folder.iterdir()) == ["f.yaml", "o.csv", "v.csv"]
    assert score("f.yaml", "v.csv", "--out", "o.parquet").code == 0
    again = pd.read_parquet("o.parquet")
    assert again["score"].tolist() == table["score"].tolist()


def test_without_a_file_the_scores_are_what_is_printed(score) -> None:  # type: ignore[no-untyped-def]
    said = score("f.yaml", "v.csv")
    assert said.out.splitlines()[0].startswith("area_code,edition,level,id,score,")
    assert len(said.out.splitlines()) == 25
    assert score("f.yaml", "v.csv", "--draws", "20", "--seed", "3").out != said.out


def test_json_says_weights_fit_and_what_was_varied(score) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(score("f.yaml", "v.csv", "--draws", "20", "--json", "--out", "o.csv").out)
    assert {row["id"]: row["basis"] for row in found["weights"]}["crowding"] == "pca_panel"
    assert {row["parent_id"] for row in found["fit"]} == {"housing", "safety", "index"}
    assert len(found["varied"]) == 9


def test_every_fault_of_both_files_and_nothing_written(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.yaml").write_text(
        FRAMEWORK.replace("parent: safety", "parent: safty").replace("best: 0}", "best: 30}")
    )
    (folder / "v.csv").write_text("area_code,indicator_id,value\nA,crime,high\nA,heat,1\nA,heat,2\nA,crowding,inf\n")
    said = score("f.yaml", "v.csv", "--out", "o.csv")
    assert (said.code, said.out) == (2, "")
    places = [line.split(": ")[0] for line in said.err.splitlines()]
    assert places == ["f.yaml:5", "f.yaml:7", "f.yaml:8", "f.yaml:8", "v.csv:2", "v.csv:4", "v.csv:5",
                      "7 faults in framework and values; nothing was done."]  # fmt: skip
    assert not (folder / "o.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["f.yaml"],
        ["f.yaml", "nothing.csv"],
        ["f.yaml", "v.csv", "--draws", "3"],
        ["f.yaml", "v.csv", "--out", "o.xlsx"],
        ["f.yaml", "v.csv", "--profile", "sip"],
        ["--explain", "--profile", "sip"],
    ],
)
def test_bad_usage_ends_with_two_and_without_a_trace(score, arguments: list[str]) -> None:  # type: ignore[no-untyped-def]
    said = score(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err
    assert "Traceback" not in said.err


def test_what_cannot_be_computed_ends_with_one(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.yaml").write_text(FRAMEWORK.replace("profile: spi", "profile: spi\naggregate: {index: geometric}"))
    (folder / "v.csv").write_text((folder / "v.csv").read_text().replace("D,crime,19", "D,crime,25"))
    said = score("f.yaml", "v.csv", "--out", "o.csv")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "f.yaml with v.csv: element index: a mean of order 0 needs scores above 0, or a floor that lower ones are "
        "lifted to, which these columns do not have: safety\n"
    )


def test_where_another_method_was_used_it_is_said(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "v.csv").write_text(
        (folder / "v.csv").read_text().replace("heat,40", "heat,9").replace("heat,31", "heat,12")
    )
    said = score("f.yaml", "v.csv", "--out", "o.csv")
    assert said.code == 0
    assert said.err.startswith("housing is weighted equally: the first principal component has non-positive loadings")


def test_explained(score) -> None:  # type: ignore[no-untyped-def]
    assert "Each component: Σ w s / Σ w; weights w: w_i ∝ v_i / sd_i" in score("f.yaml", "--explain").out
    assert score("--explain", "--profile", "eu-spi").out.startswith("Profile eu-spi\n")
