"""Compares a new version of a source's table with the last one, and reports changes without ever refusing the table.

A publisher may revise any figure. People should look at changes larger than revisions usually are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Rule

# Bedfordshire's revised months differ by under 2 %; census and population tables do not change between releases.
MOST_ROWS_MORE_OR_LESS = 0.2
MOST_CHANGE = 0.25
LEAST_CORRELATION = 0.8
# With fewer areas than this, their order means little.
_LEAST_AREAS = 8
# The comparisons of every table, and of each of its measures.
_OF_TABLES = ("rows", "columns", "areas")
_OF_MEASURES = ("totals", "periods", "jump", "order")


@dataclass(frozen=True)
class _Finding:
    """One comparison: whether it is within bounds, what was observed, what was expected."""

    name: str
    subject: str
    good: bool
    observed: str
    expected: str


def drift(new: pa.Table, old: pa.Table, source: Source) -> list[RuleResult]:
    """Compare two versions of a source's table.

    Args:
        new: the version about to be written.
        old: the version in use.
        source: the contract, for key, period and measures.

    Returns:
        One result for each comparison that could be made: number of rows, columns, areas, the totals of periods that
        both versions have, and for each measure the median change and the rank correlation over areas. All are
        warnings.
    """
    findings = [*_of_form(new, old), *_of_areas(new, old, source), *_of_totals(new, old, source)]
    findings += _of_measures(new, old, source)
    return [
        RuleResult(
            Rule(f"drift_{finding.name}", "drift", "warning", f"{finding.subject} as in the version before"),
            "passed" if finding.good else "failed",
            finding.observed,
            finding.expected,
        )
        for finding in findings
    ]


def drift_ids(source: Source) -> set[str]:
    """Return the ids of all rules that ``drift`` may evaluate for a source."""
    measured = (f"{comparison}_{name}" for comparison in _OF_MEASURES for name in _measures(source))
    return {f"drift_{comparison}" for comparison in (*_OF_TABLES, *measured)}


def _of_form(new: pa.Table, old: pa.Table) -> Iterator[_Finding]:
    if old.num_rows:
        change = new.num_rows / old.num_rows - 1
        good = abs(change) <= MOST_ROWS_MORE_OR_LESS
        observed = f"{new.num_rows:,} rows after {old.num_rows:,} ({change:+.1%})"
        yield _Finding(
            "rows", "about as many rows", good, observed, f"at most {MOST_ROWS_MORE_OR_LESS:.0%} more or less"
        )
    before = {field.name: str(field.type) for field in old.schema}
    after = {field.name: str(field.type) for field in new.schema}
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    observed = f"changed: {', '.join(changed)}" if changed else f"{len(after)} columns"
    yield _Finding("columns", "the same columns", not changed, observed, "the columns of the version before")


def _of_areas(new: pa.Table, old: pa.Table, source: Source) -> Iterator[_Finding]:
    if "area_code" not in source.key:
        return
    after, before = set(new["area_code"].to_pylist()), set(old["area_code"].to_pylist())
    removed, added = sorted(before - after), sorted(after - before)
    observed = "; ".join(
        f"{len(codes)} {word} ({', '.join(codes[:3])}{', …' if len(codes) > 3 else ''})"
        for codes, word in ((removed, "gone"), (added, "new"))
        if codes
    )
    yield _Finding("areas", "the same areas", not observed, observed or f"{len(after)} areas", "the areas before")


def _of_totals(new: pa.Table, old: pa.Table, source: Source) -> Iterator[_Finding]:
    """Compare the totals of periods that both versions have, for tables with one row per event or point."""
    period = source.properties.period.column
    if period is None or source.key:
        return
    for name in _measures(source, new, old):
        after = new.select([period, name]).to_pandas().groupby(period)[name].sum()
        before = old.select([period, name]).to_pandas().groupby(period)[name].sum()
        both = after.index.intersection(before.index)
        if len(both):
            change = (after[both] / before[both].replace(0, np.nan) - 1).dropna()
            worst = change.abs().idxmax() if len(change) else None
            revised = int((change != 0).sum())
            observed = f"{revised} of {len(both)} periods revised" + (
                f", most {worst} by {change[worst]:+.1%}" if worst is not None and revised else ""
            )
            good = worst is None or abs(change[worst]) <= MOST_CHANGE
            yield _Finding(
                f"totals_{name}", f"{name} by {period}", good, observed, f"revised by at most {MOST_CHANGE:.0%}"
            )
        removed = sorted(before.index.difference(after.index))
        observed = f"{len(removed)} gone ({', '.join(map(str, removed[:3]))})" if removed else f"{len(both)} in both"
        yield _Finding(f"periods_{name}", f"every {period}", not removed, observed, "every period before")


def _of_measures(new: pa.Table, old: pa.Table, source: Source) -> Iterator[_Finding]:
    if not source.key or not set(source.key) <= {*new.column_names} & {*old.column_names}:
        return
    key = list(source.key)
    names = [name for name in _measures(source, new, old) if name not in key]
    after, before = (table.select([*key, *names]).to_pandas().set_index(key) for table in (new, old))
    if not after.index.is_unique or not before.index.is_unique:
        return
    for name in names:
        pairs = pd.concat([before[name], after[name]], axis=1, join="inner", keys=["before", "after"]).dropna()
        pairs = pairs[pairs["before"] != 0].astype("float64")
        if pairs.empty or pairs["before"].equals(pairs["after"]):
            continue
        change = pairs["after"] / pairs["before"] - 1
        middle, largest = float(change.abs().median()), change[change.abs().idxmax()]
        observed = f"{int((change != 0).sum())} of {len(pairs)} changed, most by {largest:+.1%}; median {middle:.1%}"
        yield _Finding(f"jump_{name}", name, middle <= MOST_CHANGE, observed, f"a median change to {MOST_CHANGE:.0%}")
        if len(pairs) >= _LEAST_AREAS and pairs.nunique().min() > 1:
            order = float(pairs["before"].rank().corr(pairs["after"].rank()))
            observed = f"rank correlation {order:.2f} over {len(pairs)} rows"
            yield _Finding(
                f"order_{name}",
                f"the order of {name}",
                order >= LEAST_CORRELATION,
                observed,
                f"{LEAST_CORRELATION} or more",
            )


def _measures(source: Source, *tables: pa.Table) -> Sequence[str]:
    """Return the columns of figures; changes of coordinates, years and categories mean nothing."""
    return [name for name in source.figures if all(name in table.column_names for table in tables)]
