"""Whether a source is as new as its publisher's calendar lets one expect: a pure function of three days.

Where the days come from, and who is told, is decided elsewhere.
"""

import datetime as dt

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Outcome, Rule, Severity

FRESH = "fresh"


def freshness(source: Source, published: dt.date | None, today: dt.date) -> RuleResult:
    """Judge the age of a source's newest figures.

    The next figures are due a cycle of the cadence after the newest were published, and late after a grace. Late is a
    warning; an error once the figures after those are late as well. Neither keeps a table from being written: old
    figures are better than none.

    Args:
        source: the contract, with cadence and grace.
        published: when the newest figures were published; None where that is not known.
        today: the day to judge by: the day the figures were taken in snapshot mode, the day of the run in live mode.

    Returns:
        Passed or failed; skipped, with the reason, for a frozen source, for one without a cycle, and where the day of
        publication is not known.
    """
    properties = source.properties
    if properties.mode == "frozen":
        return _result("skipped", "warning", "the figures are frozen: no newer ones are expected", "exempt")
    if source.cycle_days is None:
        return _result("skipped", "warning", f"the publisher keeps no calendar (cadence {source.cadence})", "exempt")
    promised = f"new figures within {source.cycle_days} days ({source.cadence}) and {source.grace_days} days of grace"
    if published is None:
        return _result("skipped", "warning", "the day of publication is not known", promised)
    late_from = published + dt.timedelta(days=source.cycle_days + source.grace_days)
    said = f"published on {published:%Y-%m-%d}, {(today - published).days} days before {today:%Y-%m-%d}"
    if today <= late_from:
        return _result("passed", "warning", said, promised)
    severity: Severity = "error" if today > late_from + dt.timedelta(days=source.cycle_days) else "warning"
    late = (today - late_from).days
    return _result("failed", severity, f"{said}: {late} day{'s' * (late > 1)} late", promised)


def _result(outcome: Outcome, severity: Severity, observed: str, expected: str) -> RuleResult:
    rule = Rule(FRESH, FRESH, severity, "newer figures come when the publisher's calendar says")
    return RuleResult(rule, outcome, observed, expected)
