"""Handing a message to a channel through Apprise, and saying in a sentence why it was not taken.

Apprise and urllib3 log whole URLs, tokens included, at DEBUG: while they work here their loggers are kept above that,
and what Apprise says of a failure is redacted.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spi_pipeline.alerts.routing import Channel, redact
from spi_pipeline.alerts.wording import Text

# Takes a channel and a message; returns why it was refused, or "" once the channel accepted it.
Send = Callable[[Channel, Text], str]
TALKATIVE = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")


def through_apprise(channel: Channel, text: Text) -> str:
    """Send one message; see ``Send``. Nothing is raised: one bad channel must not cost the others their messages."""
    import apprise

    with _discreet():
        # Made anew for each message: kept, it would wait seconds between two mails.
        place = apprise.Apprise(asset=apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY))
        if not place.add(channel.url):
            return "Apprise does not understand its URL; compare it with Apprise's list of services"
        for service in place:
            # Services that take short texts would refuse a long one for ever; this way it comes in parts.
            service.overflow_mode = apprise.OverflowMode.SPLIT
        try:
            result = place.notify(text.body, text.title, apprise.NotifyType(text.level), apprise.NotifyFormat.TEXT)
            said = "; ".join(str(entry.message) for entry in result.logs())
            accepted = bool(result)
        except Exception as error:  # a defect of the service's plugin
            accepted, said = False, f"{type(error).__name__}: {error}"
    return "" if accepted else redact(" ".join(said.split())[:300], [channel]) or "it gave no reason"


def understood(channel: Channel) -> bool:
    """Whether Apprise knows what to do with a channel's URL; nothing is sent."""
    import apprise

    with _discreet():
        return bool(apprise.Apprise.instantiate(channel.url, suppress_exceptions=True))


@contextmanager
def _discreet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.WARNING))
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate = propagate
