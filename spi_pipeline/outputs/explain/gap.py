"""Why an indicator has no figure of a ward, what stands in for it, and what that does to the scores above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spi_pipeline.outputs.explain.question import Question

# What an estimate is, by the method that the table imputation names.
FILLED = {
    "mean": "the mean over the areas that have a figure",
    "regression": "what the ward's other indicators suggest, by a regression over the areas that have a figure",
}


@dataclass(frozen=True)
class Gap:
    """Why there is no figure.

    Attributes:
        status: ``suppressed`` where too little of the area is known, ``missing`` where nothing is.
        because: who left it out and by what rule, in sentences.
        filled: what the profile puts in its place, in sentences.
    """

    status: str
    because: list[str]
    filled: list[str]


@dataclass(frozen=True)
class Above:
    """An element above a gap, as published.

    Attributes:
        id: the element.
        title: its title.
        score: its score; none where too few of its children have one.
        coverage: share of its slots that hold a figure.
        slots: how many slots it has.
        slots_filled: how many hold a figure.
        child: the child on the way down to the gap.
        weight: its weight.
        contribution: the points it adds; none where it has no score.
    """

    id: str
    title: str
    score: float | None
    coverage: float
    slots: int
    slots_filled: int
    child: str
    weight: float
    contribution: float | None


def gap(question: Question, indicator: str, facts: dict[str, Any]) -> Gap | None:
    """Why an indicator has no figure of the area; none where it has one.

    Args:
        question: what is asked about.
        indicator: its id.
        facts: as ``observed`` found them.
    """
    if facts["status"] not in ("imputed", "suppressed", "missing"):
        return None
    # An imputed cell does not say which of the two it was; what was seen of the area does.
    status = "suppressed" if facts["covered"] > 0 else "missing"
    return Gap(status, _because(question, indicator, facts, status), _filled(question, facts))


def _because(question: Question, indicator: str, facts: dict[str, Any], status: str) -> list[str]:
    source = question.contracts.sources[facts["source_id"]]
    said = source.properties
    # What has no figures anywhere says so among its limits.
    why = facts["not_in_basis_because"]
    told = [why] if why and why not in facts["limits"] else []
    if status == "suppressed":
        least = question.contracts.framework.publication.covered
        whole = "its wards" if question.area_code == question.authority_code else "its residents or denominator"
        told.append(
            f"The pipeline withholds it: figures are at hand for {facts['covered']:.1%} of {question.area_name}, and a "
            f"value needs {least:.0%} of {whole} (covered in framework.yaml)."
        )
    else:
        told.append(f"{said.dataset} ({said.publisher}), as at hand, holds no figure for {question.area_name}.")
    if said.minimum_count > 1:
        told.append(
            f"A count below {said.minimum_count}, but for none, is withheld wherever it is derived from the source "
            f"(minimum_count in {source.file}; docs/disclosure.md)."
        )
    told.append(f"Of the source {source.file} says: {source.limits}")
    told.append(f"Of the indicator the catalogue says: {facts['limits']}")
    return told


def _filled(question: Question, facts: dict[str, Any]) -> list[str]:
    if facts["imputed_by"] is not None:
        told = [f"Profile {question.profile} puts an estimate in its place: {FILLED[facts['imputed_by']]}."]
        if facts["imputation_error"] is not None:
            told.append(
                f"Such estimates miss values that are known by {facts['imputation_error']:.4g} (root mean square of "
                "leaving each out); draws vary the estimate by that."
            )
        return told
    if facts["not_in_basis_because"]:
        return ["Nothing stands in for it: no score rests on the indicator."]
    return [
        f"Profile {question.profile} puts nothing in its place: the weights of the other parts are scaled up, and a "
        "score that would rest on too few parts is left out (available in framework.yaml)."
    ]


def above(question: Question, element: str, edition: int) -> list[Above]:
    """The elements above an indicator, its component first."""
    found: list[Above] = []
    while rows := question.rows(
        """
        SELECT w.parent_id AS id, s.score, s.coverage, s.slots, s.slots_filled, w.id AS child, w.weight, c.contribution
        FROM weight w JOIN score s ON (s.edition, s.profile, s.id, s.area_code)
            = (w.edition, w.profile, w.parent_id, $area)
        LEFT JOIN contribution c ON (c.edition, c.profile, c.parent_id, c.id, c.area_code)
            = (w.edition, w.profile, w.parent_id, w.id, $area)
        WHERE w.edition = $edition AND w.profile = $profile AND w.id = $child AND w.authority_code = $authority
        """,
        edition=edition,
        child=found[-1].id if found else element,
    ):
        found.append(Above(title=question.title(rows[0]["id"]), **rows[0]))
    return found
