"""From values by period to observations by edition: which value each calendar year uses, and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from spi_pipeline.contracts.indicators import Indicator
from spi_pipeline.contracts.tables import Source


@dataclass(frozen=True)
class Origin:
    """One file figures were read from, as far as an observation needs it.

    Attributes:
        period: the period it holds, as YYYY, YYYY-MM or YYYY-MM-DD.
        sha256: of its bytes.
    """

    period: str
    sha256: str


def observations(
    values: pd.DataFrame,
    indicator: Indicator,
    source: Source,
    origins: Sequence[Origin],
    editions: Sequence[int],
    carry_years: int,
) -> pd.DataFrame:
    """Give every area and edition the newest value that is not too old.

    A value is used in the edition of the year its period ends in and carried forward at most ``carry_years``; it is
    never used in an earlier edition.

    Args:
        values: as ``ward_values`` returns them.
        indicator: the indicator.
        source: the contract of its source.
        origins: the files the source was read from.
        editions: the calendar years wanted.
        carry_years: how many editions a value may be carried.

    Returns:
        The columns of the product ``observation``, one row per area and edition, status observed, carried or missing.
    """
    # Plain loops: a few hundred rows, for which a join costs fifty times as much.
    known: dict[str, list[_Value]] = {area: [] for area in sorted(values["area_code"].unique())}
    digests: dict[tuple[pd.Timestamp, pd.Timestamp], str] = {}
    in_order: list[dict[Any, Any]] = values.dropna(subset=["value"]).sort_values("period_end").to_dict("records")
    for row in in_order:
        span = (row["period_start"], row["period_end"])
        if span not in digests:
            digests[span] = _digest(source, origins, *span)
        known[row["area_code"]].append(_Value(*span, row["value"], row["numerator"], row["denominator"]))
    rows = []
    for area, found in known.items():
        for edition in editions:
            usable = [value for value in found if 0 <= edition - value.end.year <= carry_years]
            rows.append((area, edition, *_cells(usable[-1] if usable else None, edition, digests)))
    columns = ["area_code", "edition", "period_start", "period_end", "value", "numerator", "denominator", "status"]
    table = pd.DataFrame(rows, columns=[*columns, "raw_sha256"])
    table = table.astype({"value": "float64", "numerator": "float64", "denominator": "float64"})
    return table.assign(indicator_id=indicator.id, source_id=source.id, lower=float("nan"), upper=float("nan"))


class _Value(NamedTuple):
    start: pd.Timestamp
    end: pd.Timestamp
    value: float
    numerator: float
    denominator: float


def _cells(
    used: _Value | None, edition: int, digests: Mapping[tuple[pd.Timestamp, pd.Timestamp], str]
) -> tuple[object, ...]:
    """The columns of an observation from ``period_start`` on."""
    if used is None:
        return None, None, None, None, None, "missing", None
    status = "observed" if used.end.year == edition else "carried"
    figures = (used.value, used.numerator, used.denominator)
    return used.start.date(), used.end.date(), *figures, status, digests[used.start, used.end]


def _digest(source: Source, origins: Sequence[Origin], start: pd.Timestamp, end: pd.Timestamp) -> str:
    """The sha256 of the file behind a period; of the sha256 of all its files in order, where there are several."""
    if source.properties.period.column == "month":
        used = [origin for origin in origins if f"{start:%Y-%m}" <= origin.period[:7] <= f"{end:%Y-%m}"]
    elif source.properties.period.column == "year":
        used = [origin for origin in origins if origin.period[:4] == f"{end:%Y}"]
    else:
        used = list(origins)
    ordered = [origin.sha256 for origin in sorted(used, key=lambda item: (item.period, item.sha256))]
    return ordered[0] if len(ordered) == 1 else hashlib.sha256("".join(ordered).encode()).hexdigest()
