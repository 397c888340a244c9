"""The Dagster definitions, loaded by ``dagster dev -m spi_pipeline.definitions`` or ``spi ui``."""

import dagster as dg

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.run.logs import set_up
from spi_pipeline.settings import Settings


@dg.definitions
def defs() -> dg.Definitions:
    """Build the assets, checks and jobs of one or many councils, when Dagster loads them and not on import."""
    settings = Settings()
    set_up(settings.log)
    if settings.deployment:
        from spi_pipeline.orchestration.machines.deployment import build_deployment

        return build_deployment(settings)
    if settings.shared:  # a Dagster run would write to the working copy, and nothing would send the changes
        raise SettingError("SPI_STORE is shared by machines: set SPI_DEPLOYMENT, see docs/several-machines.md")
    return build_definitions(settings)
