"""What a run tells an operator's log as it goes on: lines of text, or of JSON for a program, each with its run.

Everything goes through Python's own ``logging``, by a logger of its own: Dagster sets the level of ``spi_pipeline``
while a run lasts. Which run, step and source a line is about is a fact of the line, not of its words: ``about`` sets
it for all that is logged within.
"""

import contextvars
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from spi_pipeline.settings import LogFormat

_OPERATOR = logging.getLogger("spi")
# Control characters, C0, DEL and C1: with them a text could clear the screen or forge what stands above it.
_CONTROL, _NO_LINES = re.compile(r"[\x00-\x1f\x7f-\x9f]"), re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What a line is about, in this order.
FACTS = ("run", "step", "source")
_about: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """A context in which all that this thread logs is about a ``run``, ``step`` or ``source``."""
    token = _about.set({**_about.get(), **facts})
    try:
        yield
    finally:
        _about.reset(token)


def note(said: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Log a sentence with facts that a program may read: numbers, outcomes, names."""
    _OPERATOR.log(level, "%s", said, extra={"facts": facts})


def printable(text: str, *, lines: bool = False) -> str:
    """Text as a terminal shows it, whoever wrote it: a control character is spelt out, and not obeyed.

    Args:
        text: what is to be shown.
        lines: whether ends of lines and tabs stay.
    """
    return (_NO_LINES if lines else _CONTROL).sub(lambda found: repr(found[0])[1:-1], text)


def set_up(form: LogFormat) -> None:
    """Log to standard error, in a form; nothing where none is given, as the command says what matters itself."""
    _OPERATOR.propagate = False
    _OPERATOR.setLevel(logging.INFO if form else logging.CRITICAL + 1)
    _OPERATOR.handlers[:] = [_handler(form)] if form else [logging.NullHandler()]


def _handler(form: LogFormat) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    return handler


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    known = {**_about.get(), **getattr(record, "facts", {})}
    return {name: known[name] for name in (*FACTS, *known) if name in known}


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _moment(record), "level": record.levelname.lower(), "message": record.getMessage()}
        return json.dumps(line | _facts(record), default=str)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        # One line is one event, whatever a publisher wrote into it.
        said = f"{record.getMessage()}{f' [{facts}]' if facts else ''}"
        return f"{_moment(record)} {record.levelname.lower()} {printable(said)}"
