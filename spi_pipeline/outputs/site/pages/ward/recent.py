"""The section on what the police recorded in a ward in recent months, with the band of chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.figures import derived
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.pages.ward.changes import Changes
from spi_pipeline.outputs.site.results import Area, Row, by_area

SIGNALS = {"rise": "▲ more than usual", "fall": "▼ fewer than usual", "none": "= as usual"}
# How many months back the newest twelve are compared with: the same season, and no month in both.
BEFORE = 24
# The usual delay in months between recording and publication by the police; figures no older need no warning.
FRESH = 3


@dataclass(frozen=True)
class Band:
    """A monthly rate within its band of chance, in a box of 100 by 100.

    Attributes:
        line: the path of the rate.
        area: the path of the band.
        top: the value at the upper edge of the box; the lower edge is nought.
        first: the first month drawn.
        last: the last month drawn.
        says: the description of the picture.
    """

    line: str
    area: str
    top: Markup
    first: str
    last: str
    says: Markup


class Recent:
    """The newest months of all wards.

    Args:
        site: the site.
        moved: the changes of scores over the same time.
    """

    def __init__(self, site: Site, changes: Changes) -> None:
        contracts = site.results.contracts
        self.site = site
        self.changes = changes
        self.titles = contracts.titles | {item.id: item.title for item in contracts.recent.measures}
        # Measures that count everything come first, then those of each kind.
        self.order = [item.id for item in contracts.recent.measures]
        self.rows = by_area(site.results.tables["recent"].sort_values("month"))

    def of(self, area: Area) -> Mapping[str, Any]:
        """The section: ``measures``, the ``chart`` and ``months`` of the first, and ``sentences`` about it."""
        series: dict[str, list[Row]] = {}
        for row in self.rows.get(area.code, []):
            series.setdefault(row["measure_id"], []).append(row)
        order = sorted(series, key=lambda name: (name not in self.order, self.titles.get(name, name)))
        measures = [self._measure(name, series[name]) for name in order]
        if not measures:
            return {
                "measures": [],
                "sentences": [],
                "chart": None,
                "months": [],
                "title": "",
                "heading": "Crime month by month",
            }
        chief = series[order[0]]
        return {
            "measures": measures,
            "title": measures[0]["title"],
            "heading": f"Crime month by month, to {words.month(chief[-1]['month'])}",
            "sentences": [
                *self._age(area, chief[-1]),
                *self._sentences(measures[0]["title"], chief),
                *self._score(area, series),
            ],
            "chart": self._band(measures[0]["title"], chief),
            "months": [self._month(row) for row in reversed(chief[-BEFORE:])],
        }

    def _age(self, area: Area, newest: Row) -> list[Markup]:
        """How much older the newest month is than the day the figures were taken; empty if hardly older."""
        age = (self.site.results.as_of.to_period("M") - pd.Period(newest["month"], "M")).n
        if age <= FRESH:
            return []
        query = (
            "SELECT date_diff('month', strptime(max(month), '%Y-%m'), (SELECT max(as_of) FROM edition)) FROM recent "
            f"WHERE area_code = {literal(area.code)} AND measure_id = {literal(newest['measure_id'])}"
        )
        return [
            Markup("The newest month available, {}, is {} months older than the day these figures were taken.").format(
                words.month(newest["month"]), derived(age, query)
            )
        ]

    def _measure(self, name: str, rows: Sequence[Row]) -> dict[str, Any]:
        last = rows[-1]
        earlier = _before(rows)
        return {
            "title": words.plain(self.titles.get(name, name)),
            "until": words.month(last["month"]),
            "now": self._rate(last),
            "then": self._rate(earlier) if earlier else Markup("not known"),
            "compared": _compared(last, earlier),
            "signal": self._signal(last),
            "band": self._band(words.plain(self.titles.get(name, name)), rows),
        }

    def _signal(self, row: Row) -> Markup:
        if row["signal"] is None:
            return Markup("– too few months to say")
        return self.site.word("recent", row, "signal", SIGNALS[row["signal"]])

    def _rate(self, row: Row) -> Markup:
        if row["rate_12_months"] is None:
            return Markup("not known")
        return Markup("{} ({} to {})").format(
            *(self.site.figure("recent", row, column) for column in ("rate_12_months", "lower", "upper"))
        )

    def _sentences(self, title: str, rows: Sequence[Row]) -> list[Markup]:
        last, earlier = rows[-1], _before(rows)
        if last["rate_12_months"] is None:
            return [Markup("Too few months are known to give a rate.")]
        sentences = [
            Markup("{}: {} recorded for every thousand residents in the twelve months to {}.").format(
                title, self._rate(last), words.month(last["month"])
            )
        ]
        if earlier is not None:
            sentences.append(
                Markup("Two years before it was {}. {}").format(
                    self._rate(earlier),
                    {
                        "lower": "So less is recorded now, by more than chance explains.",
                        "higher": "So more is recorded now, by more than chance explains.",
                        "same": "The two ranges overlap, so we cannot be sure that it changed.",
                    }[_moved(last, earlier)],
                )
            )
        if last["signal"] in ("rise", "fall"):
            sentences.append(
                Markup("The newest months hold {} than this ward’s own past leads one to expect, since {}.").format(
                    "more" if last["signal"] == "rise" else "fewer", words.month(last["signal_since"])
                )
            )
        elif last["signal"] == "none":
            sentences.append(Markup("The newest months do not stand out from this ward’s own past."))
        return sentences

    def _score(self, area: Area, series: Mapping[str, Sequence[Row]]) -> list[Markup]:
        """The change in score of the component that most of these counts belong to."""
        components = self.site.results.contracts.component_of
        parts = Counter(components[name] for name in series if name in components)
        return [self.changes.sentence(area, name) for name, _ in parts.most_common(1)]

    def _month(self, row: Row) -> dict[str, Any]:
        return {
            "month": words.month(row["month"]),
            "count": self.site.figure("recent", row, "count", 0),
            "rate": self._rate(row),
        }

    def _band(self, title: str, rows: Sequence[Row]) -> Band | None:
        known = {row["month"]: row for row in rows if row["rate_12_months"] is not None}
        if not known:
            return None
        months = [f"{month:%Y-%m}" for month in pd.period_range(min(known), max(known), freq="M").to_timestamp()]
        rate, lower, upper = (
            [known[month][column] if month in known else None for month in months]
            for column in ("rate_12_months", "lower", "upper")
        )
        top = max(known.values(), key=lambda row: row["upper"])
        edge = top["upper"] or 1.0
        first, last = words.month(months[0]), words.month(months[-1])
        says = Markup(
            "{} over twelve months, {} to {}. The line is what was recorded; the band around it is what chance alone "
            "could make of it."
        ).format(title, first, last)
        return Band(
            drawing.line(rate, 0, edge), drawing.band(lower, upper, 0, edge), self.site.figure("recent", top, "upper"),
            first, last, says,
        )  # fmt: skip


def _before(rows: Sequence[Row]) -> Row | None:
    """The row two years before the last, if its rate is known."""
    month = str(pd.Period(rows[-1]["month"], "M") - BEFORE)
    return next((row for row in rows if row["month"] == month and row["rate_12_months"] is not None), None)


def _moved(last: Row, earlier: Row) -> str:
    if last["upper"] < earlier["lower"]:
        return "lower"
    return "higher" if last["lower"] > earlier["upper"] else "same"


def _compared(last: Row, earlier: Row | None) -> str:
    if earlier is None or last["rate_12_months"] is None:
        return "– not known"
    return {"lower": "▼ lower", "higher": "▲ higher", "same": "? cannot be told"}[_moved(last, earlier)]
