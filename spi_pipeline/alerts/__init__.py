"""Alerts: one message when something fails and one when it recovers. Events, folding, routing, an outbox, delivery.

The package does not depend on what is watched: it knows nothing of Dagster, tables or settings. Another project can
use the folder as it is; it needs Apprise, filelock, PyYAML and ``SpiError``, an exception whose text is a sentence.
"""
