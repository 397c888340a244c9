"""Explains why an indicator has no figure for a ward, what replaces it, and how that affects the scores above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spi_pipeline.outputs.explain.question import Question

# Kinds of estimate, by the method that the table imputation names.
FILLED = {
    "mean": "the mean over the areas that have a figure",
    "regression": "what the ward's other indicators suggest, by a regression over the areas that have a figure",
}


@dataclass(frozen=True)
class Gap:
    """The reasons why there is no figure.

    Attributes:
        status: ``suppressed`` if too little of the area is known, ``missing`` if nothing is.
        because: who left it out and by which rule, in sentences.
        filled: what the profile uses instead, in sentences.
    """

    status: str
    because: list[str]
    filled: list[str]


@dataclass(frozen=True)
class Ancestor:
    """An element above a gap, as published.

    Attributes:
        id: the element.
        title: its title.
        score: its score; None if too few of its children have one.
        coverage: the share of its slots that hold a figure.
        slots: the number of its slots.
        slots_filled: the number of slots that hold a figure.
        child: the child on the path down to the gap.
        weight: the weight of that child.
        contribution: the points that the child adds; None if it has no score.
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
    """The reasons why an indicator has no figure for the area; None if it has one.

    Args:
        question: the area, profile and element in question.
        indicator: the id of the indicator.
        facts: its facts, as ``observed`` returns them.
    """
    if facts["status"] not in ("imputed", "suppressed", "missing"):
        return None
    # An imputed cell does not record which of the two it was; the covered share of the area decides.
    status = "suppressed" if facts["covered"] > 0 else "missing"
    return Gap(status, _because(question, indicator, facts, status), _filled(question, facts))


def _because(question: Question, indicator: str, facts: dict[str, Any], status: str) -> list[str]:
    source = question.contracts.sources[facts["source_id"]]
    properties = source.properties
    # An indicator without figures anywhere already gives the reason among its limits.
    reason = facts["not_in_basis_because"]
    sentences = [reason] if reason and reason not in facts["limits"] else []
    if status == "suppressed":
        least = question.contracts.framework.publication.covered
        whole = "its wards" if question.area_code == question.authority_code else "its residents or denominator"
        sentences.append(
            f"The pipeline withholds it: figures are available for {facts['covered']:.1%} of {question.area_name}, but "
            f"a value needs {least:.0%} of {whole} (covered in framework.yaml)."
        )
    else:
        sentences.append(
            f"{properties.dataset} ({properties.publisher}) holds no figure for {question.area_name} in the version "
            "available."
        )
    if properties.minimum_count > 1:
        sentences.append(
            f"A count below {properties.minimum_count}, except zero, is withheld wherever it is derived from the "
            f"source (minimum_count in {source.file}; docs/disclosure.md)."
        )
    sentences.append(f"On the source, {source.file} says: {source.limits}")
    sentences.append(f"On the indicator, the catalogue says: {facts['limits']}")
    return sentences


def _filled(question: Question, facts: dict[str, Any]) -> list[str]:
    if facts["imputed_by"] is not None:
        sentences = [f"Profile {question.profile} puts an estimate in its place: {FILLED[facts['imputed_by']]}."]
        if facts["imputation_error"] is not None:
            sentences.append(
                f"Such estimates miss known values by {facts['imputation_error']:.4g} (root mean square, leaving each "
                "out in turn); draws vary the estimate by that much."
            )
        return sentences
    if facts["not_in_basis_because"]:
        return ["Nothing replaces it: the indicator enters no score."]
    return [
        f"Profile {question.profile} puts nothing in its place: the weights of the other parts are scaled up, and a "
        "score that would rest on too few parts is left out (available in framework.yaml)."
    ]


def ancestors(question: Question, element: str, edition: int) -> list[Ancestor]:
    """The elements above an indicator, starting with its component."""
    elements: list[Ancestor] = []
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
        child=elements[-1].id if elements else element,
    ):
        elements.append(Ancestor(title=question.title(rows[0]["id"]), **rows[0]))
    return elements
