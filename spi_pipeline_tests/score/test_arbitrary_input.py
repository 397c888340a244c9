"""Arbitrary input: any framework and file of values gives an index or error messages, never a trace or a warning."""

from __future__ import annotations

import copy
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spi_pipeline.cli.score.command import ScoreRun, explain_files, score_files
from spi_pipeline.cli.score.write import write_details, write_scores
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.engine.framework.entries import FRAMEWORK_KEYS
from spi_pipeline.engine.framework.methods import METHODS
from spi_pipeline.engine.framework.profiles import PROFILES
from spi_pipeline.engine.framework.structure import ELEMENT_KEYS

pytestmark = pytest.mark.filterwarnings("error")
many_examples = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

FRAMEWORK: dict[str, Any] = {
    "levels": ["indicator", "component", "index"],
    "elements": [
        {"id": "index"},
        {"id": "homes", "parent": "index"},
        {"id": "a", "parent": "homes", "direction": "higher_is_better", "worst": 0, "best": 10},
        {"id": "b", "parent": "homes", "direction": "lower_is_better", "worst": 10, "best": 0},
        {"id": "c", "parent": "index", "direction": "higher_is_better", "worst": 0, "best": 10},
    ],
}
ROWS = {"area_code": list("PQRSTU"), "a": [5, 1, 3, 8, 2, 9], "b": [5, 2, 4, 7, 1, 3], "c": [5, 2, 6, 8, 4, 0]}
WIDE = pd.DataFrame(ROWS).to_csv(index=False)
WORDS = sorted(
    {*FRAMEWORK_KEYS, *ELEMENT_KEYS, *METHODS, *PROFILES, "method", "index", "homes", "a", "b", "component", "p5"}
    | {name for methods in METHODS.values() for name in methods}
    | {option for methods in METHODS.values() for options in methods.values() for option in options}
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.floats(), st.sampled_from(WORDS), st.text(max_size=3),
    st.sampled_from([10**400, -(10**60), 1e308, 0.5, 1e-320]),
)  # fmt: skip
keys = st.one_of(st.sampled_from(WORDS), st.integers(0, 3), st.text(max_size=3))
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def paths_in(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in inside for place in paths_in(value, (*path, key)))]


def replace_part(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    data[path[0]] = replace_part(data[path[0]], path[1:], value)
    return data


@st.composite
def altered_frameworks(draw: st.DrawFn) -> Any:
    """A framework with some of its parts replaced or added to."""
    data: Any = copy.deepcopy(FRAMEWORK)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths_in(data)))
        value: Any = data
        for key in path:
            value = value[key]
        if isinstance(value, dict) and draw(st.booleans()):
            value[draw(keys)] = draw(trees)
        else:
            data = replace_part(data, path, draw(trees))
    return data


def score_or_none(framework: str, values: bytes, suffix: str = ".csv", write_all: bool = False) -> ScoreRun | None:
    """Score the files: the index, or None if error messages refuse them."""
    with tempfile.TemporaryDirectory() as name:
        folder, messages, outcome = Path(name), ["-"], None
        (folder / "f.yaml").write_text(framework, encoding="utf-8", errors="replace")
        (folder / f"v{suffix}").write_bytes(values)
        try:
            explain_files(folder / "f.yaml", None)
        except SpiError as error:
            messages.append(str(error))
        try:
            outcome = score_files(folder / "f.yaml", folder / f"v{suffix}")
            if write_all:
                write_details(outcome, folder / "details")
                write_scores(outcome, folder / "o.xlsx")
        except SpiError as error:
            messages.append(str(error))
            outcome = None
    assert all(0 < len(message) < 30_000 for message in messages)
    if outcome is not None:
        assert outcome.summary()["levels"]
        assert not np.isinf(outcome.table["score"]).any()
    return outcome


@many_examples
@given(data=trees | st.dictionaries(st.sampled_from(FRAMEWORK_KEYS), trees))
def test_any_tree_as_a_framework(data: Any) -> None:
    score_or_none(yaml.safe_dump(data, allow_unicode=True), WIDE.encode())


@settings(many_examples, max_examples=80)
@given(data=altered_frameworks())
@example({**FRAMEWORK, "elements": [{"id": "a", "direction": {}}]})
@example({**FRAMEWORK, "profile": {}})
@example({**FRAMEWORK, "scale": 10**400})
def test_a_framework_with_altered_parts(data: Any) -> None:
    score_or_none(yaml.safe_dump(data, allow_unicode=True), WIDE.encode(), write_all=True)


