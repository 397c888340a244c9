"""Tags the first cell of each row as the header of that row.

Typst tags those of columns; those of rows it would only under a switch that its Python package does not hand on
(``pdf.header-cell`` of the feature ``a11y-extras``, typst 0.15.2).
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pikepdf


def with_row_headers(pdf: bytes) -> bytes:
    """The same document, in which the first cell of each row below a table's head is a header with scope row."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for row in _rows_of_bodies(document.Root.StructTreeRoot.K):
            cells = list(row.K)
            cells[0].S = pikepdf.Name.TH
            cells[0].A = pikepdf.Array([pikepdf.Dictionary(O=pikepdf.Name.Table, Scope=pikepdf.Name.Row)])
            # What names its headers itself is not looked for by scope: it would be told without that of its row.
            for cell in cells[1:]:
                cell.A = pikepdf.Array([held for held in cell.A if "/Headers" not in held])
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
