"""Explains how far a score moved between two editions, down to the figures that moved it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.outputs.explain.question import Answer, Element, Question
from spi_pipeline.outputs.explain.score import observed
from spi_pipeline.scoring.change import LEAST_MOVABLE
from spi_pipeline.scoring.left_out import in_words


@dataclass(frozen=True)
class ElementChange(Element):
    """How one element moved.

    Attributes:
        scores: its score in the two editions.
        ranks: its rank in the two editions; None for an authority.
        change: its row of the table ``change``: change, from_data, from_imputation, change_low, change_high,
            rank_change with its ends, movable, verdict; None if either edition has no score.
        part: the points of the parent's change that come from the element's own movement, see ``parts``; None for the
            requested element, and where the parent's mean has no parts.
        from_weights: the points of its own change that come from parts that gained or lost weight in the later edition
            because another part appeared or disappeared; together with the ``part`` of every child this is the change.
        figures: an indicator's value in the two editions, as ``observed`` returns it.
        children: the elements it is made of; the one that moved it most comes first.
    """

    scores: list[float | None]
    ranks: list[int | None]
    change: dict[str, Any] | None
    part: float | None = None
    from_weights: float | None = None
    figures: list[dict[str, Any]] = field(default_factory=list)
    children: list[ElementChange] = field(default_factory=list)


@dataclass(frozen=True)
class ChangeExplanation(Answer):
    """The explanation of a change of a ward.

    Attributes:
        edition_from: the earlier edition.
        edition_to: the later one.
        least_movable: the share of the weight that must have new measurements for a verdict.
        root: the requested element.
    """

    edition_from: int
    edition_to: int
    least_movable: float
    root: ElementChange


def explain_change(
    question: Question, edition_from: int | None = None, edition_to: int | None = None
) -> ChangeExplanation:
    """Explain a change between two editions.

    Args:
        question: the area, profile and element in question.
        edition_from: the earlier edition.
        edition_to: the later one. Of the published pairs that fit the given editions, the longest is explained: without
            any, that is the first and the last edition.

    Raises:
        UnknownNameError: when no such pair of editions is published, or when the element enters no score.
    """
    pair, element = _pair(question, edition_from, edition_to), question.element
    if not question.rows("SELECT 1 FROM score WHERE id = $id LIMIT 1", id=element):
        if reasons := question.left_out.get(element):
            raise UnknownNameError(f"{element} has no score, so none has changed: {in_words(reasons)}")
        (why,) = question.rows("SELECT not_in_basis_because AS it FROM indicator WHERE indicator_id = $id", id=element)
        raise UnknownNameError(f"{element} enters no score, so none has changed: {why['it']}")
    return ChangeExplanation(*question.identity, *pair, LEAST_MOVABLE, _moved(question, element, pair))


def _pair(question: Question, first: int | None, last: int | None) -> tuple[int, int]:
    pairs = question.rows("SELECT DISTINCT edition_from, edition_to FROM change WHERE profile = $profile ORDER BY ALL")
    known = [(int(row["edition_from"]), int(row["edition_to"])) for row in pairs]
    fitting = [pair for pair in known if first in (None, pair[0]) and last in (None, pair[1])]
    if not fitting:
        requested = " ".join(f"{word} {year}" for word, year in (("from", first), ("to", last)) if year is not None)
        published = ", ".join(f"{earlier} to {later}" for earlier, later in known) or "none"
        raise UnknownNameError(f"no change {requested} is published; published: {published}".replace("  ", " "))
    return max(fitting, key=lambda pair: pair[1] - pair[0])


def _moved(question: Question, element: str, pair: tuple[int, int], part: float | None = None) -> ElementChange:
    scores = {
        row["edition"]: row
        for row in question.rows(
            "SELECT edition, level, score, rank FROM score WHERE edition IN ($first, $last) AND profile = $profile "
            "AND id = $id AND area_code = $area",
            first=pair[0],
            last=pair[1],
            id=element,
        )
    }
    changed = question.rows(
        """
        SELECT change, from_data, from_imputation, change_low, change_high, rank_change, rank_change_low,
               rank_change_high, movable, verdict
        FROM change
        WHERE edition_from = $first AND edition_to = $last AND profile = $profile AND id = $id AND area_code = $area
        """,
        first=pair[0],
        last=pair[1],
        id=element,
    )
    level = str(scores[pair[1]]["level"])
    facts: dict[str, Any] = {
        "scores": [scores[year]["score"] for year in pair],
        "ranks": [scores[year]["rank"] for year in pair],
        "change": changed[0] if changed else None,
        "part": part,
    }
    if level == "indicator":
        facts["figures"] = [observed(question, element, year) for year in pair]
        return ElementChange(element, question.title(element), level, **facts)
    earlier, later = ({row["id"]: row for row in question.children(element, year)} for year in pair)
    own, from_weights = parts(earlier, later)
    children = [_moved(question, name, pair, own.get(name)) for name in later]
    children.sort(key=lambda child: -abs(child.part or 0))
    whole = from_weights if own and changed else None
    return ElementChange(element, question.title(element), level, from_weights=whole, children=children, **facts)


def parts(earlier: dict[str, dict[str, Any]], later: dict[str, dict[str, Any]]) -> tuple[dict[str, float], float]:
    """The part of a parent's change that each child's own movement adds, and the part that shifted weights add.

    A child's contribution is its share of the weight of the children that have a contribution, times its points for
    each unit of that share: ``c = w p``. The change of a contribution is split without a remainder, as Bennet splits a
    change of value into quantity and price: ``w̄ Δp``, from its own movement, and ``p̄ Δw``, from its weight. A child
    with a contribution in only one edition has appeared or disappeared: all of its contribution counts as weights.

    Source: Bennet (1920), Journal of the Royal Statistical Society 83.

    Args:
        earlier: ``weight`` and ``contribution`` of each child in the earlier edition; the contribution is None if the
            child has no score or the mean has no parts.
        later: the same in the later edition.

    Returns:
        The part of each child that has a contribution in both editions, and the part of the weights.
    """
    shares, points = [], []
    for rows in (earlier, later):
        present = {name: row for name, row in rows.items() if row["contribution"] is not None}
        whole = sum(row["weight"] for row in present.values())
        shares.append({name: row["weight"] / whole for name, row in present.items()})
        points.append({name: row["contribution"] for name, row in present.items()})
    own, from_weights = {}, 0.0
    for name in shares[0].keys() | shares[1].keys():
        before, after = (edition.get(name, 0.0) for edition in points)
        if name not in shares[0] or name not in shares[1]:
            from_weights += after - before
            continue
        first, last = shares[0][name], shares[1][name]
        # A child without weight adds nothing, whatever its points.
        old, new = before / first if first else 0.0, after / last if last else 0.0
        own[name] = (first + last) / 2 * (new - old)
        from_weights += (old + new) / 2 * (last - first)
    return own, from_weights
