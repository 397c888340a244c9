"""The rules of a step as checks of its asset: one for each family of rules that its tables have.

Rules are evaluated before the write, by the runner; here their results are put into Dagster's terms. It knows two
outcomes, passed and failed, and a check that was planned and not evaluated: that is what becomes of a family whose
rules were all skipped, since what did not run has not passed. A rule that could not be evaluated fails its family.
The result of every single rule is in ``check_result``; Dagster stores each event several times over, so a check for
each of 3,000 rules would cost 50 MB a run.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from spi_pipeline.contracts.freshness import FRESH
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.rules.kind import Family
from spi_pipeline.rules.kinds import expected, family_of
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Rule
from spi_pipeline.run.outcome import COMPUTED, Outcome
from spi_pipeline.run.plan import is_table
from spi_pipeline.steps.pages.markdown import cut, markdown
from spi_pipeline.steps.step import Step

DRIFT = "drift"
# The checks, in the order in which people ask: name and what it asks.
CHECKS: dict[Family, tuple[str, str]] = {
    "form": ("form_and_keys", "Could the table be computed, and does it have the columns, types and keys promised?"),
    "values": ("values_and_plausibility", "Are the values allowed and plausible?"),
    "coverage": (
        "coverage_and_freshness",
        "Are all areas and periods there, and are the figures up to date? (Late figures are kept all the same.)",
    ),
    "relations": ("relations", "Do the figures of a row, and of groups of rows, agree with each other?"),
}
CONSEQUENCE = "An error refuses the table, and the last good version stays in use; a warning only reports."
# A check shows the failing rows of so many rules; the database and the quarantine have them all.
SHOWN = 3
LONGEST_DESCRIPTION = 300

Judged = tuple[str, RuleResult]


def check_specs(step: Step, contracts: Contracts, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a step's asset, in order.

    Of a source there is also whether it is fresh, and of one that is fetched, as things are run, whether it drifts.
    """
    tables = list(filter(is_table, step.outputs))
    kinds = [rule.kind for table in tables for rule in (COMPUTED, *contract_of(table, contracts).rules)]
    if source := contracts.sources.get(step.outputs[0]):
        kinds.append(FRESH)
        if contracts.fetched and source.properties.mode == "live":
            kinds.append(DRIFT)
    present = {family_of(kind) for kind in kinds}
    return [
        dg.AssetCheckSpec(
            name,
            asset=key,
            description=f"{asks} {CONSEQUENCE}\n\n{_promises(step, contracts, family)}",
        )
        for family, (name, asks) in CHECKS.items()
        if family in present
    ]


def _promises(step: Step, contracts: Contracts, family: Family) -> str:
    """The rules of a family as the contracts of a step's tables state them, as a table."""
    rows = [
        {"rule": rule_name(step, table, rule), "severity": rule.severity, "promised": expected(rule)}
        for table in filter(is_table, step.outputs)
        for rule in contract_of(table, contracts).rules
        if family_of(rule.kind) == family
    ]
    return markdown(rows) if rows else ""


def check_results(step: Step, outcomes: Sequence[Outcome], key: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """What became of every family of which a rule was evaluated, or could not be.

    The database has no rules: its run fails instead.
    """
    judged = [(o.table, result) for o in outcomes if o.table in step.outputs for result in o.results]
    for family, (name, _) in CHECKS.items():
        own = [(table, result) for table, result in judged if family_of(result.rule.kind) == family]
        if any(result.outcome != "skipped" for _, result in own):
            yield _check_result(step, name, own, key)


def evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """A result as the event that tells of it."""
    assert result.asset_key
    assert result.check_name
    return dg.AssetCheckEvaluation(
        result.asset_key,
        result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )


def _check_result(step: Step, name: str, judged: Sequence[Judged], key: dg.AssetKey) -> dg.AssetCheckResult:
    wrong = [(table, result) for table, result in judged if result.outcome in ("failed", "errored")]
    errors = any(result.rule.severity == "error" for _, result in wrong)
    said = "; ".join(f"{rule_name(step, table, r.rule)}: {_observed(r)}" for table, r in wrong)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN if wrong and not errors else dg.AssetCheckSeverity.ERROR,
        description=cut(said, LONGEST_DESCRIPTION) or None,
        metadata={
            "rules": dg.MetadataValue.md(_rules(step, judged)),
            **_numbers(step, judged),
            **{
                f"rows failing {rule_name(step, table, r.rule)}": dg.MetadataValue.md(markdown(r.failing_rows))
                for table, r in [(table, r) for table, r in wrong if r.failing_rows][:SHOWN]
            },
        },
    )


def _numbers(step: Step, judged: Sequence[Judged]) -> dict[str, Any]:
    """What Dagster plots over time: how many rules came out how, and what single rules found and promise."""
    counts = Counter(result.outcome for _, result in judged)
    numbers: dict[str, Any] = {
        name: counts[name] for name in ("passed", "failed", "errored", "skipped") if counts[name]
    }
    numbers["failing_rows"] = sum(result.failing for _, result in judged)
    for table, result in judged:
        if result.number is not None:
            numbers[rule_name(step, table, result.rule)] = result.number
        if result.number is not None and result.bound is not None and result.outcome == "failed":
            numbers[f"{rule_name(step, table, result.rule)} bound"] = result.bound
    return numbers


def rule_name(step: Step, table: str, rule: Rule) -> str:
    """A rule as people know it among those of a step: by its id, of further tables after the product.

    ``every_area`` of a component is the rule of its scores, ``weight.key`` one of its weights.
    """
    return rule.id if table in step.outputs[:1] else f"{table.split('.')[0]}.{rule.id}"


def _rules(step: Step, judged: Sequence[Judged]) -> str:
    """The rules of a check that were not kept as a table, with all that is known of them, and those skipped by name.

    Dagster stores this twice for every asset and run; with the names of rules that passed it takes a third more. What
    each rule promises stands with the check, what was found of each in ``check_result``.
    """
    rows = [
        {
            "rule": rule_name(step, table, r.rule),
            "outcome": r.outcome if r.rule.severity == "error" else f"{r.outcome} (warning)",
            "observed": r.observed,
            "promised": r.expected,
        }
        for table, r in judged
        if r.outcome in ("failed", "errored")
    ]
    skipped = [rule_name(step, table, r.rule) for table, r in judged if r.outcome == "skipped"]
    told = f"skipped: {', '.join(skipped)}" if skipped else "" if rows else "all passed"
    return "\n\n".join(filter(None, [markdown(rows) if rows else "", told]))


def _observed(result: RuleResult) -> str:
    return f"could not be evaluated: {result.observed}" if result.outcome == "errored" else result.observed
