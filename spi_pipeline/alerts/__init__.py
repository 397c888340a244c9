"""Telling people what fails, once, and that it is well again: events, routing, folding, an outbox, delivery.

Nothing here knows what is being watched: no Dagster, no tables, no settings. Another project can take the folder as it
is; it needs Apprise, filelock, PyYAML and ``SpiError``, an exception with a sentence in it.
"""
