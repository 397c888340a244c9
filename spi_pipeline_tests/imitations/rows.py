"""Edit the rows of a body in any format: CSV, JSON, a workbook, or a zip of those.

Publishers need no code for this: a finished response is parsed, edited and written again in its own format.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from spi_pipeline_tests.imitations.messages import zipped

Row = dict[str, Any]
Edit = Callable[[list[Row]], list[Row]]


def edited(body: bytes, kind: str, columns: Sequence[str], options: dict[str, Any]) -> bytes:
    """`body` after the edit named by `kind` (see ``faults.KINDS``)."""
    if kind == "missing_month":
        options = {"force": "bedfordshire", **options}
        members = re.compile(rf"{options['month']}-{options['force']}-")
        return _in_any_format(body, lambda rows: _of_month(rows, options, lambda _: []), without=members)
    if kind == "old_wards":
        return _in_any_format(body, _with_old_wards)
    return _in_any_format(body, lambda rows: _EDITS[kind](rows, columns, options))


def _in_any_format(body: bytes, edit: Edit, without: re.Pattern[str] | None = None) -> bytes:
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        if "[Content_Types].xml" in members:
            return _in_workbook(body, edit)
        if without:
            return zipped({name: content for name, content in members.items() if not without.search(name)})
        tables = (".csv", ".xlsx")
        return zipped(
            {n: _in_any_format(content, edit) if n.endswith(tables) else content for n, content in members.items()}
        )
    text = body.lstrip()
    if text[:1] in (b"{", b"["):
        return _in_json(body, edit)
    return body if text[:1] == b"<" or not text else _in_csv(body, edit)


def _in_csv(body: bytes, edit: Edit) -> bytes:
    bom = b"\xef\xbb\xbf" if body.startswith(b"\xef\xbb\xbf") else b""
    lines = list(csv.reader(io.StringIO(body[len(bom) :].decode("utf-8"))))
    width = Counter(len(line) for line in lines[:50]).most_common(1)[0][0]
    start = next(number for number, line in enumerate(lines) if len(line) == width)
    header = lines[start]
    table = edit([dict(zip(header, line, strict=False)) for line in lines[start + 1 :]])
    header = list(table[0]) if table else header
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([*lines[:start], header, *([row.get(name, "") for name in header] for row in table)])
    return bom + out.getvalue().encode()


def _in_json(body: bytes, edit: Edit) -> bytes:
    content = json.loads(body)
    records = _longest(content)
    for key in ("properties", "attributes"):  # features of GeoJSON and of Esri JSON
        if records and isinstance(records[0].get(key), dict):
            kept = edit([{**record[key], "\0": record} for record in records])
            records[:] = [{**row.pop("\0"), key: row} for row in kept]
            break
    else:
        records[:] = edit(list(records))
    return json.dumps(content, separators=(",", ":")).encode()


def _longest(content: Any) -> list[Row]:
    """The longest list of objects anywhere in a JSON document."""
    if isinstance(content, list):
        found = [content] if content and all(isinstance(item, dict) for item in content) else []
        return max([*found, *map(_longest, content)], key=len, default=[])
    return max(map(_longest, content.values()), key=len, default=[]) if isinstance(content, dict) else []


def _in_workbook(body: bytes, edit: Edit) -> bytes:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(body))
    for sheet in book.worksheets:
        lines = [list(line) for line in sheet.iter_rows(values_only=True)]
        start = next((n for n, line in enumerate(lines) if sum(cell is not None for cell in line) >= 3), None)
        if start is None:
            continue
        names = [str(cell) for cell in lines[start]]
        table = edit([dict(zip(names, line, strict=False)) for line in lines[start + 1 :]])
        sheet.delete_rows(start + 1, len(lines))
        header = list(table[0]) if table else names
        for line in [header, *([row.get(name) for name in header] for row in table)]:
            sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _wrong_header(table: list[Row], _columns: Sequence[str], _options: dict[str, Any]) -> list[Row]:
    # "\0" is not a column: it carries the whole feature of GeoJSON or Esri JSON along.
    return [{n if n == "\0" else f"field{i}": value for i, (n, value) in enumerate(row.items())} for row in table]


def _rename(table: list[Row], columns: Sequence[str], options: dict[str, Any]) -> list[Row]:
    def new(name: str) -> str:
        return str(options.get("to", f"{name}_v2")) if _meant(name, columns) else name

    return [{new(name): value for name, value in row.items()} for row in table]


def _drop(table: list[Row], _columns: Sequence[str], options: dict[str, Any]) -> list[Row]:
    share = float(options.get("share", 0.5))
    return _of_month(table, options, lambda rows: [row for n, row in enumerate(rows) if not _picked(n, share)])


def _repeat(table: list[Row], _columns: Sequence[str], options: dict[str, Any]) -> list[Row]:
    share = float(options.get("share", 0.5))
    return [*table, *(dict(row) for n, row in enumerate(table) if _picked(n, share))]


def _scale(table: list[Row], columns: Sequence[str], options: dict[str, Any]) -> list[Row]:
    factor = float(options.get("factor", 100))
    for row in table:
        for name in filter(lambda name: _meant(name, columns), list(row)):
            row[name] = _times(row[name], factor)
    return table


def _overwrite(table: list[Row], columns: Sequence[str], options: dict[str, Any]) -> list[Row]:
    share = float(options.get("share", 1))
    for number, row in enumerate(table):
        for name in filter(lambda name: _meant(name, columns), list(row)):
            if _picked(number, share):
                row[name] = options["value"]
    return table


def _revised(table: list[Row], columns: Sequence[str], options: dict[str, Any]) -> list[Row]:
    return _drop(table, columns, {"share": 0.1, **options})


def _meant(name: str, columns: Sequence[str]) -> bool:
    """Whether `name` matches one of `columns`, which may be shell patterns for names that contain a year."""
    return any(fnmatchcase(name, column) for column in columns)


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, dict) and "value" in value:  # a cell of Nomis's JSON
        return {**value, "value": _times(value["value"], factor)}
    try:
        scaled = round(float(value) * factor, 6)
    except (TypeError, ValueError):
        return value
    return f"{scaled:.6g}" if isinstance(value, str) else scaled


def _picked(number: int, share: float) -> bool:
    """Whether row `number` belongs to an evenly spread `share` of the rows."""
    return int((number + 1) * share) > int(number * share)


def _of_month(table: list[Row], options: dict[str, Any], change: Callable[[list[Row]], list[Row]]) -> list[Row]:
    """Apply `change` to the rows of one month, or to all rows if no month is given."""
    month = options.get("month")
    if month is None:
        return change(table)

    def of_month(row: Row) -> bool:
        cells = (row.get(name) for name in ("Month", "month", "Date", "datetime"))
        return any(str(cell).startswith(month) for cell in cells if cell)

    hit = [row for row in table if of_month(row)]
    return [row for row in table if not of_month(row)] + change(hit) if hit else table


def _with_old_wards(table: list[Row]) -> list[Row]:
    """Replace the codes of 19 of the 20 current wards with those of the 19 old ones, and drop the twentieth."""

    def old(value: Any) -> Any:
        found = re.fullmatch(r"E050147(3[5-9]|4\d|5[0-4])", value) if isinstance(value, str) else None
        return f"E0500{2193 + int(found[1]) - 35}" if found else value

    kept = [row for row in table if "E05014754" not in [value for value in row.values() if isinstance(value, str)]]
    return [{name: old(value) for name, value in row.items()} for row in kept]


_EDITS: dict[str, Callable[[list[Row], Sequence[str], dict[str, Any]], list[Row]]] = {
    "wrong_header": _wrong_header,
    "rename_column": _rename,
    "drop_rows": _drop,
    "repeat_rows": _repeat,
    "scale_values": _scale,
    "overwrite": _overwrite,
    "revision": _revised,
}
