"""Commands for a council's own tables and areas."""

from pathlib import Path

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.settings import Settings


def own_folder(settings: Settings, what: str) -> Path:
    """The folder for a council's own contracts.

    Args:
        settings: the settings of the command.
        what: the thing to be written, for the error: ``the area``.

    Raises:
        SettingError: if the folder holds the contracts supplied with the program.
    """
    if settings.council is None and settings.contracts == Settings.model_fields["contracts"].default:
        raise SettingError(
            f"{what} was not added: the contracts supplied with the program are never changed; make a folder of your "
            "own with spi council NAME, set SPI_COUNCIL to that folder, and run this again"
        )
    return settings.council or settings.contracts
