"""The rules of a table: those its columns imply, and those stated under ``quality``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, model_validator

from spi_pipeline.contracts.documents import Document, Path_, unknown, validate
from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.geography import Geography
from spi_pipeline.contracts.rules import RULE_KINDS, SMALL_AREAS, Rule, Severity
from spi_pipeline.contracts.standard import QualityElement
from spi_pipeline.contracts.tables import Column
from spi_pipeline.contracts.vocabulary import Strict, Vocabulary


class _Stated(Strict):
    """What a rule of one column states."""

    rule: str
    columns: list[str] = Field(min_length=1, max_length=1)


class _Coverage(_Stated):
    min_share: float = Field(default=1.0, ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)


class _PartOfWhole(_Stated):
    columns: list[str] = Field(min_length=2, max_length=2)
    tolerance: float = Field(default=0, ge=0)


class _NullShare(_Stated):
    max_share: float = Field(ge=0, le=1)


class _Between(_Stated):
    min: float | None = None
    max: float | None = None

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
    "part_of_whole": _PartOfWhole,
    "null_share": _NullShare,
    "varies": _Stated,
    "empty": _Stated,
    "between": _Between,
}


def stated_rules(
    document: Document,
    elements: Sequence[QualityElement],
    columns: Sequence[Column],
    levels: Sequence[str],
    geography: Geography,
    faults: list[Fault],
) -> list[Rule]:
    """The rules under ``quality``.

    Args:
        document: the contract.
        elements: its rules as the standard has them.
        columns: its columns.
        levels: levels its ``area_code`` may belong to.
        geography: the areas that coverage expects.
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
            rule = _own_rule(document, element, path, columns, _areas(levels, geography), found)
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
    areas: list[str],
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
    params = stated.model_dump(exclude={"rule", "columns"}, exclude_none=True)
    unheld = [name for name in [*stated.columns, *(params.get("by") or ())] if name not in names]
    said = [f"rule {element.id}: {unknown(name, 'column of this table', names)}" for name in unheld]
    faults.extend(document.fault(path, message) for message in said)
    if kind == "coverage":
        if not areas:
            message = (
                f"rule {element.id}: coverage is for tables of wards or authorities; state levels, or drop the rule"
            )
            faults.append(document.fault(path, message))
        params["areas"] = areas
    return _rule(element, kind, tuple(stated.columns), params)


def _rule(element: QualityElement, kind: str, columns: tuple[str, ...], params: dict[str, Any]) -> Rule:
    return Rule(element.id, kind, element.severity, element.description or RULE_KINDS[kind], columns, params)


def implied_rules(
    columns: Sequence[Column],
    levels: Sequence[str],
    vocabulary: Vocabulary,
    geography: Geography,
    vintage: int | None = None,
) -> list[Rule]:
    """The rules that follow from the columns: names, types, nulls, key, ranges, patterns, closed lists, area codes.

    Args:
        columns: the columns.
        levels: levels the ``area_code`` may belong to.
        vocabulary: the form of the codes of each level.
        geography: wards and authorities.
        vintage: year of the codes of a source.
    """
    names = tuple(column.name for column in columns)
    types = {column.name: column.type for column in columns}
    rules = [_implied("columns", names), _implied("types", names, types=types)]
    if required := tuple(column.name for column in columns if column.required):
        rules.append(_implied("required", required))
    if key := tuple(column.name for column in sorted(columns, key=lambda c: c.key) if column.key):
        rules.append(_implied("key", key))
    for column in columns:
        rules.extend(_text_rules(column))
    rules.extend(_range_rules(columns))
    if "area_code" in names and levels:
        rules.extend(_area_rules(levels, vocabulary, geography, vintage))
    return rules


def _implied(kind: str, columns: tuple[str, ...], rule_id: str = "", description: str = "", **params: Any) -> Rule:
    severity: Severity = "error"
    return Rule(rule_id or kind, kind, severity, description or RULE_KINDS[kind], columns, params)


def _text_rules(column: Column) -> list[Rule]:
    name, rules = column.name, []
    if column.values:
        said = f"{name} comes from a closed list"
        rules.append(_implied("in_set", (name,), f"in_set_{name}", said, values=list(column.values)))
    if column.pattern:
        rules.append(
            _implied("pattern", (name,), f"pattern_{name}", f"{name} has the stated form", regex=column.pattern)
        )
    return rules


def _range_rules(columns: Sequence[Column]) -> list[Rule]:
    """One rule for all columns of one range: a table of forty counts has one rule, not forty."""
    ranges: dict[tuple[float | None, float | None], list[str]] = {}
    for column in columns:
        if column.type in ("integer", "number") and (column.minimum is not None or column.maximum is not None):
            ranges.setdefault((column.minimum, column.maximum), []).append(column.name)
    rules = []
    for (low, high), named in ranges.items():
        bounds = {key: value for key, value in (("min", low), ("max", high)) if value is not None}
        rule_id = f"between_{named[0]}" if len(named) == 1 else f"between_{_slug(low)}_and_{_slug(high)}"
        rules.append(_implied("between", tuple(named), rule_id, "numbers lie in the range their unit allows", **bounds))
    return rules


def _area_rules(levels: Sequence[str], vocabulary: Vocabulary, geography: Geography, vintage: int | None) -> list[Rule]:
    if set(levels) <= {"ward", "authority"}:
        former = sorted(geography.former_wards)
        return [_implied("known_areas", ("area_code",), areas=_areas(levels, geography), former=former)]
    regex = "|".join(f"(?:{vocabulary.levels[level].pattern})" for level in levels)
    said = f"area codes are of level {', '.join(levels)}"
    rules = [_implied("pattern", ("area_code",), "area_codes", said, regex=regex)]
    geographies = [f"{level}{str(vintage)[2:]}" for level in levels]
    if set(geographies) <= SMALL_AREAS.keys():
        rules.append(_implied("known_areas", ("area_code",), geographies=geographies))
    return rules


def _areas(levels: Sequence[str], geography: Geography) -> list[str]:
    wards = geography.ward_codes if "ward" in levels else ()
    authorities = geography.authority_codes if "authority" in levels else ()
    return [*wards, *authorities]


def _slug(number: float | None) -> str:
    return "any" if number is None else f"{number:g}".replace("-", "minus_").replace(".", "_").replace("+", "")
