"""Small counts that two releases of one table give away together, though neither does alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import pyarrow as pa

from spi_pipeline.rules.disclosure import ROUNDING, Counts, Disclosure, MinimumCounts, disclosed, small
from spi_pipeline.rules.kinds.disclosure import counts_of
from spi_pipeline.rules.rule import Rule

# The share of each small area that lies in an area.
Parts = Mapping[str, float]


class Release(NamedTuple):
    """One table of a release, with the areas it was computed for.

    Attributes:
        table: its rows.
        wholes: the area that each area of the table is part of, such as the authority of a ward.
        parts: for each area, the share of each small area that lies in it; if empty, areas are compared by code alone.
    """

    table: pa.Table
    wholes: Mapping[str, str]
    parts: Mapping[str, Parts] = {}


# The thing counted, with its first and last day.
_Span = tuple[Any, ...]


def disclosed_between(old: Release, new: Release, rule: Rule) -> list[dict[str, Any]]:
    """The small counts that a reader of both releases can find, but a reader of one of them cannot.

    Three kinds of small count are found:

    * a count that one release withholds and the other shows: it is small itself, or a total less the parts that either
      release shows leaves a small count;
    * the rest of an area after subtracting areas of the other release that lie in it;
    * the rest of a period after subtracting a shorter period of the other release.

    Args:
        old: a product in the earlier release.
        new: the same product in the later release.
        rule: the product's rule of kind ``disclosure``, which names the columns. Its groups are the thing counted with
            its first and last day. The areas of each release replace its ``wholes``.

    Returns:
        Each disclosure once: the group, the areas whose count it is, separated by commas, and the whole they are
        ``left of``. The count itself is not included.
    """
    subject, area = rule.columns[:2]
    before, after = _spans(old.table, rule), _spans(new.table, rule)
    disclosures: dict[tuple[Any, ...], None] = {}
    for then, now in product(before, after):
        if then[0] != now[0] or not (_within(then, now) or _within(now, then)):
            continue
        least = MinimumCounts(**rule.params["least"][str(then[0])])
        for (minimum, was), (_, is_now) in zip(
            counts_of(before[then], least), counts_of(after[now], least), strict=True
        ):
            pair = (old, was), (new, is_now)
            inner, outer, longer = (was, is_now, now) if _within(then, now) else (is_now, was, then)
            given = _together(pair, minimum) if then == now else _of_periods(inner, outer, minimum)
            disclosures |= dict.fromkeys((*longer, ", ".join(one.areas), one.whole) for one in given)
    names = (subject, *rule.by[1:], area, "left of")
    return [dict(zip(names, one, strict=True)) for one in disclosures]


def _spans(table: pa.Table, rule: Rule) -> dict[_Span, list[dict[str, Any]]]:
    """The rows of each thing counted, by its period."""
    subject, area, *numbers = rule.columns
    spans: dict[_Span, list[dict[str, Any]]] = {}
    for row in table.select([*dict.fromkeys([*rule.all_columns])]).to_pylist():
        span = tuple(row[name] for name in rule.by)
        if str(row[subject]) in rule.params["least"] and None not in span:
            cells = {name: row[number] for name, number in zip(("count", "value", "base"), numbers, strict=False)}
            known = {name: None if cell is None or cell != cell else float(cell) for name, cell in cells.items()}
            spans.setdefault(span, []).append({"count": None, "value": None, "base": None, **known, "area": row[area]})
    return spans


def _within(inner: _Span, outer: _Span) -> bool:
    return bool(outer[1] <= inner[1] and inner[2] <= outer[2])


def _together(pair: tuple[tuple[Release, Counts], tuple[Release, Counts]], minimum: float) -> Iterator[Disclosure]:
    for (release, own), (other, others) in (pair, pair[::-1]):
        areas = {*release.wholes, *release.wholes.values()}
        alone = {one.areas for one in disclosed(own, release.wholes, minimum)}
        both = {area: count for area, count in _shown(others).items() if area in areas} | _shown(own)
        yield from (one for one in disclosed(both, release.wholes, minimum) if one.areas not in alone)
        for area, count in _shown(own).items():
            if area in release.parts:
                yield from _left(area, count, release.parts[area], _shown(others), other.parts, minimum)


def _shown(counts: Counts) -> dict[str, float]:
    return {area: count for area, count in counts.items() if count is not None}


def _left(
    area: str, count: float, parts: Parts, others: Mapping[str, float], parts_of: Mapping[str, Parts], minimum: float
) -> Iterator[Disclosure]:
    """The rest of an area without areas of the other release that lie in it, taken largest first without overlap."""
    left, taken = dict(parts), []
    known = [one for one in others if parts_of.get(one)]
    for other in sorted(known, key=lambda one: (-sum(parts_of[one].values()), one)):
        share = parts_of[other]
        if all(left.get(part, 0.0) >= held - ROUNDING for part, held in share.items()):
            left |= {part: left[part] - held for part, held in share.items() if part in left}
            taken.append(other)
    rest = count - sum(others[other] for other in taken)
    if taken and max(left.values(), default=0.0) > ROUNDING and small(rest, minimum):
        yield Disclosure((area,), rest, f"{area} without {', '.join(taken)}")


def _of_periods(inner: Counts, outer: Counts, minimum: float) -> Iterator[Disclosure]:
    shorter = _shown(inner)
    for area, count in _shown(outer).items():
        if area in shorter and small(rest := count - shorter[area], minimum):
            yield Disclosure((area,), rest, "its shorter period")
