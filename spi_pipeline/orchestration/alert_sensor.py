"""The sensor that looks for something to tell while the daemon runs; what it does is said by ``alerting``."""

from __future__ import annotations

import dagster as dg

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.alerting import look
from spi_pipeline.settings import Settings

SECONDS = 30


def alerts_sensor(settings: Settings, contracts: Contracts) -> dg.SensorDefinition:
    """The sensor ``alerts``, switched on where an alert channel is set up.

    It finds the runs that ended, green, red or stopped, and their checks by itself: what Dagster tells a sensor of a
    run's status is lost while the sensor is off.
    """
    wanted = bool(settings.alert_urls.get_secret_value() or settings.alert_channels)
    status = dg.DefaultSensorStatus.RUNNING if wanted else dg.DefaultSensorStatus.STOPPED
    described = "Sends alerts about what fails, goes stale or falls silent; see docs/alerts.md."

    @dg.sensor(name="alerts", minimum_interval_seconds=SECONDS, default_status=status, description=described)
    def alerts() -> dg.SkipReason:
        refusals = look(settings, contracts)
        said = "; ".join(f"channel {name} did not accept a message: {why}" for name, why in refusals.items())
        return dg.SkipReason(said or ("looked" if wanted else "no alert channel is set up: set SPI_ALERT_URLS"))

    return alerts
