"""Building one DuckDB file from tables and views over them: types, keys, constraints and comments.

The file is written once and never changed. Callers decide which tables it holds and where it goes.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.rules.duck import connect, first_line

_CONFIG: dict[str, bool | int] = {
    "threads": 2,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# DuckDB 1.x cannot open files in the newest format, and analysts will use 1.x for years. Readers over HTTP fetch whole
# blocks: these have the smallest size that DuckDB offers. Where DuckDB places them varies from file to file. A ranking
# of wards over HTTP moved 494 to 511 kB in nine files with row groups of 4,096 rows, 478 to 495 kB in eleven with
# 8,192, and over 540 kB with 6,144 or with 10,240 and more.
_FORMAT = "STORAGE_VERSION 'v1.2.0', BLOCK_SIZE 16384, ROW_GROUP_SIZE 8192"


@dataclass(frozen=True)
class Column:
    """One column of a database table.

    Attributes:
        name: its name, any text.
        sql_type: its DuckDB type, such as ``VARCHAR`` or ``DOUBLE``; inserted into the statement verbatim.
        comment: what it means, including its unit.
        required: whether nulls are refused.
        check: a DuckDB expression that every row must satisfy, such as ``rank >= 1``, or None; inserted verbatim.
    """

    name: str
    sql_type: str
    comment: str = ""
    required: bool = False
    check: str | None = None


@dataclass(frozen=True)
class DatabaseTable:
    """One table of the database.

    Attributes:
        name: its name, any text.
        columns: its columns, in order.
        primary_key: names of the columns that together identify a row; rows are stored in their order. If empty,
            rows need not be unique and are stored in the order of all columns.
        comment: what a row is.
        parts: Arrow tables that together hold its rows; each has exactly its columns, in any order.
    """

    name: str
    columns: Sequence[Column]
    primary_key: tuple[str, ...]
    comment: str
    parts: Sequence[pa.Table]


@dataclass(frozen=True)
class View:
    """One view of the database.

    Attributes:
        name: its name, any text.
        query: its SELECT over the tables of the database; inserted into the statement verbatim.
        columns: the meaning of each column, by name, in the order of the query.
        comment: what a row is.
    """

    name: str
    query: str
    columns: Mapping[str, str]
    comment: str


def write(path: Path, tables: Sequence[DatabaseTable], views: Sequence[View] = (), *, keyed: bool = True) -> None:
    """Write the database file ``path`` with ``tables``, and ``views`` over them.

    Args:
        path: where to write the file.
        tables: its tables.
        views: the views over them.
        keyed: whether the tables have primary keys. DuckDB keeps an index for each; these take up two thirds of the
            file.

    Raises:
        SpiError: when a table's rows break its key or constraints, its parts have other columns, or the query of a
            view names something that does not exist. The message names the table or view and repeats DuckDB's error.
            The file is then unusable.
    """
    try:
        with _plain(path) as plain, connect(config=_CONFIG) as connection:
            connection.execute(f"ATTACH {literal(str(plain))} AS written ({_FORMAT})")
            connection.execute("USE written")
            for table in tables:
                _add_table(connection, table, keyed)
            for view in views:
                _add_view(connection, view)
            # Explicit, because DuckDB does not report errors of the checkpoint that closing implies.
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise SpiError(
            f"{path} could not be written ({first_line(error)}): check the disk and run the command again."
        ) from error


@contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """The path, or a temporary one if it has a ``?``: DuckDB would put the suffix of its journal before the ``?``."""
    if "?" not in str(path):
        yield path
        return
    with TemporaryDirectory() as folder:
        yield Path(folder, path.name)
        shutil.copyfile(Path(folder, path.name), path)


def _add_table(connection: duckdb.DuckDBPyConnection, table: DatabaseTable, keyed: bool) -> None:
    _refuse_other_columns(table)
    try:
        for statement in _definition(table, keyed):
            connection.execute(statement)
        _insert(connection, table)
    except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
        raise SpiError(
            f"Table {table.name!r} cannot go into the database ({first_line(error)}): nothing was published; "
            "correct the table and run `spi refresh` again."
        ) from error


def _add_view(connection: duckdb.DuckDBPyConnection, view: View) -> None:
    name = quoted(view.name)
    try:
        connection.execute(f"CREATE VIEW {name} ({_list(tuple(view.columns))}) AS {view.query}")
        connection.execute(f"COMMENT ON VIEW {name} IS {literal(view.comment)}")
        for column, comment in view.columns.items():
            connection.execute(f"COMMENT ON COLUMN {name}.{quoted(column)} IS {literal(comment)}")
    except duckdb.ProgrammingError as error:
        raise SpiError(
            f"View {view.name!r} cannot go into the database ({first_line(error)}): nothing was published; correct "
            "its query and run `spi refresh` again."
        ) from error


def _definition(table: DatabaseTable, keyed: bool) -> list[str]:
    name = quoted(table.name)
    lines = [
        f"{quoted(column.name)} {column.sql_type}"
        + (" NOT NULL" if column.required else "")
        + (f" CHECK ({column.check})" if column.check else "")
        for column in table.columns
    ]
    if table.primary_key and keyed:
        lines.append(f"PRIMARY KEY ({_list(table.primary_key)})")
    return [
        f"CREATE TABLE {name} ({', '.join(lines)})",
        f"COMMENT ON TABLE {name} IS {literal(table.comment)}",
        *(f"COMMENT ON COLUMN {name}.{quoted(c.name)} IS {literal(c.comment)}" for c in table.columns),
    ]


def _insert(connection: duckdb.DuckDBPyConnection, table: DatabaseTable) -> None:
    # A registered view hides a table of the same name. Its name is longer than the table's, so it cannot hide the
    # table that we insert into.
    views = [f"{table.name} part {number}" for number in range(len(table.parts))]
    for view, part in zip(views, table.parts, strict=True):
        connection.register(view, part)
    cast = ", ".join(f"CAST({quoted(c.name)} AS {c.sql_type}) AS {quoted(c.name)}" for c in table.columns)
    union = " UNION ALL ".join(f"SELECT {cast} FROM {quoted(view)}" for view in views)
    order = _list(table.primary_key or tuple(column.name for column in table.columns))
    if views:
        connection.execute(f"INSERT INTO {quoted(table.name)} SELECT * FROM ({union}) ORDER BY {order}")
    for view in views:
        connection.unregister(view)


def _refuse_other_columns(table: DatabaseTable) -> None:
    expected = [column.name for column in table.columns]
    for part in table.parts:
        if sorted(part.column_names) != sorted(expected):
            missing = sorted(set(expected) - set(part.column_names)) or "none"
            extra = sorted(set(part.column_names) - set(expected)) or "none"
            raise SpiError(
                f"A part of table {table.name!r} does not have the columns of the table (missing {missing}, extra "
                f"{extra}): correct the step that makes it and run `spi refresh` again."
            )


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _list(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
