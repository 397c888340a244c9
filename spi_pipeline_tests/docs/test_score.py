"""``docs/score.md`` explains every key, method, option, column and file of the engine, and its examples run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from spi_pipeline import cli
from spi_pipeline.cli.score.command import score_files
from spi_pipeline.cli.score.write import write_details
from spi_pipeline.engine.framework.entries import FRAMEWORK_KEYS
from spi_pipeline.engine.framework.methods import METHODS
from spi_pipeline.engine.framework.profiles import PROFILES
from spi_pipeline.engine.framework.structure import ELEMENT_KEYS
from spi_pipeline.engine.framework.uncertainty_settings import KEYS, SOURCES
from spi_pipeline.engine.framework.values import COLUMNS
from spi_pipeline_tests.docs.documents import REPOSITORY, blocks, commands, text

SCORE = REPOSITORY / "docs" / "score.md"


def section(name: str) -> str:
    """The text below a heading, up to the next heading of the same or a higher level."""
    marks, rest = re.split(rf"^(#+) {re.escape(name)}\n", text(SCORE), flags=re.MULTILINE)[1:]
    return re.split(rf"^#{{1,{len(marks)}}} ", rest, flags=re.MULTILINE)[0]


def words(part: str) -> set[str]:
    """Everything between backticks, and the keys of any mappings there."""
    quoted = set(re.findall(r"`([^`]+)`", part))
    return quoted | {name for match in quoted for name in re.findall(r"(\w+):", match)}


def first_cells(part: str) -> set[str]:
    return {name for row in re.findall(r"^\| ([^|]*) \|", part, re.MULTILINE) for name in words(row)}


# The page's frameworks in order: the smallest, one with every kind of key, and one of ranks.
SMALLEST, EXAMPLE, RANKS = range(3)


def frameworks() -> list[dict[str, Any]]:
    examples = [yaml.safe_load(block) for block in blocks(SCORE, "yaml")]
    return [example for example in examples if "elements" in example]


def values_for(framework: dict[str, Any], areas: int = 12) -> pd.DataFrame:
    """Invented values of every indicator, within its goalposts if any; in a deprivation index, ranks."""
    random = np.random.default_rng(5)
    rows = []
    for element in framework["elements"]:
        if "direction" not in element:
            continue
        low, high = sorted([element.get("worst", 1), element.get("best", 90)])
        ranked = framework.get("profile") == "deprivation"
        drawn = random.permutation(areas) + 1 if ranked else random.uniform(low, high, areas).round(2)
        rows += [(f"W{place:02d}", element["id"], value, "ab"[place % 2]) for place, value in enumerate(drawn)]
    return pd.DataFrame(rows, columns=["area_code", "indicator_id", "value", "group"])


def test_the_page_explains_exactly_the_keys() -> None:
    stated = first_cells(section("Keys of an element"))
    assert stated == set(ELEMENT_KEYS)
    stated = first_cells(section("Keys of the framework"))
    assert stated == set(FRAMEWORK_KEYS)


@pytest.mark.parametrize(("heading", "key"), [
    ("Transform", "transform"), ("Normalise", "normalise"), ("Impute", "impute"), ("Weights", "weights"),
    ("Aggregate", "aggregate"),
])  # fmt: skip
def test_the_page_explains_exactly_the_methods_and_options(heading: str, key: str) -> None:
    part = section(heading)
    assert first_cells(part) == set(METHODS[key])
    for method, options in METHODS[key].items():
        row = next(line for line in part.splitlines() if re.match(rf"\|.*`{method}`.*?\|", line))
        assert options <= words(row), (method, options - words(row))


def test_every_column_uncertainty_option_and_profile_is_explained() -> None:
    assert first_cells(section("Values file")) == set(COLUMNS)
    uncertainty = section("Uncertainty")
    assert first_cells(uncertainty) == set(SOURCES)
    (stated,) = [yaml.safe_load(block)["doubt"] for block in blocks(SCORE, "yaml") if block.startswith("doubt:")]
    assert set(stated) == set(KEYS)
    header = next(line for line in section("Profiles").splitlines() if line.startswith("| |"))
    assert re.findall(r"`([^`]+)`", header) == list(PROFILES)
    command = typer.main.get_command(cli.app).commands["score"]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    listed = first_cells(text(SCORE).split("## Framework file")[0])
    assert {match.split()[0] for match in listed} == options - {"--help"}


def test_every_profile_matches_its_column() -> None:
    rows = {
        tuple(re.findall(r"`(\w[\w-]*)`(?:: (\w+))?", line.split("|")[1])[0]): [
            cell.strip() for cell in line.split("|")[2:-1]
        ]
        for line in section("Profiles").splitlines()
        if line.startswith("| `")
    }
    for place, (name, profile) in enumerate(PROFILES.items()):
        assert rows["scores", ""][place] == f"`{profile.get('scores', 'quality')}`", name
        assert rows["impute", ""][place] == f"`{profile.get('impute', 'none')}`", name
        weights = profile["weights"]
        for label, role in (("component", "component"), ("above", "index")):
            expected = weights if isinstance(weights, str) else weights[role]
            assert rows["weights", label][place] == f"`{expected}`", name
            mean = profile.get("aggregate", "arithmetic")
            mean = mean if isinstance(mean, str) else mean[role]
            shown = f"`{mean}`" if isinstance(mean, str) else f"{mean['method']}, order {mean['order']}"
            assert rows["aggregate", label][place] == shown, name
        assert rows["floor", ""][place] == (f"`{profile['floor']:g}`" if "floor" in profile else ""), name


def test_the_smallest_example_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _put_smallest_example()
    monkeypatch.setattr(sys, "argv", commands(SCORE)[0].split())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert capfd.readouterr().out == blocks(SCORE, "text")[0]


def _put_smallest_example() -> None:
    Path("homes.yaml").write_text(blocks(SCORE, "yaml")[SMALLEST], encoding="utf-8")
    Path("homes.csv").write_text(blocks(SCORE, "csv")[0], encoding="utf-8")


@pytest.mark.parametrize("number", [SMALLEST, EXAMPLE, RANKS])
def test_every_example_is_computed(number: int, tmp_path: Path) -> None:
    framework = frameworks()[number]
    (tmp_path / "framework.yaml").write_text(yaml.safe_dump(framework), encoding="utf-8")
    values_for(framework).to_csv(tmp_path / "values.csv", index=False)
    table = score_files(tmp_path / "framework.yaml", tmp_path / "values.csv").table
    assert table["score"].notna().all()
    assert table["score"].between(0, 100).all()


def test_the_example_values_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "framework.yaml").write_text(blocks(SCORE, "yaml")[EXAMPLE], encoding="utf-8")
    shown = re.search(r"^```\n(area_code.*?)^```", text(SCORE), re.MULTILINE | re.DOTALL)
    assert shown is not None
    more = "W01,2023,warm_homes,80\nW02,2023,warm_homes,70\nW02,2023,burglary,9\n"
    (tmp_path / "values.csv").write_text(shown[1] + more, encoding="utf-8")
    table = score_files(tmp_path / "framework.yaml", tmp_path / "values.csv").table.set_index(["area_code", "id"])[
        "score"
    ]
    assert table["W01", "crowding"] == pytest.approx(100 * 17.5 / 30)
    assert table["W02", "burglary"] == pytest.approx(100 * (1 - 3 / 40**0.5))
    assert np.isnan(table["W01", "burglary"])


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    _put_smallest_example()
    Path("FRAMEWORK.yaml").write_text(blocks(SCORE, "yaml")[EXAMPLE], encoding="utf-8")
    values = values_for(frameworks()[EXAMPLE])
    values.to_csv("VALUES.csv", index=False)
    values.to_parquet("VALUES.parquet")
    values.to_excel("VALUES.xlsx", index=False)
    for command in commands(SCORE):
        monkeypatch.setattr(sys, "argv", command.replace("--draws 1000", "--draws 50").split())
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
    assert Path("scores.csv").exists()
    assert Path("scores.parquet").exists()
    sheets = re.findall(r"`(\w+)`", section("Output").split("five sheets:")[1].split("(how")[0])
    assert list(pd.read_excel("scores.xlsx", sheet_name=None)) == sheets
    assert "Example index (profile spi)" in capfd.readouterr().out


def test_every_details_file_is_listed(tmp_path: Path) -> None:
    framework = frameworks()[EXAMPLE]
    (tmp_path / "f.yaml").write_text(yaml.safe_dump(framework), encoding="utf-8")
    values_for(framework).to_csv(tmp_path / "v.csv", index=False)
    outcome = score_files(tmp_path / "f.yaml", tmp_path / "v.csv", draws=20, sobol=20)
    write_details(outcome, tmp_path / "details")
    part = section("Output")
    assert {name for name in words(part) if name.endswith(".csv")} == {
        file.name for file in (tmp_path / "details").iterdir()
    }
    assert list(outcome.summary()) == list(re.findall(r"`(\w+)`", part.split("`--json` prints")[1].split("\n\n")[0]))
