"""Tables as CSV that every program reads alike, and in which no spreadsheet finds anything but text and numbers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

# A spreadsheet may take a text that begins with any of these for a formula, which can fetch and run things (OWASP, CSV
# Injection). An apostrophe in front keeps it a text. A text that already has one gets another, so that removing one
# restores every text.
_FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
RULE = (
    "In CSV files, a text that begins with = + - @, a tab or a new line (after any apostrophes) has one more "
    "apostrophe in front, so that no spreadsheet runs it as a formula; remove that apostrophe to restore the text. "
    "Numbers are not changed, nor are Parquet files and the database."
)


def as_csv(table: pa.Table) -> bytes:
    """A table as a CSV file for download: UTF-8, commas, quoted texts, blanks for unknown values, ISO 8601 in UTC.

    There is no byte-order mark: it would make Excel read Welsh ward names correctly, but other programs would misread
    the name of the first column. ``RULE`` says how texts that a spreadsheet would run are changed.
    """
    out = pa.BufferOutputStream()
    plain = pa.table({name: _plain(table[name]) for name in table.column_names})
    pacsv.write_csv(plain, out, pacsv.WriteOptions(quoting_style="needed"))
    written: bytes = out.getvalue().to_pybytes()
    return written


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    risky = pc.match_substring_regex(column, _FORMULA)
    if not pc.any(risky).as_py():
        return column
    return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
