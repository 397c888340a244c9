"""Words that the kinds share: figures, lists, ranges and groups in a sentence."""

from collections.abc import Iterable, Mapping
from typing import Any

from spi_pipeline.rules.rule import Rule

_LISTED = 10


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


def plain(value: Any) -> Any:
    """A cell as it may be shown: NaN is null, bytes are as many as they are."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return None if isinstance(value, float) and value != value else value


def percent(share: float) -> str:
    """A share in percent: ``12.3%``."""
    return f"{100 * share:.4g}%"


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def by_name(counts: Mapping[str, int]) -> str:
    """The names that have any, and how many: ``group 1, residents 2``."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def span(low: Any, high: Any) -> str:
    """A closed range: ``between 0 and 100``, ``at least 3``."""
    if high is None:
        return f"at least {figure(low)}"
    if low is None:
        return f"at most {figure(high)}"
    return f"exactly {figure(low)}" if low == high else f"between {figure(low)} and {figure(high)}"


def in_each(rule: Rule) -> str:
    """What a rule is about group by group: `` in each year``; nothing where it has no groups."""
    return f" in each {' and '.join(rule.by)}" if rule.by else ""


def within(rule: Rule) -> str:
    """A tolerance: `` to within 2``; nothing where there is none."""
    return f" to within {figure(rule.params['tolerance'])}" if rule.params.get("tolerance") else ""


def place(group: Mapping[str, Any]) -> str:
    """A group in words: ``indicator_id turnout, edition 2024``."""
    return ", ".join(f"{name} {figure(value)}" for name, value in group.items())
