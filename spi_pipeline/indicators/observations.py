"""From values by period to observations by edition: which value each calendar year uses, and where it came from."""

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
    "allocation_error", "error_basis", "numerator", "denominator", "status", "raw_sha256", "source_id",
]  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """One file figures were read from, as far as an observation needs it.

    Attributes:
        period: the period it holds, as YYYY, YYYY-MM or YYYY-MM-DD; an archive's as ``first/last``; several, with
            commas between them, where publishers gave the same bytes for each.
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
    *,
    relative: bool,
) -> pd.DataFrame:
    """Give every area and edition the observation that stands for it.

    An edition holds the newest observation up to its year, and an edition before the first one the first: only
    observations of other periods move a value from one edition to another. Values that stand against all of England in
    their own release show no change in level, so every edition holds the newest release of them. Whether an
    observation is too old is asked once, of the newest edition, when the basis is chosen.

    Args:
        values: as ``with_intervals`` returns them.
        indicator: the indicator.
        source: the contract of its source.
        origins: the files the source was read from.
        editions: the calendar years wanted.
        relative: whether two releases of it show no change in level.

    Returns:
        The columns of the product ``observation``, one row per area and edition; status ``observed`` for a value of
        the edition's own year, ``carried`` for an older one, ``held`` for one of a later year, ``missing``.
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
    rows = []
    for area, found in known.items():
        found.sort(key=lambda value: value.period_end)
        for edition in editions:
            past = [value for value in found if relative or value.period_end.year <= edition]
            used = past[-1] if past else next(iter(found), None)
            rows.append((indicator.id, area, edition, *_cells(used, edition, digests), source.id))
    return pd.DataFrame(rows, columns=OBSERVATION_COLUMNS)


def missing(indicator: Indicator, source: Source, areas: Iterable[str], editions: Sequence[int]) -> pd.DataFrame:
    """The same for an indicator without a source: every area and edition, nothing known."""
    rows = [
        (indicator.id, area, edition, *_cells(None, edition, {}), source.id)
        for area in sorted(areas)
        for edition in editions
    ]
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
    error_basis: str
    numerator: float
    denominator: float


def _cells(used: _Value | None, edition: int, digests: Mapping[Span, str | None]) -> tuple[object, ...]:
    """The columns of an observation from ``period_start`` to ``raw_sha256``."""
    if used is None:
        missing = float("nan")
        return None, None, missing, missing, missing, missing, None, missing, missing, "missing", None
    start, end = used.period_start, used.period_end
    status = "observed" if end.year == edition else "carried" if end.year < edition else "held"
    return start.date(), end.date(), *used[3:], status, digests[start, end]


def _digest(source: Source, origins: Sequence[Origin], start: pd.Timestamp, end: pd.Timestamp) -> str | None:
    """The sha256 of the file behind a period; of the sha256 of all its files in order, where there are several.

    Where rows differ in their period the files are those that overlap it; none where no file does.
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
    """Whether one of the periods of a file has a day from the first to the last."""
    for period in periods.split(", "):
        start, _, end = period.partition("/")
        end = end or start
        if start <= last[: len(start)] and first[: len(end)] <= end:
            return True
    return False
