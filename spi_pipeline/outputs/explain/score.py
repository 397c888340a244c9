"""From a published score of a ward down to the bytes it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spi_pipeline.outputs.explain.gap import Above, Gap, above, gap
from spi_pipeline.outputs.explain.question import Answer, Element, Question

SCORE = (
    "score", "score_low", "score_high", "rank", "rank_low", "rank_high", "coverage", "slots", "newest_period",
    "age_years", "england_percentile",
)  # fmt: skip


@dataclass(frozen=True)
class Node(Element):
    """One element of the explanation.

    Attributes:
        facts: what is known of it for the ward: score, rank with the ends of its 90 % interval, weight, contribution,
            coverage; for an indicator the value with the ends of its 95 % interval, what it was divided by, its period,
            its goalposts, its source, and why no score rests on it; the share of the wards of England that do worse.
        files: the publisher's files an indicator's value rests on: file, period, sha256, url.
        gap: of an indicator without a figure of the ward: why, and what stands in for it.
        left_out: of a component that no score rests on: of each of its indicators why it is not in the basis.
        children: what it is made of, most points first, without a score last.
    """

    facts: dict[str, Any]
    files: list[dict[str, Any]] = field(default_factory=list)
    gap: Gap | None = None
    children: list[Node] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation(Answer):
    """What a score of a ward rests on.

    Attributes:
        edition: the edition.
        root: the element asked about.
        above: where the element asked about is an indicator without a figure: what that does to the scores above.
    """

    edition: int
    root: Node
    above: list[Above]


def explain(question: Question, edition: int | None = None) -> Explanation:
    """Explain a score, or why there is none.

    Args:
        question: what is asked about.
        edition: the edition; the newest when left out.

    Raises:
        UnknownNameError: when the edition is unknown, naming those there are.
    """
    year = question.edition(edition)
    root = _node(question, question.element, year)
    higher = above(question, question.element, year) if root.gap else []
    return Explanation(*question.about, year, root, higher)


def _node(question: Question, element: str, year: int) -> Node:
    found = question.rows(
        f"SELECT level, {', '.join(SCORE)} FROM score "
        "WHERE edition = $edition AND profile = $profile AND id = $id AND area_code = $area",
        edition=year,
        id=element,
    )
    if why := question.left_out.get(element):
        return Node(element, question.title(element), "component", dict.fromkeys(SCORE), left_out=why)
    # An indicator outside the basis has no row there.
    facts = found[0] if found else {"level": "indicator"} | dict.fromkeys(SCORE)
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
    children += [_node(question, name, year) for name in question.apart(element)]
    return Node(element, question.title(element), level, facts, [], None, children)


def observed(question: Question, indicator: str, year: int) -> dict[str, Any]:
    """The value of an indicator under the profile asked for, with all that is published beside it."""
    (facts,) = question.rows(
        """
        SELECT o.value, o.lower, o.upper, i.unit, o.numerator, o.denominator, o.period_start, o.period_end, o.status,
               o.covered, o.allocation_error, o.error_basis, i.england_period, i.worst, i.best, i.goalpost_source,
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
        # Observations show what profile spi filled in; under a profile that imputes nothing the value is missing.
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
