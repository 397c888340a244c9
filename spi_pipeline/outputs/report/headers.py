"""Tags the first cell of each row as the header of that row.

Typst tags the headers of columns. It would tag those of rows only under a switch that its Python package does not pass
on (``pdf.header-cell`` of the feature ``a11y-extras``, typst 0.15.2).
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pikepdf


def with_row_headers(pdf: bytes) -> bytes:
    """The same document, with the first cell of each row below a table's head as a header with scope row."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for row in _rows_of_bodies(document.Root.StructTreeRoot.K):
            cells = list(row.K)
            cells[0].S = pikepdf.Name.TH
            cells[0].A = pikepdf.Array([pikepdf.Dictionary(O=pikepdf.Name.Table, Scope=pikepdf.Name.Row)])
            # Readers do not use scope for a cell that names its headers, and would announce it without its row.
            for cell in cells[1:]:
                cell.A = pikepdf.Array([attribute for attribute in cell.A if "/Headers" not in attribute])
        out = io.BytesIO()
        document.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _rows_of_bodies(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, pikepdf.Array):
            waiting.extend(node)
        elif isinstance(node, pikepdf.Dictionary):
            if node.get("/S") == "/TBody":
                yield from node.K
            elif "/K" in node:
                waiting.append(node.K)
