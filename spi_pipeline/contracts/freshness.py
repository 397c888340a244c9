"""Whether a source is as new as its publisher's calendar promises: a pure function of a contract and two days.

Other modules decide where the days come from and who is notified.
"""

import datetime as dt

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Outcome, Rule, Severity

FRESH = "fresh"


def freshness(source: Source, published: dt.date | None, today: dt.date) -> RuleResult:
    """Judge the age of a source's newest figures.

    The next figures are due one cycle of the cadence after the newest were published, and late once the days of grace
    have passed. Late figures are a warning, and an error once the figures after them are late as well. Neither keeps a
    table from being written: old figures are better than none.

    Args:
        source: the contract, with cadence and grace.
        published: when the newest figures were published; if no publisher says, when they were first seen; None if
            neither is known.
        today: the day to judge by: in snapshot mode the day the figures were taken, in live mode the day of the run.
            For a council's own figures, whose contract declares the last day they are of use, it is the day of the run
            in either mode.

    Returns:
        Passed or failed. Skipped, with the reason, for a frozen source, for a source without a cycle, and if the day of
        publication is not known.
    """
    properties = source.properties
    if properties.own:
        expires = dt.date.fromisoformat(properties.own.expires)
        promised, observed = f"figures of use until {expires}", f"today is {today}"
        if today <= expires:
            return _result("passed", "warning", observed, promised)
        late = (today - expires).days
        observed = (
            f"{observed}: too old by {late} days; place newer ones in the inbox, or declare a later day under expires"
        )
        return _result("failed", "warning", observed, promised)
    if properties.mode == "frozen":
        return _result("skipped", "warning", "the figures are frozen: no newer ones are expected", "exempt")
    if source.cycle_days is None:
        return _result("skipped", "warning", f"the publisher keeps no calendar (cadence {source.cadence})", "exempt")
    promised = f"new figures within {source.cycle_days} days ({source.cadence}) and {source.grace_days} days of grace"
    if published is None:
        return _result("skipped", "warning", "the day of publication is not known", promised)
    late_from = published + dt.timedelta(days=source.cycle_days + source.grace_days)
    observed = f"appeared on {published:%Y-%m-%d}, {(today - published).days} days before {today:%Y-%m-%d}"
    if today <= late_from:
        return _result("passed", "warning", observed, promised)
    severity: Severity = "error" if today > late_from + dt.timedelta(days=source.cycle_days) else "warning"
    late = (today - late_from).days
    return _result("failed", severity, f"{observed}: {late} day{'s' * (late > 1)} late", promised)


def _result(outcome: Outcome, severity: Severity, observed: str, expected: str) -> RuleResult:
    rule = Rule(FRESH, FRESH, severity, "newer figures come when the publisher's calendar says")
    return RuleResult(rule, outcome, observed, expected)
