"""The page Since the last release: how scores differ from the signed release, and why; only if any differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.site.figures import counted, named
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Row, records

TABLE = "release_change"
# The causes of a change, by their column of the table, in the order of the page.
CAUSES = {
    "from_revision": "figures revised",
    "from_newer": "newer figures",
    "from_window": "another window",
    "from_geography": "boundaries",
    "from_basis": "other indicators",
    "from_method": "method",
}
# The number of listed ranks beyond their likely range.
SHOWN = 20


def revised(site: Site) -> Iterator[Page]:
    """The page Since the last release; none if no release was signed or nothing moved since."""
    changes, elements = site.results.tables[TABLE], site.results.tables["release_element"]
    if changes.empty and elements.empty:
        return
    table, released = (TABLE, changes) if len(changes) else ("release_element", elements)
    own = changes[changes["profile"] == site.results.profile]
    own = own[own["edition"] == site.results.edition]
    index = own[own["level"] == "index"]
    beyond = own[own["beyond_interval"]].sort_values("surprise", ascending=False)
    yield Page(
        path="revised.html",
        template="revised.html",
        title="Since the last release",
        description="How far scores are from those of the release signed last, and what moved them.",
        content={
            "release": named(
                str(released["release"].iloc[0]), released["release"].iloc[0], f"SELECT release FROM {table} LIMIT 1"
            ),
            "elements": [site.word("release_element", row, "sentence", row["sentence"]) for row in records(elements)],
            "causes": CAUSES,
            "index": _rows(site, index.reindex(index["change"].abs().sort_values(ascending=False).index)),
            "beyond": _rows(site, beyond.head(SHOWN)),
            "count": counted(
                changes, TABLE, profile=site.results.profile, edition=site.results.edition, beyond_interval=True
            ),
        },
        section="progress.html",
    )


def _rows(site: Site, changes: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "area": site.results.areas[row["area_code"]],
            "element": site.results.elements[row["id"]],
            "before": site.figure(TABLE, row, "score_before", 1),
            "after": site.figure(TABLE, row, "score_after", 1),
            "change": site.figure(TABLE, row, "change", 2, how="signed"),
            "causes": [site.figure(TABLE, row, column, 2, how="signed") for column in CAUSES],
            "ranks": _ranks(site, row),
        }
        for row in records(changes)
    ]


def _ranks(site: Site, row: Row) -> Markup:
    """The ranks before and after: ``17th to 18th``; a dash for the town."""
    if row["rank_before"] is None or row["rank_after"] is None:
        return Markup("–")
    before, after = (site.figure(TABLE, row, name, 0, how="ordinal") for name in ("rank_before", "rank_after"))
    return before if row["rank_before"] == row["rank_after"] else Markup("{} to {}").format(before, after)
