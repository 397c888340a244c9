"""Whether a rule can be put to a table of certain columns at all; asked of tables judged, and of contracts by lint."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from spi_pipeline.rules.kind import Stated, StatedOfAreas
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.kinds.types import fits
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.wording import listing


class Unaskable(NamedTuple):
    """Why a rule cannot be asked, and whether another rule tells the same."""

    said: str
    told: bool


def unaskable(rule: Rule, types: Mapping[str, str], rules: Iterable[Rule]) -> Unaskable | None:
    """Why a rule cannot be put to a table of columns of these logical types; None where it can."""
    if rule.kind == "columns":
        return None
    missing = [name for name in rule.looked_at if name not in types]
    if missing:
        told = any(other.kind == "columns" and set(missing) <= set(other.columns) for other in rules)
        if told and rule.kind == "types" and len(missing) < len(rule.columns):
            return None  # it judges the columns that are there
        verb = "column {} is missing" if len(missing) == 1 else "columns {} are missing"
        return Unaskable(verb.format(listing(missing)), told)
    return _without_areas(rule) or _unfit(rule, types, rules)


def _without_areas(rule: Rule) -> Unaskable | None:
    if not issubclass(KINDS[rule.kind].states or Stated, StatedOfAreas):
        return None
    if "unlisted" in rule.params:
        return Unaskable(rule.params["unlisted"], False)
    if "areas" not in rule.params and not rule.params.get("choices"):
        return Unaskable("no lookup of its small areas is at hand", True)
    empty = rule.kind == "coverage" and rule.params.get("areas") == []
    return Unaskable("no areas are named that should be there", False) if empty else None


def _unfit(rule: Rule, types: Mapping[str, str], rules: Iterable[Rule]) -> Unaskable | None:
    """A column of a type the rule is not about; one of nulls alone has none, and leaves nothing to judge."""
    kind = KINDS[rule.kind]
    wanted, allowed = kind.wants(rule)
    unfit = [name for name in kind.judged_columns(rule) if allowed and not types[name].startswith((*allowed, "null"))]
    if not unfit:
        return None
    told = any(
        other.kind == "types" and not fits(types[name], other.params["types"].get(name, ""))
        for other in rules
        for name in unfit
    )
    return Unaskable(", ".join(f"column {name} holds {types[name]}, not {wanted}" for name in unfit), told)
