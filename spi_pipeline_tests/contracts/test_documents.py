"""Reading YAML with the line number of every part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.reading.documents import Document, read_document, unknown

ALIAS = "another part is repeated here by an alias; write it out, so that each line stands alone"
names = st.text("abcdefghij_", min_size=1, max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def read(tmp_path: Path, text: str) -> tuple[Document | None, list[Fault]]:
    file = tmp_path / "some.yaml"
    file.write_text(text, encoding="utf-8")
    faults: list[Fault] = []
    return read_document(file, "some.yaml", faults), faults


@settings(max_examples=60)
@given(data=st.dictionaries(names, values, max_size=4), flow=st.sampled_from([True, False, None]))
def test_written_documents_are_read_back_with_a_line_for_every_part(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any], flow: bool | None
) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=False) if data else "{}"
    document, faults = read(tmp_path_factory.mktemp("yaml"), text)
    assert faults == []
    assert document is not None
    assert document.data == data
    lines = text.splitlines()
    for path, line in document.lines.items():
        if isinstance(path[-1], str):
            assert path[-1] in lines[line - 1], "the line of a key holds the key"


def test_line_numbers_match_those_of_an_editor(tmp_path: Path) -> None:
    document, _ = read(tmp_path, "# note\na: 1\nb:\n  - c: 2\n    d: 3\n  - {c: 4,\n     d: 5}\n")
    assert document is not None
    assert document.line(("a",)) == 2
    assert document.line(("b",)) == 3
    assert document.line(("b", 0)) == 4
    assert document.line(("b", 0, "d")) == 5
    assert document.line(("b", 1, "d")) == 7
    assert document.line(("b", 1, "absent")) == 6, "the nearest part that exists"
    assert document.line(("absent", 3)) == 1


def test_a_property_value_pair_is_located_by_its_property(tmp_path: Path) -> None:
    text = "custom:\n  - {property: colour, value: red}\n  - property: place\n    value:\n      level: ward\n"
    document, _ = read(tmp_path, text)
    assert document is not None
    assert document.line(("custom", "colour")) == 2
    assert document.line(("custom", "place")) == 4
    assert document.line(("custom", "place", "level")) == 5
    assert document.line(("custom", "absent", "level")) == 1


def test_dates_are_text_with_and_without_quotation_marks(tmp_path: Path) -> None:
    document, faults = read(tmp_path, "bare: 2021-03-21\nquoted: '2021-03-21'\nimpossible: 2021-13-99\n")
    assert faults == []
    assert document is not None
    assert document.data == {"bare": "2021-03-21", "quoted": "2021-03-21", "impossible": "2021-13-99"}


def test_digits_after_a_zero_are_text(tmp_path: Path) -> None:
    document, faults = read(tmp_path, "code: 010\nnumber: 10\nnothing: 0\nfraction: 0.5\n")
    assert faults == []
    assert document is not None
    assert document.data == {"code": "010", "number": 10, "nothing": 0, "fraction": 0.5}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: {c: 2\n", 3, "is not valid YAML: did not find expected ',' or '}'"),
        ("a:\n\tb: 1\n", 2, "is not valid YAML: found character that cannot start any token"),
        ("a: 1\na: 2\n", 2, "the key 'a' appears twice; keep one of them"),
        ("a: &x {b: 1}\nc: *x\n", 2, ALIAS),
        ("a: &x [*x]\n", 1, ALIAS),
        ("a: 1\n? [b, c]\n: 2\n", 2, "a key here is neither a word nor a number; put it in quotation marks"),
        ("a: !!int word\n", 1, "'word' cannot be read (invalid literal for int() with base 10: 'word'); "
         "put it in quotation marks if it is text"),
        ("a: !secret word\n", 1, "'word' cannot be read (could not determine a constructor for the tag '!secret'); "
         "put it in quotation marks if it is text"),
        ("- a\n- b\n", 1, "the file holds no mapping of keys to values"),
        ("", 1, "the file holds no mapping of keys to values"),
        ("just words\n", 1, "the file holds no mapping of keys to values"),
    ],
)  # fmt: skip
def test_an_unreadable_document_is_one_fault(tmp_path: Path, text: str, line: int, message: str) -> None:
    _, faults = read(tmp_path, text)
    assert faults == [Fault("some.yaml", line, message)]


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_bytes(b"title: caf\xe9\n")
    faults: list[Fault] = []
    assert read_document(file, "some.yaml", faults) is None
    assert faults == [Fault("some.yaml", 0, "is not UTF-8 text (byte 10); save it as UTF-8")]


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    faults: list[Fault] = []
    assert read_document(tmp_path, "some.yaml", faults) is None
    assert faults == [Fault("some.yaml", 0, "the file cannot be read: Is a directory")]


@given(word=st.text(max_size=8), allowed=st.lists(st.text("abc", min_size=1, max_size=4), max_size=5, unique=True))
def test_a_refused_word_is_shown_with_every_allowed_one(word: str, allowed: list[str]) -> None:
    sentence = unknown(word, "letter", allowed)
    assert sentence.startswith(f"{word!r} is not a letter; ")
    assert sentence.endswith(f"allowed are {', '.join(sorted(allowed)) or 'none'}")
