"""The DuckDB connections that the pipeline opens."""

from pathlib import Path

import duckdb
import pytest

from spi_pipeline.rules.duck import connect


def test_connections_and_cursors_show_no_progress_bar() -> None:
    """Checks the setting, because the progress bar appears only for queries of two seconds."""
    with connect() as connection:
        for each in (connection, connection.cursor()):
            [found] = each.execute("SELECT current_setting('enable_progress_bar')").fetchall()
            assert found == (False,)


def test_settings_apply_to_the_whole_database_and_files_can_be_opened_read_only(tmp_path: Path) -> None:
    with connect(tmp_path / "a.duckdb", config={"threads": 2}) as connection:
        connection.execute("CREATE TABLE t AS SELECT current_setting('threads') AS threads")
    with connect(tmp_path / "a.duckdb", read_only=True) as connection:
        assert connection.execute("FROM t").fetchall() == [(2,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DROP TABLE t")
