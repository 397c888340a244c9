"""Previews of tables for analysts: the wards of the newest edition by name, best first.

The UI shows texts of up to a thousand characters in place and longer ones behind a link, and cuts lines that are wider
than its column. ``Page.about`` and ``Page.shows`` hold the other facts of an asset's page.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.steps.pages.markdown import markdown, rounded

# The UI's own limit is 1,000 characters.
IN_PLACE = 980
Row = Mapping[str, Any]


def values(table: pa.Table, indicator: Indicator, contracts: Contracts) -> str:
    """The newest edition of an indicator."""
    rows = _newest(table.to_pylist())
    higher_first = indicator.direction == "higher_is_better"
    rows.sort(key=lambda row: (row["value"] is None, (row["value"] or 0) * (-1 if higher_first else 1)))
    names, bounded = _names(contracts), any(row["lower"] is not None for row in rows)
    usual = Counter(row["status"] for row in rows).most_common(1)[0][0] if rows else ""
    shown = []
    for row in rows:
        figures = {"value": rounded(row["value"])} | ({"between": _between(row)} if bounded else {})
        shown.append(
            {
                "ward": names.get(row["area_code"], row["area_code"]),
                **figures,
                "other status": "" if row["status"] == usual else row["status"],
            }
        )
    ends = sorted({row["period_end"] for row in rows if row["period_end"]})
    of = f", {usual}" + (f", figures to {ends[-1]}" if ends else "")
    return _titled(rows, f"{of}, in {contracts.vocabulary.units[indicator.unit].title}", shown)


def _between(row: Row) -> str | None:
    """Both ends of the interval of a value in one cell, so that all wards fit in place."""
    return None if row["lower"] is None else f"{rounded(row['lower'])}–{rounded(row['upper'])}"


def scores(table: pa.Table, contracts: Contracts, element: str) -> str:
    """The newest edition of an element under the first profile, with likely ranks and dates if the table has them."""
    profile = next(iter(contracts.framework.profiles))
    own = [row for row in table.to_pylist() if row["id"] == element and row["profile"] == profile]
    rows = sorted(_newest(own), key=lambda row: (row["rank"] is None, row["rank"] or 0))
    names = _names(contracts)
    ends = sorted({row["newest_period"] for row in rows if row.get("newest_period")})
    of = f", figures to {ends[-1]}" if ends else ""
    return _titled(
        rows,
        f"{of}, profile {profile}",
        [
            {
                "ward": names.get(row["area_code"], row["area_code"]),
                "score": None if row["score"] is None else f"{row['score']:.1f}",
                "rank": row["rank"],
                **_likely(row),
                "coverage": f"{row['coverage']:.0%}",
            }
            for row in rows
        ],
    )


def _likely(row: Row) -> Row:
    """The interval of a rank, if the table has one."""
    if "rank_low" not in row:
        return {}
    low, high = row["rank_low"], row["rank_high"]
    return {"likely": low if low == high else f"{low}–{high}"}


def _newest(rows: list[Row]) -> list[Row]:
    """The rows of the newest edition that holds any value."""
    held = [row["edition"] for row in rows if row.get("value", row.get("score")) is not None]
    return [row for row in rows if row["edition"] == max(held or [row["edition"]])]


def _titled(rows: Sequence[Row], about: str, shown: Sequence[Row]) -> str:
    """The edition, and as many rows as fit in place."""
    if not rows:
        return "no rows"
    title = f"Edition {rows[0]['edition']}{about}, best first"
    lines, left = markdown(shown).split("\n"), 0
    while len(text := "\n".join([title, "", *lines, *(["", f"… and {left} more"] if left else [])])) > IN_PLACE:
        left += 1
        lines.pop()
    return text


def _names(contracts: Contracts) -> dict[str, str]:
    geography = contracts.geography
    return {a.code: a.name for a in geography.authorities} | {ward.code: ward.name for ward in geography.wards}
