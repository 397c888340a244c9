"""Loading of all contracts: they are read, then compared with each other, and all faults are reported together."""

from pathlib import Path

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.lint.folder import check_folder
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.reading.folder import assembled, read_folder
from spi_pipeline.contracts.root import Root, root_of


def load_contracts(root: Path | Root) -> Contracts:
    """Load and check every contract below a folder.

    Args:
        root: the contracts folder, or the shared folder with a council's own.

    Returns:
        The contracts, with every reference resolved.

    Raises:
        ContractError: with every fault of every file.
    """
    faults: list[Fault] = []
    folder = read_folder(root_of(root), faults)
    check_folder(folder, faults)
    if faults:
        raise ContractError(faults)
    return assembled(folder)


def load_sources(root: Path | Root, places: Geography) -> dict[str, Source]:
    """The source contracts below a folder, read for a geography other than the folder's own.

    Args:
        root: the contracts folder.
        places: the wards and authorities that the tables cover.

    Raises:
        ContractError: with every fault of a file.
    """
    faults: list[Fault] = []
    sources = read_folder(root_of(root), faults, places).sources
    if faults:
        raise ContractError(faults)
    return {name: source for name, source in sources.items() if source}
