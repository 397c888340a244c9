"""The page Quality and provenance: what is covered, how new it is, what was checked, and where figures come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import counted, derived, figure
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Row, records

OUTCOMES = ("passed", "failed", "errored", "skipped")


def quality(site: Site) -> Iterator[Page]:
    """The page Quality and provenance."""
    yield Page(
        path="quality.html",
        template="quality.html",
        title="Quality and provenance",
        description="What is covered, how old the figures are, what was checked, and where each figure comes from.",
        content={
            "statuses": words.STATUSES,
            "coverage": _coverage(site),
            "shares": _shares(site),
            "freshness": _freshness(site),
            "checks": _checks(site),
            "totals": _totals(site),
            "split": _split(site),
            "sources": _sources(site),
            "outcomes": OUTCOMES,
        },
        section="quality.html",
    )


def _newest_run(site: Site) -> str | None:
    checks = site.results.tables["check_result"]
    return None if checks.empty else str(checks.sort_values("run_at")["run_id"].iloc[-1])


def _coverage(site: Site) -> list[dict[str, Any]]:
    """For each indicator and edition, the number of wards with a figure of each status."""
    results = site.results
    codes = {ward.code for ward in results.wards}
    observed = results.tables["observation"]
    of_wards = observed[observed["area_code"].isin(codes)]
    counts = of_wards.groupby(["indicator_id", "edition", "status"]).size().to_dict()
    indicators = []
    for element in results.elements.values():
        if element.level != "indicator":
            continue
        cells = []
        for edition in results.editions:
            by_status = {status: int(counts.get((element.id, edition, status), 0)) for status in words.STATUSES}
            present = {status: number for status, number in by_status.items() if number}
            most = max(present, key=lambda status: present[status]) if present else "missing"
            parts = [_cell(site, element.id, edition, *item) for item in present.items()]
            cells.append({"most": _shown(site, element.id, most), "parts": parts})
        indicators.append({"element": element, "cells": cells})
    return indicators


def _cell(site: Site, indicator: str, edition: int, status: str, number: int) -> Markup:
    query = (
        f"SELECT count(*) FROM observation JOIN area USING (area_code) WHERE level = 'ward' "
        f"AND indicator_id = '{indicator}' AND edition = {edition} AND status = '{status}'"
    )
    return Markup("{} {}").format(_shown(site, indicator, status), derived(number, query))


def _shown(site: Site, indicator: str, status: str) -> str:
    source = site.results.indicators[indicator]["source_id"]
    return site.status({"status": status, "indicator_id": indicator, "source_id": source})


def _shares(site: Site) -> list[dict[str, Any]]:
    """For each edition, the shares of the weight that are measured, carried and held."""
    table = site.results.tables["edition"]
    rows = records(table[table["profile"] == site.results.profile].sort_values("edition"))
    return [
        {
            "edition": row["edition"],
            "cells": [
                derived(
                    None if row[name] is None else 100 * row[name],
                    f"SELECT 100 * {name} FROM edition WHERE edition = {row['edition']} "
                    f"AND profile = '{row['profile']}'",
                    absent="–",
                )
                for name in ("measured_weight", "carried_weight", "held_weight", "movable")
            ],
        }
        for row in rows
    ]


def _freshness(site: Site) -> list[dict[str, Any]]:
    """For each indicator, its newest period, how long a figure is useful, and until when this one is."""
    results = site.results
    catalogue = {row["indicator_id"]: row for row in records(results.tables["indicator"])}
    observed = results.tables["observation"]
    dated = observed[observed["edition"] == results.edition].dropna(subset=["period_end"])
    newest = {row["indicator_id"]: row for row in records(dated.sort_values("period_end"))}
    indicators = []
    for element in results.elements.values():
        row = newest.get(element.id)
        if element.level != "indicator" or row is None:
            continue
        years = catalogue[element.id]["useful_years"]
        until = None if years is None else pd.Timestamp(row["period_end"]).year + int(years)
        indicators.append(
            {
                "element": element,
                "period": site.when(row),
                "end": pd.Timestamp(row["period_end"]),
                "years": figure(years, "indicator", "useful_years", 0, indicator_id=element.id),
                "until": until,
                "source": results.contracts.sources[row["source_id"]].title if row["source_id"] else "",
            }
        )
    return sorted(indicators, key=lambda item: item["end"])


def _checks(site: Site) -> dict[str, Any] | None:
    """The outcomes of the checks of the newest run; None if no run was recorded."""
    run, table = _newest_run(site), site.results.tables["check_result"]
    if run is None:
        return None
    rows = table[table["run_id"] == run]
    faulty = rows[rows["outcome"].isin(["failed", "errored"])]
    skipped = rows[rows["outcome"] == "skipped"].groupby("observed", dropna=False).size().sort_values(ascending=False)
    return {
        "when": words.day(pd.Timestamp(rows["run_at"].max())),
        "run": run,
        "counts": {
            severity: [counted(rows, "check_result", run_id=run, severity=severity, outcome=one) for one in OUTCOMES]
            for severity in ("error", "warning")
        },
        "not_passed": records(faulty[["table_name", "rule", "severity", "outcome", "observed", "expected"]]),
        "skipped": [
            (str(reason), counted(rows, "check_result", run_id=run, outcome="skipped", observed=str(reason)))
            for reason in skipped.index
            if not pd.isna(reason)
        ],
    }


def _totals(site: Site) -> dict[str, Any] | None:
    """The comparisons of the newest run with totals published elsewhere."""
    run, table = _newest_run(site), site.results.tables["outside_total"]
    rows = table[table["run_id"] == run]
    if rows.empty:
        return None
    compared = rows[rows["outcome"] != "no_total"]
    furthest = compared.reindex(compared["difference_percent"].abs().sort_values(ascending=False).index)
    return {
        "compared": derived(
            len(compared), f"SELECT count(*) FROM outside_total WHERE run_id = '{run}' AND outcome <> 'no_total'"
        ),
        "kept": counted(rows, "outside_total", run_id=run, outcome="passed"),
        "rows": [_total(site, row) for row in records(furthest)],
        "without": [
            (site.results.contracts.sources[row["source_id"]].title, row["reason"])
            for row in records(rows[rows["outcome"] == "no_total"])
        ],
    }


def _total(site: Site, row: Row) -> dict[str, Any]:
    key = {name: row[name] for name in ("run_id", "source_id", "rule", "measure")}
    # Sums are whole. Means, such as shares of one, have enough digits to show a difference in percent.
    most = max((abs(row[name]) for name in ("observed", "published") if row[name] is not None), default=0.0)
    sums = 0 if most.is_integer() or most >= 1000 else 2 if most >= 1 else 4
    return {
        "row": row,
        "source": site.results.contracts.sources[row["source_id"]].title,
        "cells": [
            figure(row[name], "outside_total", name, digits, **key)
            for name, digits in (
                ("observed", sums),
                ("published", sums),
                ("difference_percent", 2),
                ("allowed_percent", 2),
            )
        ],
    }


def _split(site: Site) -> dict[str, Any]:
    """The share of each ward's residents in small areas that straddle wards, and how small areas were shared out."""
    area, allocation = site.results.tables["area"], site.results.tables["allocation"]
    # If output areas are placed whole, the LSOAs that straddle wards are known; if LSOAs are, nothing is.
    (way,) = area.loc[area["level"] == "authority", "placed_by"]
    share = "split_share" if way == "postcodes" else "split_lsoa_share"
    rows = records(area[area[share].notna()].sort_values(share, ascending=False))
    shared = []
    for name, rows_of_geography in allocation.groupby("geography"):
        parts = rows_of_geography.groupby("small_area_code").size()
        inner = f"SELECT small_area_code FROM allocation WHERE geography = '{name}' GROUP BY ALL"
        shared.append(
            (
                name,
                derived(len(parts), f"SELECT count(*) FROM ({inner})"),
                derived(int((parts > 1).sum()), f"SELECT count(*) FROM ({inner} HAVING count(*) > 1)"),
                ", ".join(sorted(set(rows_of_geography["method"]))),
            )
        )
    return {
        "way": way,
        "wards": [
            (
                site.results.areas[row["area_code"]],
                derived(
                    100 * row[share],
                    f"SELECT 100 * {share} FROM area WHERE area_code = '{row['area_code']}'",
                    1,
                ),
            )
            for row in rows
        ],
        "shared": shared,
    }


def _sources(site: Site) -> list[dict[str, Any]]:
    """Every source with files in the newest run, and these files: licence, hash and time."""
    results = site.results
    table = results.tables["source_release"]
    run = _newest_run(site)
    if run in set(table["run_id"]):
        table = table[table["run_id"] == run]
    entries = []
    for source_id, rows in table.groupby("source_id"):
        contract = results.contracts.sources.get(str(source_id))
        licences = [results.contracts.vocabulary.licences.get(name) for name in dict.fromkeys(rows["licence"].dropna())]
        entries.append(
            {
                "id": source_id,
                "title": contract.title if contract else source_id,
                "licences": [licence for licence in licences if licence],
                "files": [_file(row) for row in records(rows.sort_values("period"))],
                "count": counted(
                    table, "source_release", run_id=tuple(sorted(set(table["run_id"]))), source_id=source_id
                ),
            }
        )
    return entries


def _file(row: Row) -> dict[str, Any]:
    fetched = row["fetched_at"]
    return {
        "period": row["period"] or "–",
        "name": row["file"] or row["url"] or "–",
        "url": row["url"],
        "sha256": row["sha256"],
        "when": "with the package" if fetched is None else words.day(pd.Timestamp(fetched)),
        "state": row["state"],
    }
