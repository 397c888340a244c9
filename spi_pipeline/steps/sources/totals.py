"""The table of a source compared with totals published elsewhere: rows of ``outside_total`` and of its page."""

from collections.abc import Sequence
from typing import Any

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.kinds.agrees_with_total import AgreesWithTotal
from spi_pipeline.rules.result import RuleResult

_ABOUT = ("publisher", "dataset", "period", "url", "licence")


def compared(source: Source, results: Sequence[RuleResult]) -> list[dict[str, Any]]:
    """One row for each total, or one row with the reason why there is none.

    Args:
        source: its contract.
        results: the results of its rules.

    Returns:
        The columns of ``outside_total`` from ``source_id`` on.
    """
    rows = [_row(source, result) for result in results if result.rule.kind == AgreesWithTotal.name]
    if rows or any(rule.kind == AgreesWithTotal.name for rule in source.rules):
        return rows
    reason = source.properties.no_total or "Its contract lists no total for its authorities."
    return [{"source_id": source.id, "rule": "none", "outcome": "no_total", "reason": reason}]


def _row(source: Source, result: RuleResult) -> dict[str, Any]:
    params, observed = result.rule.params, result.number
    published = float(params["total"])
    row = {
        "source_id": source.id,
        "rule": result.rule.id,
        "measure": f"{params.get('statistic', 'sum')} of {result.rule.columns[0]}",
        "published": published,
        "allowed_percent": 100 * params["tolerance"],
        "outcome": result.outcome,
        **{name: params[name] for name in _ABOUT},
    }
    if observed is not None:
        row |= {"observed": observed, "difference": observed - published}
        row["difference_percent"] = 100 * (observed / published - 1)
    return row
