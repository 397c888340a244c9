"""Faults of files that come from a publisher, through a spreadsheet or over a bad line.

A fault of a file is a function of its bytes. A fault of a cell is the text in place of its number.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from spi_pipeline_tests.imitations.messages import zipped

Rows = list[list[str]]


def table_of(body: bytes) -> tuple[list[str], Rows]:
    """The notes above a CSV table, and the rows of the table, header first."""
    lines = body.decode("utf-8-sig").splitlines()
    fields = list(csv.reader(lines))
    first = next(at for at, cells in enumerate(fields) if len(cells) == len(fields[-1]))
    return lines[:first], fields[first:]


def written(notes: Sequence[str], rows: Rows, quoted: bool = False) -> bytes:
    """A CSV file of notes and rows."""
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(out, quoting=quoting, lineterminator="\n").writerows(rows)
    return ("".join(f"{note}\n" for note in notes) + out.getvalue()).encode()


def _rewritten(change: Callable[[Rows], Rows], quoted: bool = False) -> Callable[[bytes], bytes]:
    def rewrite(body: bytes) -> bytes:
        notes, rows = table_of(body)
        return written(notes, change([list(row) for row in rows]), quoted)

    return rewrite


def _note(rows: Rows) -> Rows:
    return [*rows, ["Source: the publisher"]]


def _wide_note(rows: Rows) -> Rows:
    return [*rows, ["Source: the publisher", *[""] * (len(rows[0]) - 1)]]


def _blank(rows: Rows) -> Rows:
    return [*rows, [], []]


def _padded(rows: Rows) -> Rows:
    return [rows[0], *([f" {cell}  " for cell in row] for row in rows[1:])]


def _padded_header(rows: Rows) -> Rows:
    return [[f" {cell} " for cell in rows[0]], *rows[1:]]


def _nul_in_the_last_cell(rows: Rows) -> Rows:
    return [*rows[:-1], [*rows[-1][:-1], rows[-1][-1] + "\0"]]


def _cut(body: bytes) -> bytes:
    return body[: body.rstrip().rfind(b"\n") + 2]


# The expected table: the "same" as the clean one, "refused", or "either".
FILE_FAULTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "byte-order mark": (lambda body: body.decode("utf-8-sig").encode("utf-8-sig"), "same"),
    "lines ended by CR LF": (lambda body: body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), "same"),
    "lines ended by CR": (lambda body: body.replace(b"\r\n", b"\n").replace(b"\n", b"\r"), "same"),
    "every cell quoted": (_rewritten(lambda rows: rows, quoted=True), "same"),
    "blank lines at the end": (_rewritten(_blank), "same"),
    "blanks around cells": (_rewritten(_padded), "same"),
    "blanks around names": (_rewritten(_padded_header), "either"),
    "a note below the table": (_rewritten(_note), "either"),
    "a note below the table, equally wide": (_rewritten(_wide_note), "either"),
    "UTF-16": (lambda body: body.decode("utf-8-sig").encode("utf-16"), "refused"),
    "UTF-16 without a mark": (lambda body: body.decode("utf-8-sig").encode("utf-16-le"), "refused"),
    "a NUL byte in the last cell": (_rewritten(_nul_in_the_last_cell), "refused"),
    "a NUL byte at the end": (lambda body: body + b"\0", "refused"),
    "a byte that is not UTF-8": (lambda body: body.replace(b"0", b"\xff", 1), "either"),
    "semicolons": (lambda body: body.replace(b",", b";"), "refused"),
    "cut within a line": (_cut, "either"),
    "a page": (lambda body: b"<!DOCTYPE html><html><body>Busy</body></html>\n", "refused"),
    "nothing": (lambda body: b"", "refused"),
    "its header alone": (lambda body: written(table_of(body)[0], table_of(body)[1][:1]), "refused"),
}
CELL_FAULTS = {
    "1.234,5": "1.234,5", "1,5": "1,5", "1,23,456": "1,23,456", "inf": "inf", "minus infinity": "-Infinity",
    "nan": "nan", "NaN": "NaN", "too large for a float": "1e400", "a word": "n/a", "a dash": "-", "a star": "*",
    "a unit": "12%", "a currency": "£12", "another script": "١٢", "an underscore": "1_000", "hexadecimal": "0x1F",
    "a formula": "=1+1", "two numbers": "12 13", "a list": "[1]",
}  # fmt: skip
# For counts only: valid numbers that are not valid counts.
COUNT_FAULTS = {
    "a fraction": "12.5",
    "more than 64 bits": "18446744073709551617",
    "more than 53 bits": "9007199254740993",
}
JSON_FAULTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "byte-order mark": (lambda body: b"\xef\xbb\xbf" + body, "same"),
    "blanks before it": (lambda body: b"\r\n  " + body, "same"),
    "indented": (lambda body: json.dumps(json.loads(body), indent=1).encode(), "same"),
    "nested too deeply": (lambda body: b"[" * 200_000 + b"]" * 200_000, "refused"),
    "nested too deeply, as an object": (lambda body: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "refused"),
    "NaN": (lambda body: b'{"features": [NaN]}', "refused"),
    "Infinity": (lambda body: b"[Infinity]", "refused"),
    "cut": (lambda body: body[: len(body) // 2], "refused"),
    "a NUL byte": (lambda body: body[:10] + b"\0" + body[10:], "refused"),
    "UTF-16": (lambda body: body.decode().encode("utf-16"), "either"),
    "a number": (lambda body: b"1", "refused"),
    "an empty object": (lambda body: b"{}", "refused"),
    "a list of numbers": (lambda body: b"[1, 2]", "refused"),
    "a list of lists": (lambda body: b"[[1], [2]]", "refused"),
    "an object of numbers": (lambda body: b'{"features": 1, "93283": 2}', "refused"),
    "an object of lists": (lambda body: b'{"features": [1, []], "93283": [2]}', "refused"),
}


def with_second(column: int, value: str) -> Callable[[bytes], bytes]:
    """Add a second column of the same name at the end, with other values."""
    return _rewritten(lambda rows: [[*rows[0], rows[0][column]], *([*row, value] for row in rows[1:])])


def with_cell(row: int, column: int, value: str) -> Callable[[bytes], bytes]:
    """Replace one cell."""

    def put(rows: Rows) -> Rows:
        rows[row][column] = value
        return rows

    return _rewritten(put)


def nested(name: str, body: bytes) -> bytes:
    """A zip file inside a zip file, next to a note."""
    return zipped({"readme.txt": "See inside.", f"packages/{name}.zip": body})