@many_examples
@given(content=st.text(max_size=60))
@example("[" * 200_000)
@example("a: " * 60)
@example("elements: &a [*a]")
@example("x: !!int ''\ny: !!bool perhaps")
def test_any_text_as_a_framework(content: str) -> None:
    assert score_or_none(content, WIDE.encode()) is None


cells = st.one_of(
    st.sampled_from(["", "a", "b", "c", "P", "Q", "NA", "not applicable", "1", "-2.5", "1e40", "1e308", "1e400", "x",
                     "=1+1", "2020", "TRUE", "0x1F", "1_0", "\x00", "é", '"', "index"]),
    st.text(max_size=3),
)  # fmt: skip
headings = st.lists(
    st.sampled_from(["area_code", "indicator_id", "value", "edition", "a", "b", "c", "group", "population", "note",
                     "numerator", "denominator", "lower", "upper", "period", "standing", "x", ""]),
    max_size=6,
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    heading = draw(headings | st.just(["area_code", "indicator_id", "value"]) | st.just(["area_code", "a", "b", "c"]))
    rows = st.lists(cells, min_size=len(heading), max_size=len(heading)) | st.lists(cells, max_size=5)
    return [heading, *draw(st.lists(rows, max_size=8))]


@settings(many_examples, max_examples=120)
@given(rows=tables())
def test_any_csv(rows: list[list[str]]) -> None:
    score_or_none(yaml.safe_dump(FRAMEWORK), "\n".join(",".join(row) for row in rows).encode(errors="replace"))


@many_examples
@given(content=st.binary(max_size=40), suffix=st.sampled_from([".csv", ".parquet", ".xlsx"]))
def test_any_bytes(content: bytes, suffix: str) -> None:
    score_or_none(yaml.safe_dump(FRAMEWORK), content, suffix)


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


typed = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(), st.timedeltas(), st.times(), st.sampled_from(["=1/0", "#N/A", "P", "a", "not applicable", " "]),
)  # fmt: skip


@many_examples
@given(rows=st.lists(st.lists(typed, max_size=5), max_size=6), wide=st.booleans())
def test_any_workbook(rows: list[list[Any]], wide: bool) -> None:
    heading = ["area_code", "a", "b", "c"] if wide else ["area_code", "indicator_id", "value"]
    score_or_none(yaml.safe_dump(FRAMEWORK), workbook([heading, *rows]), ".xlsx")


SAVED = workbook([list(ROWS), *map(list, zip(*ROWS.values(), strict=True))])


@many_examples
@given(place=st.integers(0, len(SAVED) - 1), byte=st.integers(0, 255))
def test_a_damaged_workbook(place: int, byte: int) -> None:
    score_or_none(yaml.safe_dump(FRAMEWORK), SAVED[:place] + bytes([byte]) + SAVED[place + 1 :], ".xlsx")


numbers = st.one_of(
    st.floats(-1e50, 1e50), st.sampled_from([0.0, 1e-320, -1e-320, 1e50, -1e50, 1.0, 1 + 1e-16, 1e-60, 5.0, 7.0])
)
METHOD_OF = [(key, name) for key in ("normalise", "aggregate", "weights", "impute") for name in METHODS[key]]
OPTIONS = {"generalised": {"order": 20}, "reference": {"area_code": "P"}}


@many_examples
@given(
    chosen=st.lists(st.sampled_from(METHOD_OF), max_size=3),
    transform=st.sampled_from(list(METHODS["transform"])),
    columns=st.lists(st.lists(st.one_of(numbers, st.none()), min_size=6, max_size=6), min_size=3, max_size=3),
    treat=st.booleans(),
    without_goalposts=st.booleans(),
)
def test_numbers_of_any_size(
    chosen: list[tuple[str, str]], transform: str, columns: list[list[float]], treat: bool, without_goalposts: bool
) -> None:
    framework = copy.deepcopy(FRAMEWORK) | {"treat": treat}
    for key, name in chosen:
        framework[key] = {"method": name, **OPTIONS[name]} if name in OPTIONS else name
    for element in framework["elements"]:
        if "direction" in element:
            element |= {"transform": transform, "target": 20}
        if without_goalposts:
            element.pop("worst", None), element.pop("best", None)
    table = pd.DataFrame({"area_code": list("PQRSTU"), **dict(zip("abc", columns, strict=True))})
    outcome = score_or_none(yaml.safe_dump(framework), table.to_csv(index=False).encode(), write_all=True)
    if outcome is not None and not {"reference"} & {name for _, name in chosen}:
        inputs, scores = outcome.scores.inputs, outcome.scores.scores
        blank = np.isnan(scores[list("abc")].to_numpy()) & ~np.isnan(inputs.treated)
        assert not blank.any(), (chosen, scores)
