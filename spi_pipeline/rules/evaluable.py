"""Whether a rule can be evaluated on a table with given columns; used for tables, and by lint for contracts."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from spi_pipeline.rules.kind import Declared, DeclaredForAreas
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.kinds.types import fits
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.wording import listing


class NotEvaluable(NamedTuple):
    """Why a rule cannot be evaluated, and whether another rule reports the same fault."""

    reason: str
    reported: bool


def why_not_evaluable(rule: Rule, types: Mapping[str, str], rules: Iterable[Rule]) -> NotEvaluable | None:
    """Why a rule cannot be evaluated on columns of these logical types; None if it can."""
    if rule.kind == "columns":
        return None
    missing = [name for name in rule.all_columns if name not in types]
    if missing:
        reported = any(other.kind == "columns" and set(missing) <= set(other.columns) for other in rules)
        if reported and rule.kind == "types" and len(missing) < len(rule.columns):
            return None  # it judges the columns that exist
        words = "column {} is missing" if len(missing) == 1 else "columns {} are missing"
        return NotEvaluable(words.format(listing(missing)), reported)
    return _without_areas(rule) or _unfit(rule, types, rules)


def _without_areas(rule: Rule) -> NotEvaluable | None:
    if not issubclass(KINDS[rule.kind].declaration or Declared, DeclaredForAreas):
        return None
    if "unlisted" in rule.params:
        return NotEvaluable(rule.params["unlisted"], False)
    if "areas" not in rule.params and not rule.params.get("choices"):
        return NotEvaluable("no lookup of its small areas is available", True)
    empty = rule.kind == "coverage" and rule.params.get("areas") == []
    return NotEvaluable("the rule names no areas that should be present", False) if empty else None


def _unfit(rule: Rule, types: Mapping[str, str], rules: Iterable[Rule]) -> NotEvaluable | None:
    """Why a rule cannot judge the type of its columns; a column of nulls has no type and leaves nothing to judge."""
    kind = KINDS[rule.kind]
    wanted, allowed = kind.required_types(rule)
    unfit = [name for name in kind.judged_columns(rule) if allowed and not types[name].startswith((*allowed, "null"))]
    if not unfit:
        return None
    reported = any(
        other.kind == "types" and not fits(types[name], other.params["types"].get(name, ""))
        for other in rules
        for name in unfit
    )
    return NotEvaluable(", ".join(f"column {name} holds {types[name]}, not {wanted}" for name in unfit), reported)
