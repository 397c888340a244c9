"""The page How certain is it: likely ranks, wards that cannot be told apart, sources of uncertainty, any weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.engine.any_weights import rank_range
from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.dots import Dot, DotChart
from spi_pipeline.outputs.site.figures import derived, figure
from spi_pipeline.outputs.site.figures import reach as reach_figure
from spi_pipeline.outputs.site.pages.page import MANY, Page, Site
from spi_pipeline.outputs.site.results import Element, Row, records

# Measured time per ward: 0.02 s for 20 wards and 12 components, 0.4 s for 75, 3 s for 300. The last would take a
# quarter of an hour, and as long again in the readback.
MOST_FOR_COMPONENTS = MANY
# The sources of uncertainty in plain words; a source without an entry goes by its name.
SOURCES = {
    "aggregation": "How parts are averaged: may a strong part make up for a weak one?",
    "allocation": "Sharing figures of larger areas out among wards",
    "choice": "Which indicators stand for a component",
    "goalposts": "Which values count as worst and best",
    "imputation": "Estimates in place of missing figures",
    "measurement": "Chance and error in each figure",
    "normalisation": "How figures are put on one scale",
    "transform": "Whether large differences count in full",
    "weights": "How much each part counts",
}


@dataclass(frozen=True)
class Reach:
    """The ranks of a ward under any weights.

    Attributes:
        best: its best rank.
        worst: its worst rank.
    """

    best: int
    worst: int


def certainty(site: Site) -> Iterator[Page]:
    """The page How certain is it."""
    results = site.results
    rows = [row for row in results.ranking(results.index.id) if row["rank_low"] is not None]
    levels = {"dimension": results.below(results.index.id)}
    levels["component"] = [part for dimension in levels["dimension"] for part in results.below(dimension.id)]
    reach = {name: reached(site, parts) for name, parts in levels.items()}
    yield Page(
        path="certainty.html",
        template="certainty.html",
        title="How certain is it?",
        description="How sure each ward's rank is, which wards cannot be told apart, and where the doubt comes from.",
        content={
            "rows": rows,
            "chart": _chart(site, rows),
            "chart_sentence": _chart_sentence(site, rows) if rows else "",
            "pairs": _pairs(site, rows),
            "apart": [(results.areas[row["area_code"]], _told_apart(site, row, rows)) for row in rows],
            "doubt": _doubt(site),
            "reach": {name: ranks for name, ranks in reach.items() if ranks},
            "widest": {name: _widest(ranks) for name, ranks in reach.items() if ranks},
            "ends": reach_ends,
            "named": named,
        },
        section="certainty.html",
    )


def reach_ends(site: Site, found: Reach, level: str, code: str) -> Markup:
    """The best and the worst rank of a ward under any weights: ``2nd to 15th``, or a single one."""
    key = {"edition": site.results.edition, "profile": site.results.profile, "area_code": code}
    best, worst = (
        reach_figure(rank, end, level, **key) for end, rank in (("best", found.best), ("worst", found.worst))
    )
    return best if found.best == found.worst else Markup("{} to {}").format(best, worst)


def _chart(site: Site, rows: list[Row]) -> DotChart | None:
    if len(rows) < 2:
        return None
    last = len(site.results.wards)
    ticks = [1.0, *(float(tick) for tick in range(5 * (last // 20 or 1), last, 5 * (last // 20 or 1))), float(last)]
    # Closer numbers on the axis would overlap.
    ticks = [tick for tick in ticks if tick in (1.0, last) or last - tick > 1.0 + last / 20]
    dots = [
        Dot(site.results.areas[row["area_code"]].name, row["rank"], row["rank_low"], row["rank_high"]) for row in rows
    ]
    return DotChart(dots, ticks)


def _chart_sentence(site: Site, rows: list[Row]) -> Markup:
    name, element = site.results.areas, site.results.index
    first, last = (name[rows[at]["area_code"]] for at in (0, -1))
    return Markup(
        "The likely ranks of the wards in the {} of {}, from {} ({}) to {} ({}). Wards whose bars overlap cannot be "
        "told apart."
    ).format(
        element.title, site.results.edition, first.name, site.rank(element, first), last.name, site.rank(element, last)
    )


def _overlap(one: Row, other: Row) -> bool:
    return bool(one["rank_low"] <= other["rank_high"] and other["rank_low"] <= one["rank_high"])


def _pairs(site: Site, rows: list[Row]) -> dict[str, Markup]:
    """The number of pairs of wards, and the number of pairs whose likely ranges overlap."""
    count = len(rows)
    overlapping = sum(_overlap(one, other) for at, one in enumerate(rows) for other in rows[at + 1 :])
    element, edition, profile = site.results.index.id, site.results.edition, site.results.profile
    common = (
        f"FROM score a JOIN score b USING (edition, profile, id) WHERE a.area_code < b.area_code AND id = '{element}' "
        f"AND edition = {edition} AND profile = '{profile}' AND a.rank_low IS NOT NULL AND b.rank_low IS NOT NULL"
    )
    return {
        "all": derived(count * (count - 1) / 2, f"SELECT count(*) {common}"),
        "alike": derived(
            overlapping,
            f"SELECT count(*) {common} AND a.rank_low <= b.rank_high AND b.rank_low <= a.rank_high",
        ),
    }


def _told_apart(site: Site, row: Row, rows: list[Row]) -> list[str]:
    """The wards clearly better than one, those not distinguishable from it, and those clearly worse; counts if many."""
    others = [other for other in rows if other is not row]
    groups = {
        "b.rank_high < a.rank_low": [other for other in others if other["rank_high"] < row["rank_low"]],
        "b.rank_low <= a.rank_high AND a.rank_low <= b.rank_high AND a.area_code <> b.area_code": [
            other for other in others if _overlap(row, other)
        ],
        "b.rank_low > a.rank_high": [other for other in others if other["rank_low"] > row["rank_high"]],
    }
    if not site.many:
        return [named(site, [other["area_code"] for other in group], "–") for group in groups.values()]
    of_ward = (
        f"SELECT count(*) FROM score a JOIN score b USING (edition, profile, id) WHERE a.area_code = "
        f"{literal(row['area_code'])} AND id = {literal(site.results.index.id)} AND edition = {site.results.edition} "
        f"AND profile = {literal(site.results.profile)} AND"
    )
    return [derived(len(group), f"{of_ward} {condition}") for condition, group in groups.items()]


def _doubt(site: Site) -> list[dict[str, Any]]:
    """The sources of uncertainty, the one with the largest share first."""
    of_profile = [records(site.results.newest(name)) for name in ("doubt", "sensitivity")]
    # If ranks hardly move, the share of a source in their movement cannot be told.
    shares = {
        row["source"]: row
        for row in of_profile[1]
        if row["authority_code"] == site.results.town.code and row["total"] is not None
    }
    sources = []
    for row in of_profile[0]:
        share = shares.get(row["source"])
        if row["authority_code"] != site.results.town.code:
            continue
        key = {} if share is None else {n: share[n] for n in ("authority_code", "edition", "profile", "source")}
        sources.append(
            {
                "what": SOURCES.get(row["source"], row["source"]),
                "how": row["how"],
                "assumed": row["assumed"],
                "varied": row["varied"],
                "total": -1.0 if share is None else share["total"],
                "share": None
                if share is None
                else [
                    figure(share[name], "sensitivity", name, 2, **key) for name in ("total", "total_low", "total_high")
                ],
            }
        )
    return sorted(sources, key=lambda item: item["total"], reverse=True)


def reached(site: Site, parts: list[Element]) -> dict[str, Reach]:
    """The best and the worst rank of each ward under any weights of the given parts, by code.

    Wards that lack the score of a part are left out. The result is empty if there are too many wards to compute in
    reasonable time.
    """
    results = site.results
    wards = [
        ward for ward in results.wards
        if all(results.scores.get((part.id, ward.code), {}).get("score") is not None for part in parts)
    ]  # fmt: skip
    if len(wards) < 2 or len(parts) < 2 or (len(parts) > 3 and len(wards) > MOST_FOR_COMPONENTS):
        return {}
    scores = pd.DataFrame([[results.scores[part.id, ward.code]["score"] for part in parts] for ward in wards])
    return {
        ward.code: Reach(int(best), int(worst))
        for ward, (best, worst) in zip(wards, rank_range(scores.to_numpy(dtype=float)), strict=True)
    }


def _widest(ranks: dict[str, Reach]) -> dict[str, list[str] | int]:
    """The wards that can come first, and the wards that can come last."""
    last = len(ranks)
    return {
        "first": [code for code, reach in ranks.items() if reach.best == 1],
        "last": [code for code, reach in ranks.items() if reach.worst == last],
    }


def named(site: Site, codes: list[str], none: str = "none") -> str:
    """The names of wards, as a list in a sentence."""
    return words.listed([site.results.areas[code].name for code in codes]) if codes else none
