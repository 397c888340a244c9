"""The rules of a table that follow from its columns; the rules that its contract declares are in ``declared``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.models.geography import SMALL_AREAS
from spi_pipeline.contracts.models.places import TablePlaces
from spi_pipeline.contracts.models.tables import Column
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule

# England has 6,784 wards, the largest council 98; England has 57 million residents, Birmingham 1.1 million.
_TIMES = 70
RANK, _MOST_OF_A_RATE = "rank", 100_000


def implied_rules(
    columns: Sequence[Column], places: TablePlaces, vocabulary: Vocabulary, parts: str = ""
) -> list[Rule]:
    """The rules that follow from the columns: names, types, nulls, key, ranges, sizes, patterns, lists, area codes.

    ``parts`` is the column that splits a product into parts; sizes are judged within each part.
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
    if ranges := {column.name: list(column.mean_magnitude) for column in columns if column.mean_magnitude}:
        mean_magnitude = _implied("mean_magnitude", tuple(ranges), ranges=ranges, by=[parts] if parts else None)
        # In a source an unusual size shows a wrong unit anywhere. Results for an unusual council may have any size:
        # in the one ward of the Isles of Scilly two indicators score 0.
        rules.append(mean_magnitude if places.vintage else replace(mean_magnitude, severity="warning"))
    if "area_code" in names and places.levels:
        rules.extend(_area_rules(places, vocabulary))
    return rules


def of_england(column: Column) -> Column:
    """A column of a product for all England: ranks and counts of people reach 70 times as far as for a council."""
    if column.unit == RANK and column.mean_magnitude:
        return replace(column, mean_magnitude=(column.mean_magnitude[0], column.mean_magnitude[1] * _TIMES))
    counts = column.maximum is not None and column.maximum > _MOST_OF_A_RATE
    return replace(column, maximum=(column.maximum or 0.0) * _TIMES) if counts else column


def _implied(kind: str, columns: tuple[str, ...], rule_id: str = "", description: str = "", **params: Any) -> Rule:
    return Rule(rule_id or kind, kind, "error", description or KINDS[kind].promise, columns, params)


def _text_rules(column: Column) -> list[Rule]:
    name, rules = column.name, []
    if column.values:
        description = f"{name} comes from a closed list"
        rules.append(_implied("in_set", (name,), f"in_set_{name}", description, values=list(column.values)))
    if column.pattern:
        rules.append(
            _implied("pattern", (name,), f"pattern_{name}", f"{name} has the stated form", regex=column.pattern)
        )
    return rules


def _range_rules(columns: Sequence[Column]) -> list[Rule]:
    """One rule for all columns with the same range: a table of forty counts has one rule, not forty."""
    ranges: dict[tuple[float | None, float | None], list[str]] = {}
    for column in columns:
        if column.type in ("integer", "number") and (column.minimum is not None or column.maximum is not None):
            ranges.setdefault((column.minimum, column.maximum), []).append(column.name)
    rules = []
    for (low, high), named in ranges.items():
        bounds = {key: value for key, value in (("min", low), ("max", high)) if value is not None}
        rule_id = f"between_{named[0]}" if len(named) == 1 else f"between_{_slug(low)}_and_{_slug(high)}"
        description = f"{'numbers' if len(named) == 1 else ', '.join(named)} lie in the range their unit allows"
        rules.append(_implied("between", tuple(named), rule_id, description, **bounds))
    return rules


def _area_rules(places: TablePlaces, vocabulary: Vocabulary) -> list[Rule]:
    if set(places.levels) <= {"ward", "authority"}:
        former = sorted(places.geography.former_wards)
        return [_implied("known_areas", ("area_code",), **places.params(places.names), former=former)]
    regex = "|".join(f"(?:{vocabulary.levels[level].pattern})" for level in places.levels)
    description = f"area codes are of level {', '.join(places.levels)}"
    rules = [_implied("pattern", ("area_code",), "area_codes", description, regex=regex)]
    if set(places.names) <= SMALL_AREAS.keys():
        rules.append(_implied("known_areas", ("area_code",), **places.params(places.names)))
    return rules


def _slug(number: float | None) -> str:
    return "any" if number is None else f"{number:g}".replace("-", "minus_").replace(".", "_").replace("+", "")
