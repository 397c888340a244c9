"""What a council brings of its own: tables and areas."""

from pathlib import Path

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.settings import Settings


def own_folder(settings: Settings, what: str) -> Path:
    """The folder that a council's own contracts are written to.

    Args:
        settings: of the command.
        what: is to be written, for the error: ``an area``.

    Raises:
        SettingError: when it would be the contracts that came with the program.
    """
    if settings.council is None and settings.contracts == Settings.model_fields["contracts"].default:
        raise SettingError(
            f"{what} is not written into the contracts that came with the program; make a folder of your own with spi "
            "council NAME, and name it in SPI_COUNCIL"
        )
    return settings.council or settings.contracts
