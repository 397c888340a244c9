"""The rules a contract states under ``quality``: what each kind takes, and the rule it becomes.

The rules that follow from the columns are in ``quality``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.places import Places, TablePlaces
from spi_pipeline.contracts.models.tables import Column
from spi_pipeline.contracts.models.vocabulary import Strict
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown, validate
from spi_pipeline.contracts.reading.standard import QualityElement
from spi_pipeline.contracts.rules import RULE_KINDS, Rule


class _Stated(Strict):
    """What a rule of one column states."""

    rule: str
    columns: list[str] = Field(min_length=1, max_length=1)


class _OfColumns(_Stated):
    columns: list[str] = Field(min_length=1)


class _Coverage(_Stated):
    min_share: float = Field(default=1.0, ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)
    geographies: list[Places] | None = Field(default=None, min_length=1)


class _KnownAreas(_Stated):
    geographies: list[Places] = Field(min_length=1)
    others: Literal["any"] | list[str] | None = None


class _PartOfWhole(_Stated):
    columns: list[str] = Field(min_length=2, max_length=2)
    tolerance: float = Field(default=0, ge=0)


class _AddsUp(_Stated):
    columns: list[str] = Field(min_length=3)
    tolerance: float = Field(default=0, ge=0)


class _Totals(_Stated):
    by: list[str] = Field(min_length=1)
    total: float
    tolerance: float = Field(default=0, ge=0)


class _Together(_Stated):
    columns: list[str] = Field(min_length=2)


class _Unbroken(_Stated):
    by: list[str] | None = Field(default=None, min_length=1)


class _NullShare(_OfColumns):
    max_share: float = Field(ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)


class _Between(_OfColumns):
    min: float | dt.date | None = None
    max: float | dt.date | None = None

    @model_validator(mode="after")
    def _bounded(self) -> _Between:
        if self.min is None and self.max is None:
            raise ValueError("a range states min, max or both")
        return self


class _RowCount(Strict):
    must_be: int | None = Field(default=None, alias="mustBe")
    between: list[int] | None = Field(default=None, alias="mustBeBetween")
    at_least: int | None = Field(default=None, alias="mustBeGreaterOrEqualTo")
    at_most: int | None = Field(default=None, alias="mustBeLessOrEqualTo")

    @model_validator(mode="after")
    def _bounded(self) -> _RowCount:
        if self.bounds[0] is None:
            raise ValueError("a row count states mustBe, mustBeBetween or mustBeGreaterOrEqualTo")
        return self

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        if self.between:
            return self.between[0], self.between[1]
        if self.must_be is not None:
            return self.must_be, self.must_be
        return self.at_least, self.at_most


# Kinds a contract may ask for by hand; the others follow from its columns.
_STATED: dict[str, type[_Stated]] = {
    "coverage": _Coverage,
    "known_areas": _KnownAreas,
    "key": _OfColumns,
    "part_of_whole": _PartOfWhole,
    "adds_up": _AddsUp,
    "totals": _Totals,
    "together": _Together,
    "unbroken": _Unbroken,
    "null_share": _NullShare,
    "varies": _OfColumns,
    "empty": _Stated,
    "between": _Between,
}


STATED_KINDS = ("row_count", *_STATED)
# These say something about many rows together: of a product in parts, about each part.
_OF_MANY_ROWS = ("coverage", "null_share", "totals", "unbroken", "varies")


def stated_rules(
    document: Document,
    elements: Sequence[QualityElement],
    columns: Sequence[Column],
    places: TablePlaces,
    parts: str,
    faults: list[Fault],
) -> list[Rule]:
    """The rules under ``quality``.

    Args:
        document: the contract.
        elements: its rules as the standard has them.
        columns: its columns.
        places: the areas it may name.
        parts: the column a product comes in parts by; empty where a table comes as a whole.
        faults: receives what cannot be understood.

    Returns:
        The rules without fault, in order.
    """
    rules = []
    for index, element in enumerate(elements):
        path: Path_ = ("schema", 0, "quality", index)
        found: list[Fault] = []
        if element.metric == "rowCount":
            rule = _row_count(document, element, path, found)
        else:
            rule = _own_rule(document, element, path, columns, places, found)
        if rule and rule.kind in _OF_MANY_ROWS and parts and parts not in (rule.params.get("by") or ()):
            said = (
                f"rule {rule.id}: the table comes in parts by {parts}, which are judged together; state by: [{parts}]"
            )
            found.append(document.fault((*path, "implementation"), said))
        faults.extend(found)
        if rule and not found:
            rules.append(rule)
    return rules


def _row_count(document: Document, element: QualityElement, path: Path_, faults: list[Fault]) -> Rule | None:
    stated = {key: value for key, value in (element.model_extra or {}).items() if key.startswith("must")}
    count = validate(_RowCount, document, stated, path, faults, f"rule {element.id}: ")
    if count is None:
        return None
    low, high = count.bounds
    return _rule(element, "row_count", (), {"min": low, "max": high})


def _own_rule(
    document: Document,
    element: QualityElement,
    path: Path_,
    columns: Sequence[Column],
    places: TablePlaces,
    faults: list[Fault],
) -> Rule | None:
    path = (*path, "implementation")
    kind = str(element.implementation.get("rule"))
    if kind not in _STATED:
        faults.append(document.fault((*path, "rule"), f"rule {element.id}: {unknown(kind, 'kind of rule', _STATED)}"))
        return None
    stated = validate(_STATED[kind], document, element.implementation, path, faults, f"rule {element.id}: ")
    if stated is None:
        return None
    names = [column.name for column in columns]
    params = stated.model_dump(exclude={"rule", "columns", "geographies"}, exclude_none=True)
    unheld = [name for name in [*stated.columns, *(params.get("by") or ())] if name not in names]
    said = [f"rule {element.id}: {unknown(name, 'column of this table', names)}" for name in unheld]
    faults.extend(document.fault(path, message) for message in said)
    if isinstance(stated, _Coverage | _KnownAreas):
        areas = places.params(stated.geographies or places.names)
        if not areas and (stated.geographies or places.sure):
            message = f"rule {element.id}: no list of these areas is kept; state geographies, or drop the rule"
            faults.append(document.fault(path, message))
        params |= areas
    if isinstance(stated, _KnownAreas) and "areas" in params:
        params["former"] = sorted(places.geography.former_wards)
    return _rule(element, kind, tuple(stated.columns), params)


def _rule(element: QualityElement, kind: str, columns: tuple[str, ...], params: dict[str, Any]) -> Rule:
    return Rule(element.id, kind, element.severity, element.description or RULE_KINDS[kind], columns, params)
