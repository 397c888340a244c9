"""Reading files as people and programs write them: byte order marks, line ends, quotes, blank lines and types."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spi_pipeline.cli.score.command import score_files
from spi_pipeline.cli.score.read import InputError

FRAMEWORK = """\
elements:
  - {id: index}
  - {id: a, parent: index, direction: higher_is_better, worst: 0, best: 10}
  - {id: b, parent: index, direction: lower_is_better, worst: 10, best: 0}
"""
HEADING = "area_code,edition,indicator_id,value\n"
ROWS = "001,2020,a,5\n001,2020,b,5\nNA,2020,a,1\nNA,2020,b,2\n"
PLAIN = HEADING + ROWS
EXPECTED = {("001", "index"): 50.0, ("NA", "index"): 45.0}


@pytest.fixture
def score(tmp_path: Path) -> Callable[..., pd.Series]:
    def run(content: bytes | str, suffix: str = ".csv") -> pd.Series:
        (tmp_path / "f.yaml").write_text(FRAMEWORK, encoding="utf-8")
        file = tmp_path / f"v{suffix}"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = score_files(tmp_path / "f.yaml", file).table.astype({"area_code": str, "id": str})
        return table.set_index(["area_code", "id"])["score"]

    return run


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.removesuffix("\n"),
        '"area_code","edition","indicator_id","value"\n' + ROWS.replace("001,2020,a,5", '"001","2020","a","5"'),
        HEADING + "\n" + ROWS + "\n\n",
        HEADING + ",,,\n" + ROWS + " , ,,\n",
        PLAIN.replace("2020", "2020.0"),
        PLAIN.replace(",", ", "),
        PLAIN.replace("a,5", "a,+5.").replace("b,2", "b,2e0"),
        PLAIN.replace("value\n", "value,area_name,note\n").replace(",5\n", ",5,Some,\n").replace(",1\n", ",1,Other,x\n")
        .replace(",2\n", ",2,,\n"),
        "value,indicator_id,area_code\n5,a,001\n5,b,001\n1,a,NA\n2,b,NA\n",
    ],
)  # fmt: skip
def test_equivalent_files_give_the_same_scores(score: Callable[..., pd.Series], content: bytes | str) -> None:
    scores = score(content)
    for key, value in EXPECTED.items():
        assert scores[key] == value


def test_a_suffix_in_capitals_is_accepted(score: Callable[..., pd.Series]) -> None:
    assert score(PLAIN, ".CSV")["NA", "index"] == 45


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            PLAIN.replace("a,5", 'a,"1,234"'),
            "v.csv:2: value of a is '1,234', which is not a number: write it in digits",
        ),
        (PLAIN.replace("a,5", "a,TRUE"), "v.csv:2: value of a is 'TRUE', which is not a number"),
        (PLAIN.replace("a,5", "a,5%"), "v.csv:2: value of a is '5%'"),
        (PLAIN.replace("a,5", "a,1_0"), "v.csv:2: value of a is '1_0'"),
        (PLAIN.replace("a,5", "a,n/a"), "v.csv:2: value of a is 'n/a'"),
        (PLAIN.replace("a,5", "a,1e400"), "v.csv:2: value of a is 'inf', which is infinite"),
        (HEADING + "x,2020,a,TRUE\nx,2020,b,FALSE\n", "v.csv:3: value of b is 'FALSE', which is not a number"),
        (PLAIN.replace("001,2020,b,5", "001,2020,b"), "v.csv:3: the row has 3 fields, the heading 4"),
        (PLAIN.replace("001,2020,b,5", "001,2020,b,5,6"), "v.csv:3: the row has 5 fields, the heading 4"),
        (PLAIN.replace("001,2020,b", "001,,b"), "v.csv:3: the edition is blank, those of other rows are not"),
        (PLAIN.replace("001,2020,b", "001,2020,"), "v.csv:3: the indicator_id is blank"),
        (PLAIN.replace("001,2020,b", ",2020,b"), "v.csv:3: the area_code is blank"),
        (PLAIN.replace("001,2020,a", '"00\n1",2020,a').replace("b,2", "b,x"), "v.csv:6: value of b is 'x'"),
        (PLAIN.replace("\nNA", "\n\nNA").replace("b,2", "b,x"), "v.csv:7: value of b is 'x'"),
        (
            PLAIN.replace("value\n", "value,value\n").replace("5\n", "5,5\n"),
            "v.csv:1: the heading has 'value' more than",
        ),
        (PLAIN.replace("value", "value,numertor").replace("5\n", "5,1\n").replace("1\n", "1,1\n"), "the row has"),
        (
            HEADING.replace("value", "value,numertor") + "x,2020,a,1,1\nx,2020,b,1,1\n",
            "have an unknown column 'numertor': remove it, or use numerator",
        ),
        (PLAIN.replace(",", ";"), "v.csv:1: the columns are separated by semicolons: separate"),
        ((PLAIN + "é,2020,a,1\n").encode("latin1"), "v.csv: is not UTF-8 text (byte"),
        ("", "v.csv: the file is empty"),
        (HEADING, "v.csv: there are no values"),
        (HEADING + "x,2020,a,\nx,2020,b,1\n", "f.yaml:3: indicator a has no data"),
        (HEADING + "x,2020,a,n/a\nx,2020,c,1\n", "f.yaml:4: indicator b has no data"),
    ],
)
def test_malformed_files_are_refused(score: Callable[..., pd.Series], content: bytes | str, words: str) -> None:
    with pytest.raises(InputError) as raised:
        score(content)
    assert words in str(raised.value)


def test_a_folder_instead_of_values_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(FRAMEWORK, encoding="utf-8")
    (tmp_path / "v.csv").mkdir()
    with pytest.raises(InputError, match=r"v\.csv: is a folder: name the file of values"):
        score_files(tmp_path / "f.yaml", tmp_path / "v.csv")


def test_digits_after_a_zero_are_a_code(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(FRAMEWORK + "outside: [010]\n", encoding="utf-8")
    rows = [f"{area},{name},{value}" for area, value in (("010", 9), ("8", 5), ("9", 1)) for name in "ab"]
    (tmp_path / "v.csv").write_text("\n".join(["area_code,indicator_id,value", *rows]), encoding="utf-8")
    table = score_files(tmp_path / "f.yaml", tmp_path / "v.csv").table.astype({"area_code": str, "id": str})
    ranked = table[table["id"] == "a"].set_index("area_code")["rank"].notna()
    assert ranked.to_dict() == {"010": False, "8": True, "9": True}


def test_blank_groups_take_the_group_of_other_rows(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(FRAMEWORK + "wholes: group\n", encoding="utf-8")
    rows = "x,a,5,g,10\nx,b,5,,\ny,a,1,,30\ny,b,1,g,\n"
    (tmp_path / "v.csv").write_text("area_code,indicator_id,value,group,population\n" + rows, encoding="utf-8")
    table = score_files(tmp_path / "f.yaml", tmp_path / "v.csv").table.astype({"area_code": str, "id": str})
    whole = table.set_index(["area_code", "id"])["score"]
    assert whole["g", "a"] == pytest.approx(10 * (5 * 10 + 1 * 30) / 40)


KEYS = {"area_code": ["001", "001", "NA", "NA"], "indicator_id": ["a", "b", "a", "b"]}
NUMBERS = [5, 5, 1, 2]


@pytest.mark.parametrize(
    "columns",
    [
        {"value": pa.array(NUMBERS, pa.int8())},
        {"value": pa.array([Decimal(n) for n in NUMBERS], pa.decimal128(10, 2))},
        {"value": pa.array(NUMBERS, pa.float32()), "edition": pa.array([date(2020, 1, 1)] * 4)},
        {"value": pa.array(list(map(str, NUMBERS)))},
        {"value": pa.array(NUMBERS), "area_code": pa.array(KEYS["area_code"]).dictionary_encode()},
        {"value": pa.array(NUMBERS), "indicator_id": pa.array(KEYS["indicator_id"], pa.large_string())},
        {"value": pa.array(NUMBERS), "edition": pa.array([2020.0] * 4)},
        {name: pa.array(words, pa.binary()) for name, words in KEYS.items()} | {"value": pa.array(NUMBERS)},
        {name: pa.array(words, pa.large_binary()) for name, words in KEYS.items()} | {"value": pa.array(NUMBERS)},
        {
            "value": pa.array([b"5", b"5", b"1", b"2"]),
            "area_code": pa.array([b"001", b"001", b"NA ", b"NA "], pa.binary(3)),
        },
        {"value": pa.array(NUMBERS), "area_code": pa.array([b"001", b"001", b"NA", b"NA"]).dictionary_encode()},
    ],
)
def test_parquet_columns_may_have_any_suitable_type(
    score: Callable[..., pd.Series], columns: dict[str, pa.Array]
) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({**{name: pa.array(words) for name, words in KEYS.items()}, **columns}), sink)
    scores = score(sink.getvalue().to_pybytes(), ".parquet")
    for key, value in EXPECTED.items():
        assert scores[key] == value


def test_whole_numbers_as_codes_have_no_decimals(score: Callable[..., pd.Series], tmp_path: Path) -> None:
    file = tmp_path / "codes.parquet"
    pd.DataFrame({"area_code": [1.0, 1, 2, 2], "indicator_id": list("abab"), "value": NUMBERS}).to_parquet(file)
    assert score(file.read_bytes(), ".parquet")["2", "index"] == 45


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([True, False, True, True], "v.parquet:2: value of b is 'False', which is not a number"),
        ([datetime(2020, 1, 1)] * 4, "v.parquet:1: value of a is '2020-01-01 00:00:00', which is not a number"),
        (["5", "x", "1", "2"], "v.parquet:2: value of b is 'x', which is not a number"),
        ([[5.0], [5.0], [1.0], [2.0]], "v.parquet: column value holds list<element: double>"),
    ],
)
def test_unsuitable_parquet_columns_are_refused(
    score: Callable[..., pd.Series], values: list[object], words: str
) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({**KEYS, "value": values}), sink)
    with pytest.raises(InputError) as raised:
        score(sink.getvalue().to_pybytes(), ".parquet")
    assert words in str(raised.value)


def test_bytes_that_are_not_text_are_refused(score: Callable[..., pd.Series]) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({**KEYS, "area_code": pa.array([b"\xff"] * 4), "value": NUMBERS}), sink)
    with pytest.raises(InputError, match=r"v\.parquet: column area_code holds bytes that are not UTF-8"):
        score(sink.getvalue().to_pybytes(), ".parquet")


WIDE = "area_code,edition,a,b\n001,2020,5,5\nNA,2020,1,2\n"


@pytest.mark.parametrize(
    "content",
    [
        WIDE,
        WIDE.replace("area_code", "area_code,area_name,group").replace(",2020", ",Some name,g,2020"),
        "b,a,area_code\n5,5,001\n2,1,NA\n",
        WIDE.replace("\nNA", "\n,,,\nNA"),
    ],
)
def test_equivalent_wide_files_give_the_same_scores(score: Callable[..., pd.Series], content: str) -> None:
    scores = score(content)
    for key, value in EXPECTED.items():
        assert scores[key] == value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            WIDE.replace("area_code", "ward"),
            "but have no column 'area_code': rename the column with the codes",
        ),
        (WIDE.replace("edition", "value"), "v.csv: some columns belong to a long table, but 'a' belongs to a wide"),
        (WIDE.replace("edition", "indicator_id"), "use one of the two forms"),
        (
            WIDE.replace("edition", "numerator"),
            "v.csv: the wide table has a column 'numerator', which is not an indicator",
        ),
        (WIDE.replace("edition", "editoin"), "remove it, add it to the framework, or use edition"),
        (WIDE.replace("a,b", "a,c"), "v.csv: the wide table has a column 'c', which is not an indicator"),
        (WIDE.replace("a,b", "a,a"), "v.csv:1: the heading has 'a' more than once"),
        (WIDE.replace("NA", "001"), "v.csv:3: there are two rows of 001 in 2020: keep one"),
        (WIDE.replace("NA", " "), "v.csv:3: the area_code is blank"),
        (WIDE.replace("NA,2020,1,2", "NA,2020,1,x"), "v.csv:3: value of b is 'x', which is not a number"),
        (WIDE.replace("NA,2020,1,2", "NA,,1,2"), "v.csv:3: the edition is blank"),
        ("area_code,x,y\nP,1,2\n", "v.csv: the values lack indicator_id, value: give one row per value with the"),
        (WIDE.replace("edition", "population").replace(",2020", ",0"), "v.csv:2: the population is not above 0"),
    ],
)
def test_malformed_wide_files_are_refused(score: Callable[..., pd.Series], content: str, words: str) -> None:
    with pytest.raises(InputError) as raised:
        score(content)
    assert words in str(raised.value)
    assert len(set(raised.value.faults)) == len(raised.value.faults)


def test_an_indicator_named_like_a_column_of_a_wide_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(FRAMEWORK.replace("id: b", "id: group"), encoding="utf-8")
    (tmp_path / "v.csv").write_text("area_code,a,group\nP,1,2\n", encoding="utf-8")
    with pytest.raises(
        InputError, match="'group' is an indicator here and a column of its own in a wide table: rename"
    ):
        score_files(tmp_path / "f.yaml", tmp_path / "v.csv")


def test_population_may_be_both_a_column_and_a_divisor(tmp_path: Path) -> None:
    framework = FRAMEWORK.replace("best: 0}", "best: 0, divide_by: population}") + "wholes: all\n"
    (tmp_path / "f.yaml").write_text(framework, encoding="utf-8")
    (tmp_path / "v.csv").write_text("area_code,a,b,population\nP,1,20,10\nQ,3,60,30\n", encoding="utf-8")
    table = score_files(tmp_path / "f.yaml", tmp_path / "v.csv").table.astype({"area_code": str, "id": str})
    scores = table.set_index(["area_code", "id"])["score"]
    assert scores["P", "b"] == pytest.approx(80)
    assert scores["all", "a"] == pytest.approx(10 * (1 * 10 + 3 * 30) / 40)


def workbook(change: Callable[[Any], None] = lambda book: None) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["area_code", "edition", "a", "b"], ["001", 2020, 5, 5.0], [None, " "], ["NA", 2020, 1, "2"]):
        book.active.append(row)
    change(book)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda book: None,
        lambda book: book.create_sheet("empty"),
        lambda book: book.create_sheet("notes").append(["x"]) or setattr(book.worksheets[0], "title", "values"),
        lambda book: book.worksheets[0].insert_rows(1, 3),
        lambda book: book.worksheets[0].insert_cols(1),
        lambda book: [book.worksheets[0].cell(row, 2, datetime(2020, 1, 1)) for row in (2, 4)],
    ],
)
def test_equivalent_workbooks_give_the_same_scores(
    score: Callable[..., pd.Series], change: Callable[[Any], None]
) -> None:
    scores = score(workbook(change), ".xlsx")
    for key, value in EXPECTED.items():
        assert scores[key] == value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda book: book.create_sheet("more").append(["x"]),
            "several sheets have entries (Sheet, more): name the one",
        ),
        (lambda book: book.worksheets[0].delete_rows(1, 9), "v.xlsx: the workbook is empty"),
        (lambda book: book.worksheets[0].cell(2, 6, 1), "v.xlsx:1: column F has entries and no heading"),
        (lambda book: book.worksheets[0].cell(4, 3, "=1+1"), "v.xlsx:4: C4 holds a formula without a saved value"),
        (lambda book: book.worksheets[0].cell(4, 3, "#N/A"), "v.xlsx:4: value of a is '#N/A', which is not a number"),
        (lambda book: book.worksheets[0].cell(4, 3, True), "v.xlsx:4: value of a is 'True', which is not a number"),
        (
            lambda book: book.worksheets[0].cell(4, 3, date(2020, 5, 1)),
            "v.xlsx:4: value of a is '2020-05-01', which is",
        ),
        (lambda book: book.worksheets[0].cell(4, 1, "001"), "v.xlsx:4: there are two rows of 001 in 2020"),
    ],
)
def test_malformed_workbooks_are_refused(
    score: Callable[..., pd.Series], change: Callable[[Any], None], words: str
) -> None:
    with pytest.raises(InputError) as raised:
        score(workbook(change), ".xlsx")
    assert words in str(raised.value)


def test_files_that_are_not_workbooks_are_refused(score: Callable[..., pd.Series]) -> None:
    for content in (b"", b"PK\x03\x04", PLAIN.encode()):
        with pytest.raises(InputError, match=r"v\.xlsx: is not a readable workbook"):
            score(content, ".xlsx")
