"""Explains a published score of a ward, down to the bytes it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spi_pipeline.outputs.explain.gap import Ancestor, Gap, ancestors, gap
from spi_pipeline.outputs.explain.question import Answer, Element, Question

SCORE = (
    "score", "score_low", "score_high", "rank", "rank_low", "rank_high", "coverage", "slots", "newest_period",
    "age_years", "england_percentile",
)  # fmt: skip


@dataclass(frozen=True)
class Node(Element):
    """One element of the explanation.

    Attributes:
        facts: its facts for the ward: score, rank with the limits of its 90 % interval, weight, contribution and
            coverage; the share of the wards of England that do worse; for an indicator also the value with the limits
            of its 95 % interval, its denominator, its period, its goalposts, its source, and why it enters no score.
        files: the publisher's files behind an indicator's value: file, period, sha256, url.
        gap: for an indicator without a figure for the ward, the reasons and what replaces it.
        left_out: for a component that enters no score, the reason why each of its indicators is not in the basis.
        children: the elements it is made of, most points first, those without a score last.
    """

    facts: dict[str, Any]
    files: list[dict[str, Any]] = field(default_factory=list)
    gap: Gap | None = None
    children: list[Node] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation(Answer):
    """The explanation of a score of a ward.

    Attributes:
        edition: the edition.
        root: the requested element.
        ancestors: if the requested element is an indicator without a figure, the effect on the scores above it.
    """

    edition: int
    root: Node
    ancestors: list[Ancestor]


def explain(question: Question, edition: int | None = None) -> Explanation:
    """Explain a score, or why there is none.

    Args:
        question: the area, profile and element in question.
        edition: the edition; the newest if None.

    Raises:
        UnknownNameError: when the edition does not exist; the message names those that do.
    """
    year = question.edition(edition)
    root = _node(question, question.element, year)
    higher = ancestors(question, question.element, year) if root.gap else []
    return Explanation(*question.identity, year, root, higher)


def _node(question: Question, element: str, year: int) -> Node:
    rows = question.rows(
        f"SELECT level, {', '.join(SCORE)} FROM score "
        "WHERE edition = $edition AND profile = $profile AND id = $id AND area_code = $area",
        edition=year,
        id=element,
    )
    if why := question.left_out.get(element):
        return Node(element, question.title(element), "component", dict.fromkeys(SCORE), left_out=why)
    # An indicator outside the basis has no row in the table score.
    facts = rows[0] if rows else {"level": "indicator"} | dict.fromkeys(SCORE)
    level = str(facts.pop("level"))
    if level == "indicator":
        facts |= observed(question, element, year)
        files = _files(question, facts)
        return Node(element, question.title(element), level, facts, files, gap(question, element, facts))
    children = []
    for part in question.children(element, year):
        child = _node(question, str(part["id"]), year)
        child.facts.update({key: part[key] for key in ("contribution", "weight", "method")})
        children.append(child)
    children += [_node(question, name, year) for name in question.unscored_components(element)]
    return Node(element, question.title(element), level, facts, [], None, children)


def observed(question: Question, indicator: str, year: int) -> dict[str, Any]:
    """The value of an indicator under the profile of the question, with everything published about it."""
    (facts,) = question.rows(
        """
        SELECT o.value, o.lower, o.upper, i.unit, o.numerator, o.denominator, o.period_start, o.period_end, o.status,
               o.covered, o.allocation_error, o.error_evidence, i.england_period, i.worst, i.best, i.goalpost_source,
               i.allocation, o.source_id, i.licence, i.limits, i.not_in_basis_because, o.raw_sha256,
               m.method AS imputed_by, m.donors AS imputed_from, m.error AS imputation_error
        FROM observation o JOIN indicator i USING (indicator_id)
        LEFT JOIN imputation m ON (m.indicator_id, m.area_code, m.edition, m.profile)
            = (o.indicator_id, o.area_code, o.edition, $profile)
        WHERE o.indicator_id = $id AND o.area_code = $area AND o.edition = $edition
        """,
        id=indicator,
        edition=year,
    )
    if facts["status"] == "imputed" and facts["imputed_by"] is None:
        # Observations include the values imputed by profile spi; under a profile without imputation they are missing.
        facts |= {"status": "suppressed" if facts["covered"] > 0 else "missing", "value": None}
    return facts


def _files(question: Question, facts: dict[str, Any]) -> list[dict[str, Any]]:
    files = question.rows(
        """
        SELECT DISTINCT file, period, sha256, bytes, url FROM source_release
        WHERE source_id = $source AND run_id = (SELECT max_by(r.run_id, c.run_at) FROM source_release r
              JOIN (SELECT run_id, min(run_at) AS run_at FROM check_result GROUP BY run_id) c USING (run_id)
              WHERE r.source_id = $source)
        ORDER BY period, file
        """,
        source=facts["source_id"],
    )
    start, end = facts["period_start"], facts["period_end"]
    if start is None or len(files) < 2:
        return files
    return [
        item for item in files if str(start)[: len(item["period"])] <= item["period"] <= str(end)[: len(item["period"])]
    ]
