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
def own(tmp_path: Path) -> Path:
    """A council's folder that holds only a geography."""
    shutil.copy(CONTRACTS / "geography.yaml", tmp_path)
    return tmp_path


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_of_the_council_s_stands_in_place_of_the_shared_one(own: Path) -> None:
    sites = (CONTRACTS / "publication.yaml").read_text(encoding="utf-8")
    file = written(own, "publication.yaml", sites.replace("sign_off: false", "sign_off: true"))
    root = Root(CONTRACTS, own)
    assert root / "publication.yaml" == file
    assert root / "targets.yaml" == CONTRACTS / "targets.yaml"
    assert load_contracts(root).publication.sign_off
    assert not load_contracts(CONTRACTS).publication.sign_off
    assert load_contracts(root).digests.keys() == load_contracts(CONTRACTS).digests.keys()


def test_the_files_in_force_are_the_council_s_and_the_other_shared_ones(own: Path) -> None:
    written(own, "logo.svg", "<svg/>")
    written(own, f"{FIGURES}/manifest.json", "{}")
    written(own, f"{STORE}/memory.json", "{}")
    written(own, ".hidden", "")
    shared, files = Root(CONTRACTS).files(), Root(CONTRACTS, own).files()
    assert files.keys() - shared.keys() == {"logo.svg"}
    assert {path for path, file in files.items() if file.is_relative_to(own)} == {"geography.yaml", "logo.svg"}


def test_a_contract_that_stands_in_place_of_none_is_refused(own: Path) -> None:
    written(own, "geografy.yaml", "vintage: 2023-05\n")
    with pytest.raises(ContractError) as refused:
        load_contracts(Root(CONTRACTS, own))
    assert [str(fault) for fault in refused.value.faults] == ["geografy.yaml: replaces no shared contract; rename it"]


def test_a_folder_without_a_geography_is_no_council_s(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as refused:
        load_contracts(Root(CONTRACTS, tmp_path))
    assert "make one with spi council NAME, or correct SPI_COUNCIL" in str(refused.value.faults[0])


def test_store_and_figures_of_a_council_lie_in_its_folder(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPI_STORE", raising=False)
    monkeypatch.setenv("SPI_COUNCIL", str(own))
    settings = Settings()
    assert (settings.store, settings.snapshot) == (str(own / STORE), own / FIGURES)
    assert settings.root == Root(settings.contracts, own)
    monkeypatch.setenv("SPI_STORE", "elsewhere")
    assert Settings().store == "elsewhere"
