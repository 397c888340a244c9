"""Turn values by period into observations by edition: the value each calendar year uses, and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.contracts.models.tables import Source

Span = tuple[pd.Timestamp, pd.Timestamp]
OBSERVATION_COLUMNS = [
    "indicator_id", "area_code", "edition", "period_start", "period_end", "value", "lower", "upper",
    "allocation_error", "error_evidence", "numerator", "denominator", "covered", "status", "raw_sha256", "source_id",
]  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """One file that figures were read from: its period and digest.

    Attributes:
        period: the period it holds, as YYYY, YYYY-MM or YYYY-MM-DD; for an archive ``first/last``; several, separated
            by commas, where publishers supplied the same bytes for each.
        sha256: the digest of its bytes.
    """

    period: str
    sha256: str


def observations(
    values: pd.DataFrame,
    indicator: Indicator,
    source: Source,
    origins: Sequence[Origin],
    editions: Sequence[int],
    *,
    relative: bool,
) -> pd.DataFrame:
    """Choose the observation of every area and edition.

    An edition uses the newest observation up to its year. An edition before the first observation uses the first. So a
    value changes between editions only where the editions use observations of different periods. Values that each
    release measures against all of England show no change in level, so every edition uses their newest release.
    Whether an observation is too old is decided once, for the newest edition, when the basis is chosen.

    Args:
        values: as ``with_intervals`` returns them.
        indicator: the indicator.
        source: the contract of its source.
        origins: the files that the source was read from.
        editions: the calendar years to fill.
        relative: whether two releases of the indicator show no change in level.

    Returns:
        The columns of the product ``observation``, one row per area and edition; status ``observed`` for a value of
        the edition's own year, ``carried`` for an older one, ``held`` for one of a later year, ``suppressed`` where too
        little of the area is known in every period, ``missing`` where nothing is known.
    """
    # Plain loops: a few hundred rows, for which a join costs fifty times as much.
    held = values.dropna(subset=["value"])
    digests = {
        span: _digest(source, origins, *span)
        for span in set(zip(held["period_start"], held["period_end"], strict=True))
    }
    known: dict[str, list[_Value]] = {area: [] for area in sorted(set(values["area_code"]))}
    for value in held[list(_Value._fields)].itertuples(index=False, name=None):
        known[value[0]].append(_Value(*value))
    seen = values.groupby("area_code")["covered"].max()
    rows = []
    for area, own in known.items():
        own.sort(key=lambda value: value.period_end)
        for edition in editions:
            past = [value for value in own if relative or value.period_end.year <= edition]
            used = past[-1] if past else next(iter(own), None)
            cells = _cells(used, edition, digests) if used else _none(float(seen[area]))
            rows.append((indicator.id, area, edition, *cells, source.id))
    return pd.DataFrame(rows, columns=OBSERVATION_COLUMNS)


def missing(indicator: Indicator, source: Source, areas: Iterable[str], editions: Sequence[int]) -> pd.DataFrame:
    """Observations of an indicator without a source: every area and edition, all with status ``missing``."""
    rows = [(indicator.id, area, edition, *_none(0.0), source.id) for area in sorted(areas) for edition in editions]
    return pd.DataFrame(rows, columns=OBSERVATION_COLUMNS)


class _Value(NamedTuple):
    """A row of ``values``."""

    area_code: str
    period_start: pd.Timestamp
    period_end: pd.Timestamp
    value: float
    lower: float
    upper: float
    allocation_error: float
    error_evidence: str
    numerator: float
    denominator: float
    covered: float


def _none(seen: float) -> tuple[object, ...]:
    """The columns of an observation without a value; ``seen`` is the largest share of its area known in any period."""
    missing = float("nan")
    status = "suppressed" if seen > 0 else "missing"
    return None, None, missing, missing, missing, missing, None, missing, missing, seen, status, None


def _cells(used: _Value, edition: int, digests: Mapping[Span, str | None]) -> tuple[object, ...]:
    """The columns of an observation from ``period_start`` to ``raw_sha256``."""
    start, end = used.period_start, used.period_end
    status = "observed" if end.year == edition else "carried" if end.year < edition else "held"
    return start.date(), end.date(), *used[3:], status, digests[start, end]


def _digest(source: Source, origins: Sequence[Origin], start: pd.Timestamp, end: pd.Timestamp) -> str | None:
    """The sha256 of the file behind a period; with several files, the sha256 of their digests in order.

    Where rows have periods of their own, only the files that overlap the period count; None where no file does.
    """
    used = list(origins)
    if source.properties.period.column is not None:
        first, last = f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"
        used = [one for one in origins if _overlaps(one.period, first, last)]
    ordered = [origin.sha256 for origin in sorted(used, key=lambda item: (item.period, item.sha256))]
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    return hashlib.sha256("".join(ordered).encode()).hexdigest()


def _overlaps(periods: str, first: str, last: str) -> bool:
    """Whether one of a file's periods contains a day between the first and the last."""
    for period in periods.split(", "):
        start, _, end = period.partition("/")
        end = end or start
        if start <= last[: len(start)] and first[: len(end)] <= end:
            return True
    return False
