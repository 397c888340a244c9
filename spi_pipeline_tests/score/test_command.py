"""``spi score`` on the command line: exit codes, messages, and the files it leaves behind."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import openpyxl
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


class CommandResult(NamedTuple):
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
    def run(*arguments: str) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["spi", "score", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return CommandResult(code, *capfd.readouterr())

    return run


def test_scores_are_written_to_the_named_file_only(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    result = score("f.yaml", "v.csv", "--out", "o.csv")
    assert result == (0, "f: 24 scores written to o.csv\n", "")
    table = pd.read_csv("o.csv")
    assert list(table) == ["area_code", "edition", "level", "id", "score", "rank", "rank_low", "rank_high", "coverage"]
    by_hand = {"A": 90, "B": 55, "C": 60, "D": 5}
    assert table[table["id"] == "safety"].set_index("area_code")["score"].to_dict() == pytest.approx(by_hand)
    assert table[table["id"] == "safety"]["rank"].tolist() == [1, 3, 2, 4]
    assert sorted(file.name for file in folder.iterdir()) == ["f.yaml", "o.csv", "v.csv"]
    assert score("f.yaml", "v.csv", "--out", "o.parquet").code == 0
    from_parquet = pd.read_parquet("o.parquet")
    assert from_parquet["score"].tolist() == table["score"].tolist()


def test_without_an_output_file_the_scores_are_printed(score) -> None:  # type: ignore[no-untyped-def]
    result = score("f.yaml", "v.csv")
    assert result.out.splitlines()[0].startswith("area_code,edition,level,id,score,")
    assert len(result.out.splitlines()) == 25
    assert score("f.yaml", "v.csv", "--draws", "20", "--seed", "3").out != result.out


def test_json_reports_weights_fit_and_varied_sources(score) -> None:  # type: ignore[no-untyped-def]
    explanation = json.loads(score("f.yaml", "v.csv", "--draws", "20", "--json", "--out", "o.csv").out)
    assert {row["id"]: row["method"] for row in explanation["weights"]}["crowding"] == "pca_panel"
    assert {row["parent_id"] for row in explanation["fit"]} == {"housing", "safety", "index"}
    assert len(explanation["varied"]) == 9


def test_all_faults_of_both_files_are_reported_and_nothing_is_written(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.yaml").write_text(
        FRAMEWORK.replace("parent: safety", "parent: safty").replace("best: 0}", "best: 30}")
    )
    (folder / "v.csv").write_text("area_code,indicator_id,value\nA,crime,high\nA,heat,1\nA,heat,2\nA,crowding,inf\n")
    result = score("f.yaml", "v.csv", "--out", "o.csv")
    assert (result.code, result.out) == (2, "")
    places = [line.split(": ")[0] for line in result.err.splitlines()]
    assert places == ["f.yaml:5", "f.yaml:7", "f.yaml:8", "f.yaml:8", "v.csv:2", "v.csv:4", "v.csv:5",
                      "7 faults in framework and values; nothing was done."]  # fmt: skip
    assert not (folder / "o.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["f.yaml"],
        ["f.yaml", "nothing.csv"],
        ["f.yaml", "v.csv", "--draws", "3"],
        ["f.yaml", "v.csv", "--out", "o.xls"],
        ["f.yaml", "v.csv", "--profile", "sip"],
        ["--explain", "--profile", "sip"],
    ],
)
def test_bad_usage_exits_with_two_without_a_traceback(score, arguments: list[str]) -> None:  # type: ignore[no-untyped-def]
    result = score(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err
    assert "Traceback" not in result.err


def test_a_failed_computation_exits_with_one(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.yaml").write_text(FRAMEWORK.replace("profile: spi", "profile: spi\naggregate: {index: geometric}"))
    (folder / "v.csv").write_text((folder / "v.csv").read_text().replace("D,crime,19", "D,crime,25"))
    result = score("f.yaml", "v.csv", "--out", "o.csv")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "f.yaml with v.csv: element index: a mean of order 0 needs scores above 0, or a floor for lower scores, "
        "but these columns have other scores: safety\n"
    )


def test_a_fallback_to_another_method_is_reported(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "v.csv").write_text(
        (folder / "v.csv").read_text().replace("heat,40", "heat,9").replace("heat,31", "heat,12")
    )
    result = score("f.yaml", "v.csv", "--out", "o.csv")
    assert result.code == 0
    assert result.err.startswith("housing is weighted equally: the first principal component has non-positive loadings")


def test_a_framework_and_a_profile_are_explained(score) -> None:  # type: ignore[no-untyped-def]
    assert "Each component: Σ w s / Σ w; weights w: w_i ∝ v_i / sd_i" in score("f.yaml", "--explain").out
    assert score("--explain", "--profile", "eu-spi").out.startswith("Profile eu-spi\n")


def paths_to_values(folder: Path) -> dict[str, Path]:
    """Other paths to the file of values."""
    (folder / "link.csv").symlink_to("v.csv")
    os.link(folder / "v.csv", folder / "hard.csv")
    (folder / "sub").mkdir()
    return {name: Path(name) for name in ("v.csv", "link.csv", "hard.csv", "sub/../v.csv")} | {
        "whole": folder / "v.csv"
    }


def test_input_files_are_never_overwritten(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    before = (folder / "v.csv").read_bytes()
    for target in paths_to_values(folder).values():
        result = score("f.yaml", "v.csv", "--out", str(target))
        assert (result.code, result.out) == (2, ""), target
        assert "--out would overwrite the input file v.csv: name another output" in result.err
        assert score("f.yaml", str(target), "--out", "v.csv").code == 2
    (folder / "f.csv").symlink_to("f.yaml")
    assert "--out would overwrite the input file f.yaml" in score("f.yaml", "v.csv", "--out", "f.csv").err
    assert (folder / "v.csv").read_bytes() == before
    assert (folder / "link.csv").is_symlink()


def test_details_are_not_written_to_a_folder_with_input_files(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "d").mkdir()
    (folder / "v.csv").rename(folder / "d" / "weights.csv")
    before = (folder / "d" / "weights.csv").read_bytes()
    result = score("f.yaml", "d/weights.csv", "--details", "d")
    assert result.code == 2
    assert "d: holds the input d/weights.csv: name a folder only for the details" in result.err
    (folder / "e").mkdir()
    (folder / "e" / "treated.csv").symlink_to(folder / "d" / "weights.csv")
    assert score("f.yaml", "d/weights.csv", "--details", "e").code == 2
    assert (folder / "d" / "weights.csv").read_bytes() == before
    assert score("f.yaml", "d/weights.csv", "--details", "new").code == 0


def test_a_wide_table_is_read_and_reported_as_one(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    long = score("f.yaml", "v.csv").out
    wide = pd.DataFrame({"area_code": list("ABCD"), **ROWS})
    wide.to_csv(folder / "w.csv", index=False)
    wide.to_excel(folder / "w.xlsx", index=False)
    wide.to_parquet(folder / "w.parquet", index=False)
    for file in ("w.csv", "w.xlsx", "w.parquet"):
        result = score("f.yaml", file)
        assert result == (0, long, "read as a wide table: 4 rows, 3 indicators\n"), file
    assert json.loads(score("f.yaml", "w.csv", "--json").out)["notes"] == ["read as a wide table: 4 rows, 3 indicators"]


def test_a_workbook_contains_the_index_and_no_formula(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    text = (folder / "v.csv").read_text().replace("A,", "=1+1,").replace("B,", "+44,").replace("C,", "@x,")
    (folder / "v.csv").write_text(text.replace("D,", "-5\x07,"))
    (folder / "f.yaml").write_text("title: '=cmd()'\n" + FRAMEWORK)
    assert score("f.yaml", "v.csv", "--draws", "20", "--out", "o.xlsx").code == 0
    sheets = pd.read_excel("o.xlsx", sheet_name=None)
    assert list(sheets) == ["scores", "weights", "contributions", "statistics", "notes"]
    assert len(sheets["scores"]) == 24
    parts = sheets["contributions"].groupby(["parent_id", "area_code"])["contribution"].sum()
    whole = sheets["scores"].set_index(["id", "area_code"])["score"]
    assert parts.to_dict() == pytest.approx(whole[parts.index].to_dict())
    assert sheets["notes"].iloc[0].tolist() == ["title", "=cmd()"]
    assert "varied" in sheets["notes"]["what"].tolist()
    for data_only in (True, False):
        for sheet in openpyxl.load_workbook("o.xlsx", data_only=data_only):
            assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert set(sheets["scores"]["area_code"]) == {"=1+1", "+44", "@x", "-5_x0007_"}


def test_an_explanation_is_available_as_json(score) -> None:  # type: ignore[no-untyped-def]
    (explanation,) = json.loads(score("f.yaml", "--explain", "--json").out)
    result = score("f.yaml", "--explain").out.splitlines()
    assert [explanation["title"], *explanation["sentences"]] == result
    assert len(json.loads(score("--explain", "--json").out)) == 6


@pytest.mark.parametrize(
    ("framework", "words"),
    [
        ("[" * 200_000, "f.yaml:1: lists and mappings are nested more than 50 deep"),
        ("x: " + "{a: " * 1000, "f.yaml:1: lists and mappings are nested more than 50 deep"),
        ("elements: &a [*a]", "f.yaml:1: another part is repeated here by an alias"),
        (FRAMEWORK.replace("direction: higher_is_better", "direction: {}"), "f.yaml:6: the direction of heat is '{}'"),
        (FRAMEWORK.replace("profile: spi", "profile: []"), "f.yaml:1: there is no profile '[]'"),
        (FRAMEWORK.replace("profile: spi", "title: {a: 1}"), "f.yaml:1: title is '{'a': 1}': write words"),
        (FRAMEWORK.replace("worst: 20", f"worst: 1{'0' * 400}"), "f.yaml:8: worst of element crime is '100000"),
        (FRAMEWORK.replace("parent: safety", "parnet: safety"), "has an unknown key 'parnet': use parent\n"),
        (FRAMEWORK + "agregate: geometric\n", "f.yaml:9: 'agregate' is not a key of a framework: use aggregate\n"),
        (FRAMEWORK + "aggregate: geometrc\n", "'geometrc' is not a method of 'aggregate': use geometric\n"),
        (FRAMEWORK + "available_count: 3\n", "available_count of housing is 3, but it has only 2 children: give"),
    ],
)  # fmt: skip
def test_malformed_frameworks_are_refused(score, folder: Path, framework: str, words: str) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.yaml").write_text(framework)
    result = score("f.yaml", "v.csv")
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert len(result.err) < 2_000


def test_too_many_levels_of_elements_are_refused(score, folder: Path) -> None:  # type: ignore[no-untyped-def]
    chain = [f"  - {{id: e{n}, parent: e{n - 1}}}" for n in range(1, 3000)]
    (folder / "f.yaml").write_text("\n".join(["elements:", "  - {id: e0}", *chain]))
    result = score("f.yaml", "v.csv")
    assert result.code == 2
    assert "f.yaml:52: more than 50 elements lie above e50: leave some out" in result.err


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["A,crime,1,2"] * 500, "and 480 more rows have fewer or more fields than the heading"),
        (["A,crime,x"] + [f"A{n},crime,x" for n in range(499)], "and 480 more values are not a number"),
        ([f"A{n},crime{n},1" for n in range(500)], "and 480 more ids are not indicators either"),
        (["A,crime,1"] * 501, "and 480 more rows are given twice"),
    ],
)
def test_faults_beyond_twenty_are_counted(score, folder: Path, rows: list[str], words: str) -> None:  # type: ignore[no-untyped-def]
    (folder / "v.csv").write_text(
        "\n".join(["area_code,indicator_id,value", "Z,crowding,1", "Z,heat,1", "Z,crime,1", *rows])
    )
    result = score("f.yaml", "v.csv")
    assert result.code == 2
    assert words in result.err
    assert result.err.splitlines()[-1] == "500 faults in framework and values; nothing was done."


def test_an_overflow_is_an_error(folder: Path, score, recwarn: pytest.WarningsRecorder) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.yaml").write_text(FRAMEWORK.replace("profile: spi", "normalise: minmax"))
    text = (folder / "v.csv").read_text()
    (folder / "v.csv").write_text(text.replace("crime,2", "crime,1e308").replace("crime,9", "crime,-1e308"))
    result = score("f.yaml", "v.csv", "--out", "o.csv")
    assert (result.code, result.out) == (2, "")
    assert "v.csv:10: value of crime is '1e+308', which is too large to compute with" in result.err
    (folder / "v.csv").write_text(text.replace("crime,2", "crime,1e49").replace("crime,9", "crime,-1e49"))
    (folder / "f.yaml").write_text(FRAMEWORK.replace("profile: spi", "normalise: none\naggregate: product"))
    (folder / "f.yaml").write_text((folder / "f.yaml").read_text().replace("best: 0}", "best: 0, weight: 9}"))
    result = score("f.yaml", "v.csv", "--out", "o.csv")
    assert (result.code, result.out, len(result.err.splitlines())) == (1, "", 1)
    assert not (folder / "o.csv").exists()
    assert not recwarn.list


def test_progress_is_not_reported_with_json(score, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("spi_pipeline.cli.terminal.QUIET_SECONDS", 0.0)
    progress = score("f.yaml", "v.csv", "--draws", "9000", "--sobol", "2000", "--out", "o.csv").err.splitlines()
    assert progress[:2] == ["2,048 of 9,000 draws", "4,096 of 9,000 draws"]
    assert progress[-1].endswith(" draws")
    assert "of 9,000" not in progress[-1]
    assert score("f.yaml", "v.csv", "--draws", "3000", "--json", "--out", "o.csv").err == ""
