"""The child process that the kill test ends: it reads failures from a list and sends them to a real webhook."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import urllib.error
import urllib.request
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from spi_pipeline.alerts.manager import AlertManager
from spi_pipeline.alerts.routing import Channel
from spi_pipeline.alerts.wording import Text
from spi_pipeline_tests.alerts.examples import MINUTE, NOW, broken, recovery

KILLED = 9
# Two subjects fail and one recovers: three messages in two looks.
LOOKS = ([broken("first"), broken("second")], [recovery(broken("first"), NOW + MINUTE)])


_connect = sqlite3.connect


def without_flushing(*arguments: Any, **options: Any) -> sqlite3.Connection:
    connection = _connect(*arguments, **options)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def post(channel: Channel, text: Text) -> str:
    """Post to the webhook without Apprise, whose import would take longer than everything else here."""
    body = json.dumps({"title": text.title, "message": text.body}).encode()
    address = channel.url.replace("json://", "http://")
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10):
            return ""
    except urllib.error.URLError as error:
        return str(error)


def look(folder: Path, url: str, send: Any = post) -> None:
    """Resume from the position that the manager recorded, as a sensor does."""
    with AlertManager(folder, [Channel("hook", url)], send=send) as manager:
        done = int(manager.seen("looks").get("", "0"))
        manager.deliver(NOW + done * MINUTE)
        for number, events in enumerate(LOOKS[done:], start=done + 1):
            manager.report(events, NOW + number * MINUTE, seen={"looks": {"": str(number)}})
            manager.deliver(NOW + number * MINUTE)
        manager.deliver(NOW + 3 * MINUTE)


def exit_at(folder: Path, url: str, moment: int, _: Connection) -> None:
    """Look, and exit abruptly at the ``moment``-th point: just before a statement, or just before or after a send."""
    moments = itertools.count(1)

    def count_moment(*_: object) -> None:
        if next(moments) == moment:
            os._exit(KILLED)

    def send(channel: Channel, text: Text) -> str:
        count_moment()
        refusal = post(channel, text)
        count_moment()
        return refusal

    def traced_connection(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = without_flushing(*arguments, **options)
        connection.set_trace_callback(count_moment)
        return connection

    sqlite3.connect = traced_connection  # type: ignore[assignment]
    look(folder, url, send)
