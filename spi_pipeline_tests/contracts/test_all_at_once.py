"""One report lists every fault of every file, once each and with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.contracts.mutation import (
    BUS,
    CAR,
    CHOICE,
    ENVIRONMENT,
    HOUSING,
    SAFETY,
    change,
    faults,
    line_of,
)


def test_all_faults_of_several_files_are_reported_sorted(root: Path) -> None:
    ward = change(root, "geography.yaml", "code: E05014736", "code: E05014735")
    mean = change(root, "framework.yaml", "aggregate: arithmetic", "aggregate: aritmetic")
    severity = change(root, CAR, "severity: warning", "severity: warn")
    value = change(root, SAFETY, "[Burglary]", "[Burglry]")
    key = change(root, HOUSING, "    limits: Counted", "    owner: nobody\n    limits: Counted")
    goalposts = change(root, ENVIRONMENT, "{worst: 40, best: 10,", "{worst: 40, best: 40,")
    licence = change(root, BUS, "OGL-UK-3.0", "OGL")
    level = change(root, BUS, "levels: [lsoa]", "levels: [lsao]")
    reported = faults(root)
    assert [(fault.file, fault.line) for fault in reported] == [
        ("framework.yaml", mean),
        ("geography.yaml", ward),
        (ENVIRONMENT, goalposts),
        (HOUSING, key),
        (SAFETY, value),
        (BUS, licence),
        (BUS, level),
        (CAR, severity),
    ]
    assert reported == sorted(reported)


def test_a_broken_source_is_reported_once_however_many_indicators_read_it(root: Path) -> None:
    line = change(root, CAR, "value: decennial", "value: decenial")
    assert [(fault.file, fault.line) for fault in faults(root)] == [(CAR, line)]


def test_a_broken_indicator_file_does_not_make_its_component_empty(root: Path) -> None:
    line = change(root, HOUSING, "unit: percent", "unit: [percent")
    assert [(fault.file, fault.line > line - 1) for fault in faults(root)] == [(HOUSING, True)]


def test_a_broken_framework_does_not_hide_a_broken_reference(root: Path) -> None:
    key = change(root, "framework.yaml", "title: Social", "heading: Social")
    column = change(root, CHOICE, "columns: [none]", "columns: [nothing]")
    places = [(fault.file, fault.line) for fault in faults(root)]
    assert places == [("framework.yaml", 1), ("framework.yaml", key), (CHOICE, column)]


def test_tables_are_not_checked_while_the_vocabulary_is_unreadable(root: Path) -> None:
    line = change(root, "vocabulary.yaml", "units:", "units: {")
    change(root, BUS, "OGL-UK-3.0", "OGL")
    (fault,) = faults(root)
    assert fault.file == "vocabulary.yaml"
    assert fault.line >= line


def test_a_missing_file_is_named(root: Path) -> None:
    (root / "framework.yaml").unlink()
    assert faults(root) == [Fault("framework.yaml", 0, "there is no such file; check its name and folder")]


def test_a_missing_folder_error_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: this contracts folder does not exist; set SPI_CONTRACTS to yours"


@pytest.mark.parametrize("folder", ["sources", "products", "indicators"])
def test_a_file_without_the_yaml_ending_is_a_fault(root: Path, folder: str) -> None:
    (root / folder / "extra.yml").write_text("id: extra\n", encoding="utf-8")
    (root / folder / ".hidden").write_text("left by a file manager", encoding="utf-8")
    message = "is not read, contracts end in .yaml; rename it"
    assert faults(root) == [Fault(f"{folder}/extra.yml", 0, message)]


def test_a_fault_shows_its_place_before_its_message(root: Path) -> None:
    line = change(root, BUS, "OGL-UK-3.0", "OGL")
    (fault,) = faults(root)
    assert str(fault).startswith(f"{BUS}:{line}: 'OGL' is not a licence of vocabulary.yaml; ")
    assert line == line_of(root, BUS, "property: licence")
