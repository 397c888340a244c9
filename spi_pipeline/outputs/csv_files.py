"""Tables as CSV that programs read the same everywhere and no spreadsheet takes for more than text and numbers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

# With any of these at its beginning a spreadsheet may take a text for a formula, which can fetch and run things (OWASP,
# CSV Injection). An apostrophe before them keeps it a text; a text that has one already gets another, so that taking
# one away gives every text back.
_FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
RULE = (
    "A text that begins with = + - @, a tab or a new line (after any apostrophes) has one apostrophe more before it in "
    "CSV files, so that no spreadsheet runs it as a formula; take that one away to have the text. Numbers stay as they "
    "are, and so do Parquet files and the database."
)


def as_csv(table: pa.Table) -> bytes:
    """A table as people take it away: UTF-8, commas, texts in quotes, nothing where nothing is known, ISO 8601 in UTC.

    A byte-order mark would make Excel read the names of Welsh wards right, and other programs a first column wrong.
    ``RULE`` says what becomes of a text that a spreadsheet would run.
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
