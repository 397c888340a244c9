"""Files in a council's folder replace the shared contracts of the same name; a file that replaces none is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import ContractError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.root import FIGURES, STORE, Root
from spi_pipeline.settings import Settings
from spi_pipeline_tests.integration.sandboxes import CONTRACTS


@pytest.fixture
def council(tmp_path: Path) -> Path:
    """A council's folder that holds only a geography."""
    shutil.copy(CONTRACTS / "geography.yaml", tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_council_file_replaces_the_shared_one(council: Path) -> None:
    sites = (CONTRACTS / "publication.yaml").read_text(encoding="utf-8")
    file = write(council, "publication.yaml", sites.replace("sign_off: false", "sign_off: true"))
    root = Root(CONTRACTS, council)
    assert root / "publication.yaml" == file
    assert root / "targets.yaml" == CONTRACTS / "targets.yaml"
    assert load_contracts(root).publication.sign_off
    assert not load_contracts(CONTRACTS).publication.sign_off
    assert load_contracts(root).digests.keys() == load_contracts(CONTRACTS).digests.keys()


def test_active_files_are_the_councils_and_the_remaining_shared_ones(council: Path) -> None:
    write(council, "logo.svg", "<svg/>")
    write(council, f"{FIGURES}/manifest.json", "{}")
    write(council, f"{STORE}/memory.json", "{}")
    write(council, ".hidden", "")
    shared, files = Root(CONTRACTS).files(), Root(CONTRACTS, council).files()
    assert files.keys() - shared.keys() == {"logo.svg"}
    assert {path for path, file in files.items() if file.is_relative_to(council)} == {"geography.yaml", "logo.svg"}


def test_a_council_contract_that_replaces_none_is_refused(council: Path) -> None:
    write(council, "geografy.yaml", "vintage: 2023-05\n")
    with pytest.raises(ContractError) as refused:
        load_contracts(Root(CONTRACTS, council))
    assert [str(fault) for fault in refused.value.faults] == ["geografy.yaml: replaces no shared contract; rename it"]


def test_a_council_folder_without_a_geography_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as refused:
        load_contracts(Root(CONTRACTS, tmp_path))
    assert "make one with spi council NAME, or correct SPI_COUNCIL" in str(refused.value.faults[0])


def test_a_councils_store_and_figures_are_in_its_folder(council: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPI_STORE", raising=False)
    monkeypatch.setenv("SPI_COUNCIL", str(council))
    settings = Settings()
    assert (settings.store, settings.snapshot) == (str(council / STORE), council / FIGURES)
    assert settings.root == Root(settings.contracts, council)
    monkeypatch.setenv("SPI_STORE", "elsewhere")
    assert Settings().store == "elsewhere"
