"""One look at a store, with alerts about the incidents: after each refresh, by the sensor, or by ``spi alerts send``.

``incidents`` and ``run_incidents`` find the incidents; the package ``alerts`` decides how they are sent.
"""

import datetime as dt

from spi_pipeline.alerts.manager import AlertManager, send_test
from spi_pipeline.alerts.routing import Channel, channels
from spi_pipeline.alerts.wording import Text
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.runs import RUN
from spi_pipeline.orchestration.watching.incidents import Incidents, routing_values
from spi_pipeline.orchestration.watching.run_incidents import DAGSTER, RunIncidents
from spi_pipeline.orchestration.watching.watchdog import existing_instance
from spi_pipeline.run.records import CHECK_RESULT
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store


def alert_channels(settings: Settings, contracts: Contracts) -> list[Channel]:
    """The configured alert channels, each with its choice of alerts.

    Raises:
        SpiError: if a setting is not valid, or a channel chooses by a word that no alert has; the message never has any
            part of a URL.
    """
    return channels(settings.alert_urls.get_secret_value(), settings.alert_channels, routing_values(contracts))


def check_and_alert(settings: Settings, contracts: Contracts, now: dt.datetime | None = None) -> dict[str, str]:
    """Look for incidents once and send alerts about them; without an alert channel, do nothing.

    Args:
        settings: the store and the alert channels.
        contracts: all contracts.
        now: the moment; the clock's when left out.

    Returns:
        The reason for each refusal, by the name of the channel; a refused message is retained and sent again later.

    Raises:
        SpiError: if the store or a setting cannot be read, or another process is sending alerts.
    """
    configured = alert_channels(settings, contracts)
    if not configured:
        return {}
    now = now or dt.datetime.now(dt.UTC)
    incidents = Incidents(settings, contracts, now)
    run_incidents = RunIncidents(
        incidents.store, contracts.framework.publication.owner, settings.ui_url.rstrip("/"), now
    )
    with AlertManager(incidents.store.alerts, configured) as manager, existing_instance(incidents.store) as instance:
        if instance:
            from spi_pipeline.orchestration.instance import close_abandoned_runs

            close_abandoned_runs(instance, incidents.store)
        seen = {source: manager.seen(source) for source in (CHECK_RESULT, RUN, DAGSTER)}
        checks, read = incidents.checks(seen[CHECK_RESULT], manager.ongoing("check"))
        runs, positions = run_incidents.runs(instance, seen, manager.ongoing("run"))
        events = [
            *checks,
            *runs,
            *incidents.tables(),
            *incidents.overdue(),
            *(run_incidents.silent(instance) if instance else ()),
        ]
        complete = ["stale", "quarantine", *(["silent"] if instance else [])]
        manager.report(
            events, now, complete_kinds=complete, seen={CHECK_RESULT: read, **positions}, history=not any(seen.values())
        )
        return manager.deliver(now)


def try_channels(settings: Settings, contracts: Contracts) -> dict[str, str]:
    """Send one trial message to each channel.

    Returns:
        The reason for the refusal by the name of the channel; "" if the channel accepted the message.
    """
    body = f"This is a trial of the alerts of the store {Store(settings.store).root}. Nothing has failed."
    return send_test(alert_channels(settings, contracts), Text("[spi_pipeline] Trial", body, "info"))
