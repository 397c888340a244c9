"""Sends a message to a channel through Apprise and, if the channel refuses it, gives the reason in a sentence.

Apprise and urllib3 log whole URLs, tokens included, at DEBUG. While they run here, their loggers are set to a higher
level, and Apprise's description of a failure is redacted.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spi_pipeline.alerts.routing import Channel, redact
from spi_pipeline.alerts.wording import Text

# Takes a channel and a message; returns the reason for a refusal, or "" if the channel accepted the message.
Send = Callable[[Channel, Text], str]
VERBOSE_LOGGERS = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")


def through_apprise(channel: Channel, text: Text) -> str:
    """Send one message; see ``Send``. Never raises: one bad channel must not cost the others their messages."""
    import apprise

    with _discreet():
        # A new object for each message: a reused one would wait seconds between two mails.
        target = apprise.Apprise(asset=apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY))
        if not target.add(channel.url):
            return "Apprise does not understand its URL; compare it with Apprise's list of services"
        for service in target:
            # Services that accept only short texts would refuse a long one for ever; this sends it in parts.
            service.overflow_mode = apprise.OverflowMode.SPLIT
        try:
            result = target.notify(text.body, text.title, apprise.NotifyType(text.level), apprise.NotifyFormat.TEXT)
            reason = "; ".join(str(entry.message) for entry in result.logs())
            accepted = bool(result)
        except Exception as error:  # a defect of the service's plugin
            accepted, reason = False, f"{type(error).__name__}: {error}"
    return "" if accepted else redact(" ".join(reason.split())[:300], [channel]) or "it gave no reason"


def is_supported(channel: Channel) -> bool:
    """Whether Apprise supports a channel's URL. Sends nothing."""
    import apprise

    with _discreet():
        return bool(apprise.Apprise.instantiate(channel.url, suppress_exceptions=True))


@contextmanager
def _discreet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in VERBOSE_LOGGERS]
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
