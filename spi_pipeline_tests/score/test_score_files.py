"""Scores, details and explanations computed from a framework file and a file of values."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.cli.score.command import explain_files, score_files
from spi_pipeline.cli.score.read import InputError
from spi_pipeline.cli.score.write import check_target, csv_bytes, write_details, write_scores
from spi_pipeline.contracts.errors import SpiError

FRAMEWORK = """\
title: Example index
levels: [indicator, component, index]
aggregate: {component: arithmetic, index: geometric}
floor: 1
elements:
  - {id: index}
  - {id: housing, parent: index}
  - {id: crowding, parent: housing, direction: lower_is_better, worst: 30, best: 0, transform: none, weight: 1}
  - {id: heat, parent: index, direction: higher_is_better, worst: 0, best: 50}
"""
VALUES = """\
area_code,edition,indicator_id,value
NA,2024,crowding,10
B,2024,crowding,NA
NA,2024,heat,40
B,2024,heat,20
"""


@pytest.fixture
def framework(tmp_path: Path) -> Path:
    file = tmp_path / "framework.yaml"
    file.write_text(FRAMEWORK)
    return file


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "values.csv"
    file.write_text(VALUES)
    return file


def test_two_files_give_a_table(framework: Path, values: Path) -> None:
    outcome = score_files(framework, values)
    index = outcome.table[outcome.table["id"] == "index"].set_index("area_code")
    assert index.loc["NA", "score"] == pytest.approx((100 * 2 / 3 * 80) ** 0.5)
    assert index.loc["B", ["score", "rank", "coverage"]].tolist() == [40, 2, 0.5]
    assert list(outcome.table.columns) == [
        "area_code", "edition", "level", "id", "score", "rank", "rank_low", "rank_high", "coverage",
    ]  # fmt: skip
    summary = json.loads(json.dumps(outcome.summary()))
    assert summary["title"] == "Example index"
    assert [row["weight"] for row in summary["weights"]] == [1, 0.5, 0.5]
    assert summary["fit"][0]["alpha"] is None


def test_draws_give_intervals_of_ranks(framework: Path, values: Path) -> None:
    outcome = score_files(framework, values, draws=40, seed=3)
    index = outcome.table[outcome.table["id"] == "index"]
    assert (index["rank_low"] <= index["rank"]).all()
    assert (index["rank"] <= index["rank_high"]).all()
    varied = {row["source"]: row["varied"] for row in outcome.summary()["varied"]}
    assert len(varied) == 9
    assert varied["goalposts"]
    assert not varied["measurement"]
    heat = outcome.table[outcome.table["id"] == "heat"]
    assert heat["rank_low"].tolist() == heat["rank_high"].tolist() == heat["rank"].tolist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_parquet_is_read_and_written_scores_can_be_read_back(
    framework: Path, values: Path, tmp_path: Path, suffix: str
) -> None:
    copied = tmp_path / "values.parquet"
    pd.read_csv(values, keep_default_na=False, na_values={"value": "NA"}).to_parquet(copied)
    outcome = score_files(framework, copied)
    table = outcome.table
    file = tmp_path / f"scores{suffix}"
    write_scores(outcome, file)
    back = pd.read_csv(file, keep_default_na=False) if suffix == ".csv" else pd.read_parquet(file)
    assert len(back) == len(table) == 8
    assert back["area_code"].tolist() == table["area_code"].tolist()


def test_faults_name_file_and_line(framework: Path, values: Path) -> None:
    framework.write_text(FRAMEWORK.replace("worst: 30", "worst: thirty") + "agregate: x\n")
    values.write_text(VALUES + "B,2024,heat,30\nB,2024,noise,1\nC,2024,heat,high\n")
    with pytest.raises(InputError) as raised:
        score_files(framework, values)
    message = str(raised.value)
    assert "framework.yaml:8: worst of element crowding is 'thirty', which is not a number" in message
    assert "framework.yaml:10: 'agregate' is not a key of a framework" in message
    assert "values.csv:6: heat of area B of 2024 is given twice" in message
    assert "values.csv:7: 'noise' is not an element of the framework" in message
    assert "values.csv:8: value of heat is 'high', which is not a number" in message


def test_missing_and_unreadable_files_are_reported(framework: Path, values: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        score_files(tmp_path / "nothing.yaml", tmp_path / "nothing.csv")
    missing = "there is no such file; check its name and folder"
    assert str(raised.value) == f"nothing.csv: {missing}\nnothing.yaml: {missing}"
    with pytest.raises(InputError, match=r"framework\.yaml: is not a \.csv, \.parquet or \.xlsx file"):
        score_files(framework, framework)
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read as parquet"):
        score_files(framework, tmp_path / "broken.parquet")
    values.write_text("")
    with pytest.raises(InputError, match="the file is empty: give a heading"):
        score_files(framework, values)


def test_an_unusable_output_path_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a \.csv, \.parquet or \.xlsx file"):
        check_target(tmp_path / "scores.xls", [])
    with pytest.raises(InputError, match="there is no folder"):
        check_target(tmp_path / "nowhere" / "scores.csv", [])


def test_a_failed_write_leaves_nothing_behind(framework: Path, values: Path, tmp_path: Path) -> None:
    outcome = score_files(framework, values)
    (tmp_path / "new" / "scores.csv").mkdir(parents=True)
    with pytest.raises(SpiError, match="cannot be written"):
        write_scores(outcome, tmp_path / "new" / "scores.csv")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["scores.csv"]


def test_codes_with_commas_are_quoted_and_others_are_not() -> None:
    assert (
        csv_bytes(pd.DataFrame({"area_code": ["A"], "score": [1.5], "rank": [None]}))
        == b"area_code,score,rank\nA,1.5,\n"
    )
    assert csv_bytes(pd.DataFrame({"area_code": ["A, B"], "score": [0.1]})) == b'area_code,score\n"A, B",0.1\n'


@pytest.mark.parametrize("blank", ["\n", "B,2024,heat,\n"])
def test_line_numbers_are_those_of_the_file(framework: Path, values: Path, blank: str) -> None:
    values.write_text(VALUES.replace("B,2024,heat,20\n", "") + blank + "B,2024,noise,20\n")
    with pytest.raises(InputError, match=r"values\.csv:6: 'noise' is not an element"):
        score_files(framework, values)


def test_details_are_written_to_a_folder(framework: Path, values: Path, tmp_path: Path) -> None:
    outcome = score_files(framework, values, draws=20, sobol=20)
    folder = tmp_path / "all" / "details"
    write_details(outcome, folder)
    names = {file.stem for file in folder.iterdir()}
    assert names == {
        "weights", "statistics", "correlations", "importance", "contributions", "leave_one_out", "imputed", "treated",
        "suppressed", "shrunk", "intervals", "draws", "varied", "pairs", "sensitivity", "scorecard",
    }  # fmt: skip
    assert len(pd.read_csv(folder / "draws.csv")) == 20
    parts = pd.read_csv(folder / "contributions.csv", keep_default_na=False)
    scores = outcome.table[outcome.table["id"].isin(["index", "housing"])].set_index(["id", "area_code"])["score"]
    whole = parts.groupby(["parent_id", "area_code"])["contribution"].sum()
    assert whole.to_dict() == pytest.approx(scores.dropna().to_dict())
    assert json.loads(json.dumps(outcome.summary()))["sensitivity"][0]["source"] == "measurement"


def test_tables_without_rows_have_a_heading(tmp_path: Path, values: Path) -> None:
    framework = tmp_path / "alone.yaml"
    framework.write_text("normalise: none\nelements: [{id: x}, {id: heat, parent: x, direction: higher_is_better}]\n")
    values.write_text("area_code,indicator_id,value\nA,heat,1\nB,heat,2\n")
    write_details(score_files(framework, values), tmp_path / "details")
    headings = {file.stem: file.read_text().splitlines()[0] for file in (tmp_path / "details").iterdir()}
    assert headings["correlations"] == "id,other,correlation,flag,parent_id"
    assert headings["importance"] == "id,share,parent_id"
    assert len(pd.read_csv(tmp_path / "details" / "contributions.csv")) == 2


def test_a_failed_computation_is_reported_in_a_sentence(framework: Path, values: Path) -> None:
    framework.write_text(FRAMEWORK.replace("floor: 1\n", ""))
    values.write_text(VALUES.replace("crowding,10", "crowding,30"))
    with pytest.raises(SpiError, match=r"framework\.yaml with values\.csv: element index: a mean of order 0"):
        score_files(framework, values)


def test_a_profile_and_a_framework_are_explained(framework: Path) -> None:
    assert "first eigenvector" in explain_files(None, "spi")[0]
    assert [text.startswith("Profile ") for text in explain_files(None, None)] == [True] * 6
    words = explain_files(framework, None)[0].splitlines()
    assert words[0] == "Example index (no profile)"
    assert (
        "Each component: Σ w s / Σ w; weights w: the declared weights (1 where none is), scaled to sum to 1." in words
    )
    assert "Each index: exp(Σ w ln s / Σ w)" in explain_files(framework, None)[0]
    with pytest.raises(InputError, match="no profile 'sip'"):
        explain_files(None, "sip")
    with pytest.raises(InputError, match=r"nothing\.yaml: there is no such file; check its name and folder"):
        explain_files(framework.with_name("nothing.yaml"), None)
    framework.write_text(FRAMEWORK.replace("direction: lower", "direction: smaller"))
    with pytest.raises(InputError, match=r"framework\.yaml:8: the direction of crowding"):
        explain_files(framework, None)
