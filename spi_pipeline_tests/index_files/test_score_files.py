from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import ContractError, SpiError
from spi_pipeline.index_files.command import explain, score_files, write_table

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
    assert len(varied) == 8
    assert varied["goalposts"]
    assert not varied["sampling"]
    assert outcome.table[outcome.table["id"] == "heat"]["rank_low"].isna().all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_parquet_in_and_the_table_out_and_back(framework: Path, values: Path, tmp_path: Path, suffix: str) -> None:
    copied = tmp_path / "values.parquet"
    pd.read_csv(values, keep_default_na=False, na_values={"value": "NA"}).to_parquet(copied)
    table = score_files(framework, copied).table
    file = tmp_path / f"scores{suffix}"
    write_table(table, file)
    back = pd.read_csv(file, keep_default_na=False) if suffix == ".csv" else pd.read_parquet(file)
    assert len(back) == len(table) == 8
    assert back["area_code"].tolist() == table["area_code"].tolist()


def test_faults_name_file_and_line(framework: Path, values: Path) -> None:
    framework.write_text(FRAMEWORK.replace("worst: 30", "worst: thirty") + "agregate: x\n")
    values.write_text(VALUES + "B,2024,heat,30\nB,2024,noise,1\nC,2024,heat,high\n")
    with pytest.raises(ContractError) as raised:
        score_files(framework, values)
    found = str(raised.value)
    assert "framework.yaml:8: worst of element crowding is 'thirty', which is no number" in found
    assert "framework.yaml:10: 'agregate' is no key of a framework" in found
    assert "values.csv:6: heat of area B of 2024 is given twice" in found
    assert "values.csv:7: 'noise' is no element of the framework" in found
    assert "values.csv:8: value is 'high', which is no number" in found


def test_what_cannot_be_read_or_written(framework: Path, values: Path, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match="no file"):
        score_files(framework, tmp_path / "nothing.csv")
    with pytest.raises(ContractError, match=r"nothing\.yaml: the file is missing"):
        score_files(tmp_path / "nothing.yaml", values)
    with pytest.raises(SpiError, match=r"neither \.csv nor \.parquet"):
        score_files(framework, framework)
    with pytest.raises(SpiError, match=r"neither \.csv nor \.parquet"):
        write_table(pd.DataFrame(), tmp_path / "scores.xlsx")
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(SpiError, match="cannot be read as parquet"):
        score_files(framework, tmp_path / "broken.parquet")


def test_what_cannot_be_computed_is_said_in_a_sentence(framework: Path, values: Path) -> None:
    framework.write_text(FRAMEWORK.replace("floor: 1\n", ""))
    values.write_text(VALUES.replace("crowding,10", "crowding,30"))
    with pytest.raises(SpiError, match=r"framework\.yaml with values\.csv: element index: a mean of order 0"):
        score_files(framework, values)


def test_a_profile_is_explained() -> None:
    assert "first eigenvector" in explain("spi")
    with pytest.raises(SpiError, match="no profile"):
        explain("sip")
