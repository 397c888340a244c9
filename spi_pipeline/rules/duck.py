"""How every part of the pipeline opens DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb


def connect(
    database: Path | str = ":memory:", *, read_only: bool = False, config: Mapping[str, bool | int] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection that writes nothing to the terminal.

    Args:
        database: the file; if left out, a new database in memory.
        read_only: whether the file is only read.
        config: settings of DuckDB for the whole database, such as ``threads``.

    Raises:
        duckdb.Error: when the file cannot be opened.
    """
    connection = duckdb.connect(str(database), read_only=read_only, config=dict(config or {}))
    # A query of more than two seconds, as on a busy machine, would draw a progress bar into the output, even into JSON.
    connection.execute("SET enable_progress_bar = false")
    return connection


def first_line(error: duckdb.Error) -> str:
    """DuckDB's message, without the query that it repeats below and without its last full stop."""
    return str(error).splitlines()[0].rstrip(".")
