"""Looking once, and telling who wants to know: after each refresh, by the sensor, or when ``spi alerts send`` is asked.

What there is to tell is found by ``incidents``; how it is told is the room ``alerts``'.
"""

import datetime as dt

from spi_pipeline.alerts.desk import Desk, try_out
from spi_pipeline.alerts.routing import Channel, channels
from spi_pipeline.alerts.wording import Text
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.incidents import Incidents, carried_words
from spi_pipeline.orchestration.run_incidents import DAGSTER, RunIncidents
from spi_pipeline.orchestration.runs import RUN
from spi_pipeline.orchestration.watchdog import existing_instance
from spi_pipeline.run.records import CHECK_RESULT
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store


def alert_channels(settings: Settings, contracts: Contracts) -> list[Channel]:
    """Who is told what.

    Raises:
        SpiError: where a setting cannot be understood, or a channel chooses by a word that no alert carries; without
            any part of a URL.
    """
    return channels(settings.alert_urls.get_secret_value(), settings.alert_channels, carried_words(contracts))


def look(settings: Settings, contracts: Contracts, now: dt.datetime | None = None) -> dict[str, str]:
    """Look at everything once and tell those who want to know; nothing is done where nobody does.

    Args:
        settings: where to look and whom to tell.
        contracts: all contracts.
        now: the moment; the clock's when left out.

    Returns:
        By name of each channel that did not accept a message, why; the message is kept and tried again.

    Raises:
        SpiError: where the store or a setting cannot be read, or another process is at it.
    """
    known = alert_channels(settings, contracts)
    if not known:
        return {}
    now = now or dt.datetime.now(dt.UTC)
    found = Incidents(settings, contracts, now)
    of_runs = RunIncidents(found.store, contracts.framework.publication.owner, settings.ui_url.rstrip("/"), now)
    with Desk(found.store.alerts, known) as desk, existing_instance(found.store) as instance:
        if instance:
            from spi_pipeline.orchestration.instance import close_abandoned_runs

            close_abandoned_runs(instance, found.store)
        seen = {source: desk.seen(source) for source in (CHECK_RESULT, RUN, DAGSTER)}
        checks, read = found.checks(seen[CHECK_RESULT], desk.lasting("check"))
        runs, of_each = of_runs.runs(instance, seen, desk.lasting("run"))
        events = [*checks, *runs, *found.tables(), *found.overdue(), *(of_runs.silent(instance) if instance else ())]
        whole = ["stale", "quarantine", *(["silent"] if instance else [])]
        desk.report(events, now, whole=whole, seen={CHECK_RESULT: read, **of_each}, history=not any(seen.values()))
        return desk.deliver(now)


def try_channels(settings: Settings, contracts: Contracts) -> dict[str, str]:
    """Send one message to each channel, and return by its name why it was refused, "" where it was accepted."""
    body = f"This is a trial of the alerts of the store {Store(settings.store).root}. Nothing has failed."
    return try_out(alert_channels(settings, contracts), Text("[spi_pipeline] Trial", body, "info"))
