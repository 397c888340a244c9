"""A few rows of a table as an analyst wants to see them first: wards by name, best first, of the newest edition.

The UI shows texts of up to a thousand characters in place, longer ones behind a link, and cuts what is wider than its
column. What else an asset's page tells is for ``metadata``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.orchestration.markdown import cell, cut, markdown
from spi_pipeline.orchestration.plan import Step

# The UI's own limit is 1,000 characters.
IN_PLACE = 980
ROWS, WIDTH = 8, 60
LONGEST_SAMPLE = 30

Row = Mapping[str, Any]


def preview(step: Step, table: pa.Table, contracts: Contracts) -> str:
    """The first look at a step's main table, as Markdown."""
    if step.kind == "indicator":
        return _values(table, contracts.indicators[step.name], contracts)
    if "score" in step.lineage:
        return _scores(table, contracts, step.name)
    return _sample(table)


def _values(table: pa.Table, indicator: Indicator, contracts: Contracts) -> str:
    """The newest edition of an indicator."""
    rows = _newest(table.to_pylist())
    higher_first = indicator.direction == "higher_is_better"
    rows.sort(key=lambda row: (row["value"] is None, (row["value"] or 0) * (-1 if higher_first else 1)))
    names, bounded = _names(contracts), any(row["lower"] is not None for row in rows)
    shown = []
    for row in rows:
        found = {"value": row["value"], "from": row["lower"], "to": row["upper"]}
        figures = {name: _rounded(value) for name, value in found.items() if name == "value" or bounded}
        shown.append({"ward": names.get(row["area_code"], row["area_code"]), **figures, "status": row["status"]})
    ends = sorted({row["period_end"] for row in rows if row["period_end"]})
    of = f", figures to {ends[-1]}" if ends else ""
    return _titled(rows, f"{of}, in {contracts.vocabulary.units[indicator.unit].title}", shown)


def _scores(table: pa.Table, contracts: Contracts, element: str) -> str:
    """The newest edition of an element under the first profile."""
    profile = next(iter(contracts.framework.profiles))
    own = [row for row in table.to_pylist() if row["id"] == element and row["profile"] == profile]
    rows = sorted(_newest(own), key=lambda row: (row["rank"] is None, row["rank"] or 0))
    names = _names(contracts)
    return _titled(
        rows,
        f", profile {profile}",
        [
            {
                "ward": names.get(row["area_code"], row["area_code"]),
                "score": None if row["score"] is None else f"{row['score']:.1f}",
                "rank": row["rank"],
                "coverage": f"{row['coverage']:.0%}",
            }
            for row in rows
        ],
    )


def _sample(table: pa.Table) -> str:
    """Rows from all over the table, and as many columns as the page is wide."""
    plain = [field.name for field in table.schema if not pa.types.is_binary(field.type)]
    chosen = np.unique(np.linspace(0, max(table.num_rows - 1, 0), min(ROWS, table.num_rows)).astype(int))
    rows = [
        {name: _rounded(value) for name, value in row.items()} for row in table.select(plain).take(chosen).to_pylist()
    ]
    shown, room = list[str](), WIDTH
    for name in plain:
        room -= max(len(cell(value)) for value in (name, *(row[name] for row in rows))) + 3
        if room < 0 and shown:
            break
        shown.append(name)
    left_out = len(table.column_names) - len(shown)
    more = f"\n\n{left_out} more column{'s' * (left_out > 1)}" if left_out else ""
    return markdown([{name: row[name] for name in shown} for row in rows]) + more


def _newest(rows: list[Row]) -> list[Row]:
    """The rows of the newest edition that holds anything."""
    held = [row["edition"] for row in rows if row.get("value", row.get("score")) is not None]
    return [row for row in rows if row["edition"] == max(held or [row["edition"]])]


def _titled(rows: Sequence[Row], about: str, shown: Sequence[Row]) -> str:
    """The edition, and as many of the rows as are shown in place."""
    if not rows:
        return "no rows"
    for count in range(len(shown), 0, -1):
        more = f"\n\n… and {len(shown) - count} more" if count < len(shown) else ""
        text = f"Edition {rows[0]['edition']}{about}, best first\n\n{markdown(shown[:count])}{more}"
        if len(text) <= IN_PLACE:
            break
    return text


def _names(contracts: Contracts) -> dict[str, str]:
    geography = contracts.geography
    return {a.code: a.name for a in geography.authorities} | {ward.code: ward.name for ward in geography.wards}


def _rounded(value: Any) -> Any:
    """A figure to four places, or whole where it is large; anything else as it is, but short."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return cut(value, LONGEST_SAMPLE) if isinstance(value, str) else value
