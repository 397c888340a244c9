"""Creating a council's folder from its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.root import Root
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_code, council_geography, councils, geography_file
from spi_pipeline_tests.integration.fixtures import Command, no_dagster_home, spi
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, Sandbox, empty_sandbox

__all__ = ["no_dagster_home", "spi"]

ENGLAND = Settings().england
# The smallest two, the largest, wards redrawn in 2024, a police force that publishes nothing, awkward names.
WARD_COUNTS = {
    "E06000032": 20, "E06000053": 1, "E09000001": 5, "E08000025": 69, "E06000052": 87, "E07000110": 22, "E08000003": 32,
    "E06000019": 53, "E06000010": 21,
}  # fmt: skip


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return empty_sandbox(tmp_path / "sandbox")


@pytest.fixture(scope="module")
def known() -> list[dict[str, object]]:
    return councils(ENGLAND)


def test_every_council_of_england_has_a_region_force_and_wards(known: list[dict[str, object]]) -> None:
    assert len(known) == len({row["area_code"] for row in known}) == 296
    assert sum(int(str(row["wards"])) for row in known) == 6784
    assert len({row["region"] for row in known}) == 9
    assert all(row["police_force"] for row in known)
    assert len({row["police_force"] for row in known}) == 39


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Luton", "E06000032"),
        ("luton", "E06000032"),
        (" e06000032 ", "E06000032"),
        ("Central Bedfordshire", "E06000056"),
        ("central bedford", "E06000056"),
        ("Bristol", "E06000023"),
        ("Hull", "E06000010"),
        ("Kingston upon Hull", "E06000010"),
        ("St Albans", "E07000240"),
        ("king's lynn & west norfolk", "E07000146"),
        ("York", "E06000014"),
    ],
)
def test_a_council_is_found_by_name_part_or_code(known: list[dict[str, object]], typed: str, code: str) -> None:
    assert council_code(typed, known) == code


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Lutno", "there is no council 'Lutno'; did you mean Luton? spi council --list names all 296"),
        ("Bedfrod", "there is no council 'Bedfrod'; did you mean Bedford"),
        ("bedford", ""),
        (
            "north",
            "14 councils have 'north' in their names; did you mean Bath and North East Somerset, North Devon, ",
        ),
        ("E06000999", "there is no council 'E06000999'; "),
        ("", "there is no council ''; spi council --list names all 296"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest_names(
    known: list[dict[str, object]], typed: str, expected: str
) -> None:
    if not expected:
        assert council_code(typed, known) == "E06000055"
        return
    with pytest.raises(UnknownNameError) as refused:
        council_code(typed, known)
    assert str(refused.value).startswith(expected)


@pytest.mark.parametrize("code", WARD_COUNTS)
def test_the_geography_of_a_council_is_complete_and_passes_lint(
    code: str, every_contract: Contracts, tmp_path: Path
) -> None:
    geography = council_geography(code, ENGLAND, every_contract.sources)
    assert len(geography.wards) == WARD_COUNTS[code]
    (tmp_path / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    loaded = load_contracts(Root(CONTRACTS, tmp_path)).geography
    assert loaded == geography
    figures = Settings(council=tmp_path).figures(loaded)
    [authority] = loaded.authorities
    lacking = {name for name, source in every_contract.sources.items() if authority.lacks(name)}
    frozen = {name for name, source in every_contract.sources.items() if source.properties.mode == "frozen"}
    assert frozen - lacking - loaded.dispensable <= figures.names, "figures that a step reads are present"
    assert figures.names.isdisjoint(lacking), "figures that are present are not listed as missing"


def test_a_council_of_greater_manchester_has_no_police_figures(every_contract: Contracts) -> None:
    [authority] = council_geography("E08000003", ENGLAND, every_contract.sources).authorities
    assert authority.police_force == "greater-manchester"
    assert "since July 2019" in authority.lacks("street_crime")


def test_the_command_makes_a_folder_and_never_writes_into_one_that_is_not_empty(
    spi: Command, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = spi(sandbox, "council", "king's lynn")
    assert done.code == 0
    assert "export SPI_COUNCIL=king-s-lynn-and-west-norfolk" in done.out
    assert "Without SPI_COUNCIL" not in done.out
    geography = tmp_path / "king-s-lynn-and-west-norfolk" / "geography.yaml"
    before = geography.read_bytes()
    again = spi(sandbox, "council", "king's lynn")
    assert again.code == 1
    assert "exists and is not empty" in again.err
    assert geography.read_bytes() == before
    named = json.loads(spi(sandbox, "council", "Rutland", "--to", "elsewhere", "--json").out)
    assert Geography.model_validate({key: value for key, value in named.items() if key != "folder"}).wards
    assert (tmp_path / "elsewhere" / "geography.yaml").is_file()


def test_a_folder_for_the_town_of_the_supplied_contracts_is_discouraged(
    spi: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert "Without SPI_COUNCIL" in spi(sandbox, "council", "luton", "--to", f"{tmp_path / 'again'}").out


def test_the_list_names_every_council(spi: Command, sandbox: Sandbox) -> None:
    assert len(json.loads(spi(sandbox, "council", "--list", "--json").out)) == 296
    assert spi(sandbox, "council").code == 2
