"""The page What others found: published statements about the wards next to our figures, if there are any."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import counted, figure
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import records

# The columns that identify a statement.
KEY = ("finding_id", "claim")
VERDICTS = {
    "agrees": ("✓", "we agree"),
    "differs": ("≠", "we differ"),
    "not_compared": ("?", "cannot be compared"),
}


def published_findings(site: Site) -> Iterator[Page]:
    """The page What others found; none if there are no published statements."""
    table = site.results.tables["published_finding"]
    if table.empty:
        return
    publications = []
    for _, rows in table.groupby("finding_id", sort=False):
        claims = [
            {
                **row,
                "among": figure(row["among"], "published_finding", "among", 0, **{n: row[n] for n in KEY}),
                "several": row["among"] > 1,
            }
            for row in records(rows.sort_values("claim"))
        ]
        publications.append({"first": claims[0], "when": _when(claims[0]["published"]), "claims": claims})
    yield Page(
        path="found.html",
        template="published_findings.html",
        title="What others found",
        description="Published statements about these wards beside our figures: where we agree, where not, and why.",
        content={
            "publications": publications,
            "counts": {verdict: counted(table, "published_finding", verdict=verdict) for verdict in VERDICTS},
            "all": counted(table, "published_finding"),
            "differing": counted(table, "published_finding", verdict="differs", within_range=True),
            "verdicts": VERDICTS,
            "titles": site.results.contracts.titles,
        },
        section="found.html",
    )


def _when(published: str) -> str:
    """The date of a publication in words; a day, a month or a year."""
    if published == "unknown":
        return "date unknown"
    if len(published) == 4:
        return published
    return words.day(pd.Timestamp(published)) if len(published) == 10 else words.month(published)
