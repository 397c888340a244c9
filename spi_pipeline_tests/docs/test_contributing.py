"""The worked example in CONTRIBUTING.md works, and its table of packages matches the linter's rules."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from spi_pipeline.storage.store import Store
from spi_pipeline_tests.docs.conftest import Spi
from spi_pipeline_tests.docs.documents import (
    CONTRIBUTING,
    REPOSITORY,
    assert_table,
    blocks,
    commands,
    markdown_table,
    text,
)


def test_the_worked_example_computes_an_indicator(
    reader_folder: Path, spi: Spi, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = blocks(CONTRIBUTING, "yaml")
    (added,) = yaml.safe_load(example)
    contracts = Path(shutil.copytree(REPOSITORY / "data_contracts", reader_folder / "data_contracts"))
    file = contracts / "indicators" / "safety.yaml"
    assert added["id"] not in text(file), "the example must be an indicator that does not exist yet"
    file.write_text(text(file) + example, encoding="utf-8")
    monkeypatch.setenv("SPI_CONTRACTS", str(contracts))

    # Compute only the indicator: the steps that follow take as long for any other indicator.
    for arguments in (["contracts", "lint"], ["refresh", "--select", f"indicator/{added['id']}"]):
        code, _, messages = spi(reader_folder, *arguments)
        assert code == 0, messages
    values = Store(reader_folder / "spi_store").read(f"indicator_value.{added['id']}").to_pandas()
    wards = values[(values["area_code"] != "E06000032") & values["value"].notna()]
    assert set(wards.groupby("edition").size()) == {20}
    assert wards["value"].between(0, added["goalposts"]["worst"]).all(), "the reason for the goalposts states this"


def test_the_checks_before_merging_are_those_of_ci() -> None:
    documented = [
        command.removeprefix(".venv/bin/") for command in commands(CONTRIBUTING) if command.startswith(".venv/bin/")
    ]
    lines = text(REPOSITORY / ".ci" / "run").splitlines()
    ci_commands = [line for line in lines if line.split(" ")[0] in ("ruff", "mypy", "lint-imports", "pytest")]
    assert documented[: len(ci_commands)] == ci_commands


def test_packages() -> None:
    linter = tomllib.loads(text(REPOSITORY / "pyproject.toml"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers")
    rows = [
        [", ".join(f"`{name.strip().removeprefix('spi_pipeline.')}`" for name in layer.split("|"))] for layer in layers
    ]
    assert_table(CONTRIBUTING, "packages", markdown_table(["Packages, from the top"], rows))
