"""``docs/own-figures.md`` followed step by step, from an invented file to a score, on copies of contracts and store."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from spi_pipeline.geography.points import place_points
from spi_pipeline.snapshot.embedded import embedded_file
from spi_pipeline_tests.docs.conftest import OWN_SETTINGS, program
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, blocks, markdown_table, text

DOCUMENT = REPOSITORY / "docs" / "own-figures.md"
SNAPSHOT = REPOSITORY / "spi_pipeline" / "snapshot" / "tables"
QUERY = """
    SELECT area_name, id, score, numerator, value FROM score JOIN area USING (area_code)
    LEFT JOIN observation o ON o.area_code = area.area_code AND o.edition = score.edition AND o.indicator_id = id
    WHERE profile = 'spi' AND score.edition = 2026 AND id IN ('safety', 'asb_calls') AND area.level = 'ward'
"""


def assert_text(name: str, expected: str) -> None:
    """Assert that a text block of the page equals the new output; if ``WRITE_DOCUMENTS`` is set, write it first."""
    pattern = re.compile(rf"(<!-- text: {name} -->\n\n```text\n)(.*?)(```\n)", re.DOTALL)
    if os.environ.get("WRITE_DOCUMENTS"):
        DOCUMENT.write_text(pattern.sub(lambda match: match[1] + expected + match[3], text(DOCUMENT)), encoding="utf-8")
    match = pattern.search(text(DOCUMENT))
    assert match
    assert match[2] == expected, f"{DOCUMENT.name}: the text {name!r} must now read\n\n{expected}"


@pytest.fixture(scope="module")
def followed(refreshed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder in which the page's commands were run, and the output of each block of commands."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(refreshed / "spi_store", folder / "spi_store", symlinks=True)
    shutil.copytree(REPOSITORY / "data_contracts", folder / "data_contracts")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    environment["PATH"] = f"{Path(program('spi')).parent}:{environment['PATH']}"
    outputs, exports = [], "set -e\n"
    for block in blocks(DOCUMENT, "sh"):
        result = subprocess.run(
            ["bash", "-c", exports + block],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert result.returncode == 0, f"{block}{result.stdout}{result.stderr}"
        outputs.append(result.stdout)
        exports += "".join(f"{line}\n" for line in block.splitlines() if line.startswith("export "))
    return folder, outputs


def test_lint_output_for_blanks_matches_the_page(followed: tuple[Path, list[str]]) -> None:
    assert_text("blanks", next(output for output in followed[1] if "is left blank" in output))


def test_the_explanation_of_the_score_reaches_the_file(followed: tuple[Path, list[str]]) -> None:
    output = followed[1][-1]
    shown = output[output.index("Central (E05014739)") :]
    assert_text("explained", re.sub(r" +\n", "\n", shown))
    assert "inbox/asb_calls/asb_calls.csv" in shown


def test_every_ward_has_the_calls_within_its_boundary(followed: tuple[Path, list[str]], refreshed: Path) -> None:
    folder = followed[0]
    calls = pd.read_csv(folder / "asb_calls.csv", skiprows=1)
    wards = pd.read_parquet(embedded_file(SNAPSHOT, "wards"))
    lies_in = pd.Series(place_points(calls["Longitude"], calls["Latitude"], wards))
    names = wards.set_index("area_code")["area_name"]
    counted = lies_in.dropna().map(names).value_counts()
    assert len(calls) - counted.sum() == int(re.findall(r"([\d,]+) rows have no place", followed[1][2])[0])
    after, before = (
        duckdb.connect(str(root / "spi_store" / "spi.duckdb"), read_only=True).sql(QUERY).df()
        for root in (folder, refreshed)
    )
    calls_scores = after[after["id"] == "asb_calls"].set_index("area_name").sort_values("score")
    expected = counted.where(counted >= 5).reindex(calls_scores.index, fill_value=0)
    assert calls_scores["numerator"].fillna(-1).tolist() == expected.fillna(-1).tolist()
    scored = (100 * (40 - calls_scores["value"]) / 40).clip(0, 100)
    pd.testing.assert_series_equal(calls_scores["score"], scored, check_names=False)
    safety, earlier = (frame[frame["id"] == "safety"].set_index("area_name")["score"] for frame in (after, before))
    rows = [
        [name, int(row["numerator"])]
        + [f"{value:.1f}" for value in (row["value"], row["score"], earlier[name], safety[name])]
        for name, row in calls_scores.iterrows()
    ]
    header = ["Ward", "Calls", "Per 1,000 residents", "Score", "Safety before", "Safety with it"]
    assert_table(DOCUMENT, "own figures", markdown_table(header, rows, numbers=header[1:]))


def test_the_weights_of_safety_match_the_page(followed: tuple[Path, list[str]], refreshed: Path) -> None:
    query = "SELECT DISTINCT method FROM weight WHERE parent_id = 'safety' AND profile = 'spi'"
    methods = [
        duckdb.connect(str(root / "spi_store" / "spi.duckdb"), read_only=True).sql(query).fetchall()
        for root in (refreshed, followed[0])
    ]
    assert methods == [[("pca_reference",)], [("equal",)]]


def test_rows_of_the_file_are_not_stored(followed: tuple[Path, list[str]]) -> None:
    store = followed[0] / "spi_store"
    content = (store / "inbox/asb_calls/asb_calls.csv").read_bytes()
    copies = [path for path in store.rglob("*") if path.is_file() and path.read_bytes() == content]
    assert copies == [store / "inbox/asb_calls/asb_calls.csv"]
    table = pd.read_parquet(max((store / "tables/asb_calls").glob("*.parquet"), key=os.path.getmtime))
    assert list(table.columns) == ["area_code", "counted"]
    assert len(table) == 20


def test_the_published_contracts_do_not_mention_the_example() -> None:
    contracts = REPOSITORY / "data_contracts"
    assert not [
        path for path in contracts.rglob("*.yaml") if "asb_calls" in text(path) or "mode, value: own" in text(path)
    ]
