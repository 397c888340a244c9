"""The operator's log of a run in progress: lines of text, or of JSON for a program, each with the id of its run.

Everything goes through Python's ``logging``, by the separate logger ``spi``, since Dagster sets the level of
``spi_pipeline`` during a run. The run, step and source of a line are facts attached to it, not part of its message:
``log_context`` sets them for everything logged within its context.
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
# Control characters (C0, DEL and C1), with which a text could clear the screen or forge the lines above it.
_CONTROL, _NO_LINES = re.compile(r"[\x00-\x1f\x7f-\x9f]"), re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The facts that come first in a line, in this order.
FACTS = ("run", "step", "source")
_context: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "log_context", default=MappingProxyType({})
)


@contextmanager
def log_context(**facts: str) -> Iterator[None]:
    """A context that attaches a ``run``, ``step`` or ``source`` to everything that this thread logs."""
    token = _context.set({**_context.get(), **facts})
    try:
        yield
    finally:
        _context.reset(token)


def note(said: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Log a sentence with facts for programs to read: numbers, outcomes, names."""
    _OPERATOR.log(level, "%s", said, extra={"facts": facts})


def printable(text: str, *, lines: bool = False) -> str:
    """Text that is safe to show on a terminal, with control characters spelt out.

    Args:
        text: the text, from any author.
        lines: whether line ends and tabs stay as they are.
    """
    return (_NO_LINES if lines else _CONTROL).sub(lambda match: repr(match[0])[1:-1], text)


def set_up(form: LogFormat) -> None:
    """Log to standard error in the given form; without a form log nothing, since the command reports results itself."""
    _OPERATOR.propagate = False
    _OPERATOR.setLevel(logging.INFO if form else logging.CRITICAL + 1)
    _OPERATOR.handlers[:] = [_handler(form)] if form else [logging.NullHandler()]


def _handler(form: LogFormat) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    return handler


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    known = {**_context.get(), **getattr(record, "facts", {})}
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
        # Each event is one line, even if a publisher's text in it has several.
        message = f"{record.getMessage()}{f' [{facts}]' if facts else ''}"
        return f"{_moment(record)} {record.levelname.lower()} {printable(message)}"
