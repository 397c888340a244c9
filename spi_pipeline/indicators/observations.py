"""From values by period to observations by edition: which value each calendar year uses, and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

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
    known = values[values["value"].notna()].assign(year=values["period_end"].dt.year)
    years = pd.DataFrame({"edition": list(editions)})
    usable = known.merge(years, how="cross")
    age = usable["edition"] - usable["year"]
    usable = usable[(age >= 0) & (age <= carry_years)].sort_values("period_end")
    newest = usable.drop_duplicates(["area_code", "edition"], keep="last")
    areas = pd.DataFrame({"area_code": sorted(values["area_code"].unique())})
    table = areas.merge(years, how="cross").merge(newest, on=["area_code", "edition"], how="left", validate="1:1")
    status = (table["year"] == table["edition"]).map({True: "observed", False: "carried"})
    digests = {
        span: _digest(source, origins, *span)
        for span in newest[["period_start", "period_end"]].drop_duplicates().itertuples(index=False, name=None)
    }
    spans = zip(table["period_start"], table["period_end"], strict=True)
    return pd.DataFrame(
        {
            "indicator_id": indicator.id,
            "area_code": table["area_code"],
            "edition": table["edition"],
            "period_start": table["period_start"].dt.date,
            "period_end": table["period_end"].dt.date,
            "value": table["value"],
            "lower": float("nan"),
            "upper": float("nan"),
            "numerator": table["numerator"],
            "denominator": table["denominator"],
            "status": status.where(table["value"].notna(), "missing"),
            "source_id": source.id,
            "raw_sha256": [digests.get(span) for span in spans],
        }
    )


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
