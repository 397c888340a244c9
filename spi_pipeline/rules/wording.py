"""What people read about a rule: what was promised, and the sentence about a table that breaks its promises.

What was found is worded where it is found, in ``row_kinds`` and ``table_kinds``, with the help of the words here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spi_pipeline.contracts.rules import Rule, RuleResult
from spi_pipeline.rules.subject import plain

_LISTED = 10
_COLUMNS_IN_SUMMARY = 3


def expected(rule: Rule) -> str:
    """What a rule allows, such as ``between 0 and 100``; independent of any table."""
    columns, params = rule.columns, rule.params
    match rule.kind:
        case "columns":
            return f"exactly the columns {listing(columns, len(columns))}"
        case "types":
            return f"the contract's type in {counted(len(columns), 'column')}"
        case "required":
            return f"no null in {listing(columns, len(columns))}"
        case "key":
            return f"one row per {listing(columns, len(columns))}"
        case "in_set":
            return f"one of {listing(params['values'])}"
        case "between":
            return _span(params)
        case "between_by":
            return f"in the range of its {columns[0].removesuffix('_id')}"
        case "pattern":
            return f"matches {params['regex']}"
        case "row_count":
            return f"{_span(params)} rows"
        case "known_areas":
            codes = f"one of {counted(len(params['areas']), 'area code')}" if "areas" in params else "known area codes"
            return codes if "others" not in params else f"{codes}, or {_others(params['others'])}"
        case "coverage":
            whole = counted(len(params["areas"]), "area") if "areas" in params else "the small areas known"
            return f"at least {percent(params['min_share'])} of {whole}{_each(params)}"
        case "part_of_whole":
            slack = f" plus {figure(params['tolerance'])}" if params.get("tolerance") else ""
            return f"{columns[0]} at most {columns[1]}{slack}"
        case "null_share":
            return f"at most {percent(params['max_share'])} null{_each(params)}"
        case "typical":
            told = [
                f"{name} {_span(dict(zip(('min', 'max'), ends, strict=True)))}"
                for name, ends in params["ranges"].items()
            ]
            return f"a typical size{_each(params)}: {', '.join(told)}"
        case "adds_up":
            slack = f" to within {figure(params['tolerance'])}" if params.get("tolerance") else ""
            return f"{listing(columns[1:], len(columns))} add up to {columns[0]}{slack}"
        case "quotient":
            factor = f"times what its {columns[0].removesuffix('_id')} states"
            return f"{columns[1]} is {columns[2]} over {columns[3]}, {factor}"
        case "totals":
            return f"{columns[0]} adds up to {figure(params['total'])}{_each(params)}"
        case "together":
            return f"{listing(columns, len(columns))} null in the same rows"
        case "unbroken":
            return f"no gap in {columns[0]}{_each(params)}"
        case "varies":
            return "more than one value"
        case "empty":
            return "nothing"
        case _:
            raise ValueError(f"rule {rule.id}: no words for kind {rule.kind!r}")


def summary(results: Sequence[RuleResult], *, table_name: str) -> str:
    """One sentence on the results that keep a table from being written.

    Args:
        results: the results of all rules of the table.
        table_name: the table.

    Returns:
        Each rule broken, its columns, what was found and what is allowed.
    """
    broken = [result for result in results if result.blocks]
    if not broken:
        return f"table {table_name} breaks no rule"
    told = []
    for result in broken:
        columns = f" ({listing(result.rule.columns, _COLUMNS_IN_SUMMARY)})" if result.rule.columns else ""
        told.append(f"{result.rule.id}{columns}: {result.observed}, allowed: {result.expected}")
    return f"table {table_name} breaks {counted(len(broken), 'rule')}: {'; '.join(told)}"


def listing(values: Iterable[Any], limit: int = _LISTED) -> str:
    """The first few values and how many more there are: ``a, b and 3 more``."""
    told = [figure(value) for value in values]
    more = f" and {len(told) - limit:,} more" if len(told) > limit else ""
    return ", ".join(told[:limit]) + more


def figure(value: Any) -> str:
    """A value in a sentence; a whole number without decimals, any other with six digits."""
    value = plain(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.6g}"
    return str(value)


def percent(share: float) -> str:
    """A share in percent: ``12.3%``."""
    return f"{100 * share:.4g}%"


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _each(params: Mapping[str, Any]) -> str:
    return f" in each {' and '.join(params['by'])}" if params.get("by") else ""


def _others(others: str | Sequence[str]) -> str:
    return "a text that is no code" if others == "any" else listing(others)


def _span(params: Mapping[str, Any]) -> str:
    low, high = params.get("min"), params.get("max")
    if high is None:
        return f"at least {figure(low)}"
    if low is None:
        return f"at most {figure(high)}"
    return f"exactly {figure(low)}" if low == high else f"between {figure(low)} and {figure(high)}"
