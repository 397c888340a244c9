"""What was found, in words, from plain figures: the same sentence whichever way a rule was evaluated.

What was promised is worded in ``wording``. Nothing here looks at a table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from spi_pipeline.rules.wording import counted, figure, listing, percent


def nulls(rows: int, failing: int, by_column: Mapping[str, int]) -> str:
    """Of ``required``: rows with a null, and how many each column has."""
    if not failing:
        return f"no null in {counted(rows, 'row')}"
    told = ", ".join(f"{name} {count:,}" for name, count in by_column.items() if count)
    return f"{failing:,} of {counted(rows, 'row')} with null: {told}"


def repeats(rows: int, failing: int) -> str:
    """Of ``key``: rows that share theirs with another."""
    return f"{failing:,} of {counted(rows, 'row')} repeat" if failing else f"{counted(rows, 'row')}, none alike"


def cells(judged: int, failing: int, by_column: Mapping[str, int], told: str) -> str:
    """Of the kinds that look at cell after cell: rows judged, rows failing, and ``told`` about their values."""
    if not failing:
        return f"{counted(judged, 'row')} {told}"
    several = f" ({', '.join(f'{name} {n:,}' for name, n in by_column.items() if n)})" if len(by_column) > 1 else ""
    return f"{failing:,} of {counted(judged, 'row')}{several} {told}"


def other_values(values: Collection[Any]) -> str:
    """Of ``in_set``: the values met that are not listed."""
    return f"hold other values: {listing(values)}" if len(values) else "hold listed values"


def extremes(failing: int, lowest: Any, highest: Any) -> str:
    """Of ``between``: the smallest and the largest value met."""
    return f"{'outside' if failing else 'inside'}, lowest {figure(lowest)}, highest {figure(highest)}"


def mismatches(values: Collection[Any]) -> str:
    """Of ``pattern``: the texts met that do not match."""
    return f"do not match: {listing(values)}" if len(values) else "match"


def unknown_codes(codes: Collection[Any], former: Sequence[str]) -> str:
    """Of ``known_areas``: the codes met that are unknown, and which of them are of a former ward set."""
    if not len(codes):
        return "hold known codes"
    unknown = sorted(map(str, codes))
    old = sorted(set(unknown) & set(former))
    told = f"hold {counted(len(unknown), 'unknown code')}: {listing(unknown)}"
    return told + (f"; {len(old)} of them of a former ward set: {listing(old)}" if old else "")


def beyond(judged: int, failing: int, about: Any, value: Any, bounds: Sequence[float] | None) -> str:
    """Of ``between_by``: what the row farthest outside holds, and its range where it has one."""
    if not failing:
        return f"{counted(judged, 'row')} inside"
    promised = f", promised {figure(bounds[0])} to {figure(bounds[1])}" if bounds else ""
    return f"{failing:,} of {counted(judged, 'row')} outside: {figure(about)} holds {figure(value)}{promised}"


def excess(judged: int, failing: int, columns: Sequence[str], most: float) -> str:
    """Of ``part_of_whole``: rows whose part exceeds its whole, and by how much at most."""
    part, whole = columns
    if not failing:
        return f"{counted(judged, 'row')}, {part} within {whole} in all"
    return f"{failing:,} of {counted(judged, 'row')} with {part} above {whole}, by up to {figure(most)}"


def content(rows: int, failing: int, values: Collection[Any]) -> str:
    """Of ``empty``: what stands in the column."""
    told = counted(rows, "row")
    return f"{failing:,} of {told}: {listing(values)}" if failing else f"nothing in {told}"


def null_shares(rows: int, by_column: Mapping[str, int]) -> str:
    """Of ``null_share``: the share of each column that is null; of several, those that have any."""
    told = [f"{name} {percent(n / rows)}" for name, n in by_column.items() if n or len(by_column) == 1]
    return f"null in {counted(rows, 'row')}: {', '.join(told) or 'none'}"


def variety(by_column: Mapping[str, tuple[int, Any]]) -> str:
    """Of ``varies``: how many values each column holds; the one value where it is one."""
    alike = {0: "nothing but null", 1: "one value only, {}"}
    return "; ".join(
        f"{name} holds " + alike.get(count, f"{count:,} values").format(figure(first))
        for name, (count, first) in by_column.items()
    )


def disagreements(rows: int, failing: int, by_column: Mapping[str, int]) -> str:
    """Of ``together``: rows in which some of the columns are null and others are not, and which are."""
    if not failing:
        return f"{counted(rows, 'row')}, null together or not at all"
    told = ", ".join(f"{name} {count:,}" for name, count in by_column.items() if count)
    return f"{failing:,} of {counted(rows, 'row')} null in part: {told}"


def sums(judged: int, failing: int, whole: str, most: float) -> str:
    """Of ``adds_up``: rows whose parts do not add up to the whole, and by how much at most."""
    if not failing:
        return f"{counted(judged, 'row')}, parts add up to {whole}"
    return f"{failing:,} of {counted(judged, 'row')} do not add up to {whole}, off by up to {figure(most)}"


def quotients(judged: int, failing: int, about: Any, value: float, meant: float | None) -> str:
    """Of ``quotient``: the first row whose value is another than its numerator and denominator come to."""
    if not failing:
        return f"{counted(judged, 'row')}, values as their numerators and denominators come to"
    first = f"{figure(about)} holds {figure(value)}, they come to {'nothing' if meant is None else figure(meant)}"
    return f"{failing:,} of {counted(judged, 'row')} hold another value: {first}"


def sizes(judged: int, outside: Sequence[Mapping[str, Any]]) -> str:
    """Of ``typical``: the columns, or columns within a group, whose typical size is another than promised."""
    if not outside:
        return f"{counted(judged, 'typical size')} inside"
    told = [
        f"{_of(row, 'size', 'promised')} of size {figure(row['size'])}, promised {row['promised']}" for row in outside
    ]
    return f"{len(outside)} of {counted(judged, 'typical size')} outside: {listing(told, 3)}"


def group_totals(groups: int, wrong: Sequence[Mapping[str, Any]], column: str, total: float) -> str:
    """Of ``totals``: the groups whose values add up to something else, the first of them told."""
    told = counted(groups, "group")
    if not wrong:
        return f"{told}, {column} adds up to {figure(total)} in all"
    first = f"{_of(wrong[0], column)}: {figure(wrong[0][column])}"
    return f"{len(wrong):,} of {told} add up to another total, {first}"


def group_nulls(judged: int, wrong: Sequence[Mapping[str, Any]]) -> str:
    """Of ``null_share`` by group: the columns within a group that hold too many nulls, the first of them told."""
    told = f"{judged:,} column{'s' * (judged != 1)} of groups"
    if not wrong:
        return f"{told}, few enough null in each"
    first = wrong[0]
    of = _of(first, "null", "rows")
    return f"{len(wrong):,} of {told} with too many nulls, {of}: {first['null']:,} of {counted(first['rows'], 'row')}"


def gaps(groups: int, missing: Sequence[Mapping[str, Any]]) -> str:
    """Of ``unbroken``: the numbers missing between the smallest and the largest of a group."""
    if not missing:
        return f"{counted(groups, 'group')} without a gap"
    return f"missing in {counted(groups, 'group')}: {listing([_of(row) for row in missing])}"


def _of(row: Mapping[str, Any], *left_out: str) -> str:
    """What a group is, in words: ``indicator_id turnout, edition 2024``."""
    return ", ".join(f"{name} {figure(value)}" for name, value in row.items() if name not in left_out)
