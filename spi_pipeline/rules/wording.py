"""Wording that messages and pages share: figures, lists, ranges and groups in a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spi_pipeline.rules.rule import Rule

_LISTED = 10


def listing(values: Iterable[Any], limit: int = _LISTED) -> str:
    """The first few values and how many more there are: ``a, b and 3 more``."""
    words = [figure(value) for value in values]
    more = f" and {len(words) - limit:,} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def listed(things: Sequence[str], last: str = "and") -> str:
    """All of at least one thing: ``a``, ``a and b``, ``a, b and c``."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} {last} {things[-1]}"


def figure(value: Any) -> str:
    """A value in a sentence: whole numbers without decimals, other numbers with six digits."""
    value = plain(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.6g}"
    return str(value)


def readable(number: float) -> str:
    """A count or amount in a sentence, with separators of thousands: ``32,844``. A year or code is a ``figure``."""
    return f"{number:,.0f}" if float(number).is_integer() or abs(number) >= 1e6 else f"{number:,.6g}"


def plain(value: Any) -> Any:
    """A cell as it may be shown: NaN as null, bytes as their number."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return None if isinstance(value, float) and value != value else value


def percent(share: float) -> str:
    """A share in percent: ``12.3%``, ``27,040%``."""
    return f"{100 * share:.4g}%" if abs(share) < 10 else f"{100 * share:,.0f}%"


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def by_name(counts: Mapping[str, int]) -> str:
    """The names with a count above zero, and their counts: ``group 1, residents 2``."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def span(low: Any, high: Any) -> str:
    """A closed range: ``between 0 and 100``, ``at least 3``."""
    if high is None:
        return f"at least {figure(low)}"
    if low is None:
        return f"at most {figure(high)}"
    return f"exactly {figure(low)}" if low == high else f"between {figure(low)} and {figure(high)}"


def in_each(rule: Rule) -> str:
    """The groups of a rule in words: `` in each year``; empty if it has none."""
    return f" in each {' and '.join(rule.by)}" if rule.by else ""


def within(rule: Rule) -> str:
    """A tolerance in words: `` to within 2``; empty if there is none."""
    return f" to within {figure(rule.params['tolerance'])}" if rule.params.get("tolerance") else ""


def place(group: Mapping[str, Any]) -> str:
    """A group in words: ``indicator_id turnout, edition 2024``."""
    return ", ".join(f"{name} {figure(value)}" for name, value in group.items())
