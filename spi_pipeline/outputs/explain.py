"""From a published score of a ward down to the bytes it rests on, as data."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.outputs.queries import chosen_edition, reading, rows


@dataclass(frozen=True)
class Node:
    """One element of the explanation.

    Attributes:
        id: indicator, component, dimension or index.
        title: its title.
        level: its level.
        facts: what is known of it for the ward: score, rank with the ends of its 90 % interval, weight, contribution,
            coverage; for an indicator the value with the ends of its 95 % interval, what it was divided by, its period,
            its goalposts and its source.
        files: the publisher's files an indicator's value rests on: file, period, sha256, url.
        children: what it is made of, most points first.
    """

    id: str
    title: str
    level: str
    facts: dict[str, Any]
    files: list[dict[str, Any]] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Explanation:
    """What a score of a ward rests on."""

    area_code: str
    area_name: str
    edition: int
    profile: str
    root: Node


def explain(
    database: Path, titles: dict[str, str], area: str, element: str, profile: str = "spi", edition: int | None = None
) -> Explanation:
    """Explain a score.

    Args:
        database: the published database.
        titles: title of every element and indicator.
        area: code or name of a ward or authority.
        element: id of an indicator, component, dimension or the index.
        profile: the profile.
        edition: the edition; the newest when left out.

    Raises:
        UnknownNameError: when area, element, profile or edition is unknown, naming the nearest known.
        SpiError: when there is no database.
    """
    with reading(database) as connection:
        year = chosen_edition(connection, profile, edition)
        code, name = _area(connection, area)
        known = [row["id"] for row in rows(connection, "SELECT DISTINCT id FROM score WHERE edition = ?", [year])]
        if element not in known:
            raise UnknownNameError(f"{element!r} has no score in edition {year}{_nearest(element, known)}")
        return Explanation(code, name, year, profile, _node(connection, titles, code, element, profile, year))


def _area(connection: duckdb.DuckDBPyConnection, area: str) -> tuple[str, str]:
    known = rows(connection, "SELECT area_code, area_name FROM area")
    meant = [(row["area_code"], row["area_name"]) for row in known
             if area.casefold() in (row["area_code"].casefold(), row["area_name"].casefold())]  # fmt: skip
    if len(meant) > 1:
        codes = ", ".join(sorted(code for code, _ in meant))
        raise UnknownNameError(f"{len(meant)} areas are named {area!r}; give the code, one of {codes}")
    if meant:
        return meant[0]
    names = [row["area_name"] for row in known]
    raise UnknownNameError(f"there is no ward {area!r}{_nearest(area, names)}")


def _nearest(word: str, known: list[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else f"; known: {', '.join(sorted(known)[:30])}"


def _node(
    connection: duckdb.DuckDBPyConnection, titles: dict[str, str], code: str, element: str, profile: str, year: int
) -> Node:
    score = rows(
        connection,
        """
        SELECT level, score, score_low, score_high, rank, rank_low, rank_high, coverage, slots, newest_period, age_years
        FROM score
        WHERE edition = ? AND profile = ? AND id = ? AND area_code = ?
        """,
        [year, profile, element, code],
    )
    if not score:
        raise UnknownNameError(f"{element} has no score for {code} in edition {year} under profile {profile}")
    level = str(score[0].pop("level"))
    if level == "indicator":
        facts, files = _indicator(connection, code, element, profile, year)
        return Node(element, titles.get(element, element), level, score[0] | facts, files)
    parts = rows(
        connection,
        """
        SELECT c.id, c.contribution, w.weight, w.method
        FROM contribution c
        JOIN area a USING (area_code)
        LEFT JOIN weight w ON (w.edition, w.profile, w.parent_id, w.id, w.authority_code)
            = (c.edition, c.profile, c.parent_id, c.id, coalesce(a.parent_code, a.area_code))
        WHERE c.edition = ? AND c.profile = ? AND c.parent_id = ? AND c.area_code = ?
        ORDER BY c.contribution DESC, c.id
        """,
        [year, profile, element, code],
    )
    children = []
    for part in parts:
        child = _node(connection, titles, code, str(part["id"]), profile, year)
        child.facts.update({key: part[key] for key in ("contribution", "weight", "method")})
        children.append(child)
    return Node(element, titles.get(element, element), level, score[0], [], children)


def _indicator(
    connection: duckdb.DuckDBPyConnection, code: str, indicator: str, profile: str, year: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = rows(
        connection,
        """
        SELECT o.value, o.lower, o.upper, i.unit, o.numerator, o.denominator, o.period_start, o.period_end,
               o.status, i.worst, i.best, i.goalpost_source, i.allocation, o.source_id, i.licence, i.limits,
               o.raw_sha256
        FROM observation o JOIN indicator i USING (indicator_id)
        WHERE o.indicator_id = ? AND o.area_code = ? AND o.edition = ?
        """,
        [indicator, code, year],
    )
    facts = found[0]
    files = rows(
        connection,
        """
        SELECT DISTINCT file, period, sha256, bytes, url FROM source_release
        WHERE source_id = ? AND run_id = (SELECT max_by(r.run_id, c.run_at) FROM source_release r
              JOIN (SELECT run_id, min(run_at) AS run_at FROM check_result GROUP BY run_id) c USING (run_id)
              WHERE r.source_id = ?)
        ORDER BY period, file
        """,
        [facts["source_id"], facts["source_id"]],
    )
    start, end = facts["period_start"], facts["period_end"]
    if start is not None and len(files) > 1:
        files = [
            item
            for item in files
            if str(start)[: len(item["period"])] <= item["period"] <= str(end)[: len(item["period"])]
        ]
    if facts["status"] == "imputed":
        donors = rows(
            connection,
            "SELECT method, donors FROM imputation "
            "WHERE indicator_id = ? AND area_code = ? AND edition = ? AND profile = ?",
            [indicator, code, year, profile],
        )
        # Observations show what profile spi filled in; under a profile that imputes nothing the value is missing.
        imputed = {"imputed_by": donors[0]["method"], "from": donors[0]["donors"]} if donors else {}
        facts |= imputed or {"status": "missing", "value": None}
    return facts, files
