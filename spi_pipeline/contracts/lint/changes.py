"""The changes from one version of a table contract to the next, and how far each must raise the version.

Major: a table written under one version cannot be read under the other without failing or meaning something else.
Minor: there is more to read, or limits and rules differ. Changed descriptions need no new version. Documents are
compared as plain YAML, so that contracts of any age can be compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from spi_pipeline.contracts.reading.documents import Path_

Bump = Literal["major", "minor"]
Contract = Mapping[str, Any]
# Custom properties of a table that define the meaning of its rows, and those that only limit or describe them.
_MEANING = ("licence", "levels", "geography", "period")
_LIMITING = ("parts", "restrictions")
_MEANING_OF_UNITS = ("title", "additive", "positional", "relative")


@dataclass(frozen=True)
class Change:
    """One change of a contract.

    Attributes:
        bump: the part of the version that must be raised.
        path: its place in the new document.
        sentence: the change, as a sentence without its full stop.
    """

    bump: Bump
    path: Path_
    sentence: str


def changes(old: Contract, new: Contract, old_units: Contract, new_units: Contract) -> Iterator[Change]:
    """Every change that needs a new version.

    Args:
        old: the contract before, as parsed.
        new: the contract now.
        old_units: the unit vocabulary before.
        new_units: the unit vocabulary now.
    """
    yield from _of_table(old, new)
    before, after = _columns(old), _columns(new)
    yield from _of_names(before, after)
    for name, (path, column) in after.items():
        if name in before:
            was = before[name][1]
            for bump, words in [*_of_column(was, column), *_of_unit(was, column, old_units, new_units)]:
                yield Change(bump, path, f"column {name} {words}")


def _of_table(old: Contract, new: Contract) -> Iterator[Change]:
    for word in (*_MEANING, *_LIMITING):
        before, after = (_properties(contract).get(word) for contract in (old, new))
        # A property declared for the first time withdraws no promise.
        bump: Bump = "major" if before is not None and word in _MEANING else "minor"
        if before != after:
            yield Change(bump, ("customProperties", word), f"the {word} {_became(before, after)}")
    before_key, after_key = _key(old), _key(new)
    if before_key != after_key:
        words = f"the key changed from {' and '.join(before_key) or 'none'} to {' and '.join(after_key) or 'none'}"
        yield Change("major", ("schema", 0, "properties"), words)
    rules = [{rule.get("id"): rule for rule in _schema(contract).get("quality") or []} for contract in (old, new)]
    for name in {**rules[0], **rules[1]}:
        before, after = (each.get(name) for each in rules)
        if before != after:
            yield Change("minor", ("schema", 0, "quality"), f"rule {name} {_became(before, after)}")


def _became(before: object, after: object) -> str:
    return "is new" if before is None else "was removed" if after is None else "changed"


def _of_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    removed, added = [n for n in before if n not in after], [n for n in after if n not in before]
    for name in removed:
        was = before[name][1]
        same = [n for n in added if after[n][1].get("description") == was.get("description")]
        if same:
            added.remove(same[0])
            yield Change("major", after[same[0]][0], f"column {name} is now called {same[0]}")
        else:
            yield Change("major", ("schema", 0, "properties"), f"column {name} was removed")
    for name in added:
        path, column = after[name]
        if _required(column):
            yield Change("major", path, f"column {name} is new and required, so tables written before lack it")
        else:
            yield Change("minor", path, f"column {name} is new")


def _of_column(was: Contract, column: Contract) -> Iterator[tuple[Bump, str]]:
    kinds = [_kind(each) for each in (was, column)]
    if kinds[0] != kinds[1]:
        yield "major", f"changed from {kinds[0]} to {kinds[1]}"
    if _required(was) != _required(column):
        yield "major", "may no longer be null" if _required(column) else "may be null now"
    lists = [{str(item.get("value")) for item in each.get("enum") or []} for each in (was, column)]
    if lost := sorted(lists[0] - lists[1]) if lists[1] else []:
        yield "major", f"no longer allows the value {', '.join(lost)}"
    elif bool(lists[1]) > bool(lists[0]):
        yield "major", "has a closed list of values now"
    elif lists[0] != lists[1]:
        yield "minor", "has other allowed values"
    options = [dict(each.get("logicalTypeOptions") or {}) for each in (was, column)]
    patterns = [each.pop("pattern", None) for each in options]
    if patterns[0] != patterns[1]:
        yield "major" if patterns[1] else "minor", "must match another pattern"
    if _limits(options[0]) != _limits(options[1]):
        yield "minor", "has another range"
    concepts = [_properties(each).get("concept") for each in (was, column)]
    if concepts[0] != concepts[1]:
        yield "major" if concepts[0] else "minor", f"measures {concepts[1] or 'no declared concept'} now"
    if _properties(was).get("mean_magnitude") != _properties(column).get("mean_magnitude"):
        yield "minor", "has another typical size"


def _of_unit(was: Contract, column: Contract, old_units: Contract, new_units: Contract) -> Iterator[tuple[Bump, str]]:
    before, after = (str(_properties(each).get("unit") or "") for each in (was, column))
    if before != after:
        yield (
            "major" if before else "minor",
            f"is in {after or 'no unit'} now" + (f", not in {before}" if before else ""),
        )
        return
    one, other = (units.get(before) or {} for units in (old_units, new_units))
    meanings = [[_normalised(unit.get(word)) for word in _MEANING_OF_UNITS] for unit in (one, other)]
    if one and meanings[0] != meanings[1]:
        yield "major", f"is in {before}, which means something else now"
    elif one and _limits(one) != _limits(other):
        yield "minor", f"is in {before}, which has another range now"


def _normalised(value: Any) -> Any:
    """A value for comparison: a flag left out is not set; capitals and spaces in texts do not count."""
    return " ".join(value.casefold().split()) if isinstance(value, str) else bool(value)


def _limits(holder: Contract) -> list[float | None]:
    limits = [holder.get(word) for word in ("minimum", "maximum")]
    return [None if limit is None else float(limit) for limit in limits]


def _kind(column: Contract) -> str:
    binary = (column.get("logicalTypeOptions") or {}).get("format") == "binary"
    return "binary" if binary else str(column.get("logicalType"))


def _required(column: Contract) -> bool:
    return bool(column.get("required") or column.get("primaryKey"))


def _schema(contract: Contract) -> Contract:
    schema: Contract = (contract.get("schema") or [{}])[0]
    return schema


def _columns(contract: Contract) -> dict[str, tuple[Path_, Contract]]:
    columns = _schema(contract).get("properties") or []
    return {str(column.get("name")): (("schema", 0, "properties", i), column) for i, column in enumerate(columns)}


def _key(contract: Contract) -> list[str]:
    columns = [(column.get("primaryKeyPosition") or 0, name) for name, (_, column) in _columns(contract).items()
               if column.get("primaryKey")]  # fmt: skip
    return [name for _, name in sorted(columns)]


def _properties(holder: Contract) -> dict[str, Any]:
    return {item.get("property"): item.get("value") for item in holder.get("customProperties") or []}
