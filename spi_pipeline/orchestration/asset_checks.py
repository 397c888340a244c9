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
from spi_pipeline.steps.inputs import DOWNLOADS, LAID_IN
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
# Beside them, of what is asked of a publisher: of its downloads, and of the age of the table made of them.
COULD_BE_HAD = ("could_be_had", "Could everything that was asked for be had? (If not, the last downloads stay in use.)")
IN_TIME = ("fresh", "Are the figures as new as the publisher's calendar lets one expect, from the day they appeared?")
CONSEQUENCE = "An error refuses the table, and the last good version stays in use; a warning only reports."
# A check shows the failing rows of so many rules; the database and the quarantine have them all.
SHOWN = 3
LONGEST_DESCRIPTION = 300

Judged = tuple[str, RuleResult]


def check_specs(step: Step, contracts: Contracts, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a step's asset, in order.

    Of a source there is also whether it is fresh, and of one that is fetched, as things are run, whether it drifts.
    """
    if step.cadence is not None:
        return [dg.AssetCheckSpec(COULD_BE_HAD[0], asset=key, description=COULD_BE_HAD[1])]
    tables = list(filter(is_table, step.outputs))
    kinds = [rule.kind for table in tables for rule in (COMPUTED, *contract_of(table, contracts).rules)]
    if source := contracts.sources.get(step.outputs[0]):
        if not is_renewed(step):
            kinds.append(FRESH)
        if contracts.fetched and source.properties.mode == "live":
            kinds.append(DRIFT)
    present = {family_of(kind) for kind in kinds}
    age = dg.AssetCheckSpec(IN_TIME[0], asset=key, description=IN_TIME[1])
    families = [
        dg.AssetCheckSpec(
            name,
            asset=key,
            description=f"{asks} {CONSEQUENCE}\n\n{_promises(step, contracts, family)}",
        )
        for family, (name, asks) in CHECKS.items()
        if family in present
    ]
    return [age, *families] if is_renewed(step) else families


def is_renewed(step: Step) -> bool:
    """Whether newer figures of a table may come: then its age is a check of its own, which needs no run to turn red."""
    return any(name.startswith((DOWNLOADS, LAID_IN)) for name in step.inputs)


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
    if step.cadence is not None:
        yield from (_had(outcome, key) for outcome in outcomes if outcome.table in step.outputs)
        return
    judged = [(o.table, result) for o in outcomes if o.table in step.outputs for result in o.results]
    if is_renewed(step):
        yield from (in_time(result, key) for _, result in judged if result.rule.kind == FRESH)
        judged = [(table, result) for table, result in judged if result.rule.kind != FRESH]
    for family, (name, _) in CHECKS.items():
        own = [(table, result) for table, result in judged if family_of(result.rule.kind) == family]
        if any(result.outcome != "skipped" for _, result in own):
            yield _check_result(step, name, own, key)


def _had(outcome: Outcome, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Whether downloads could be had."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=COULD_BE_HAD[0],
        passed=outcome.state in ("fetched", "unchanged"),
        description=cut(outcome.message, LONGEST_DESCRIPTION) or None,
        metadata={"requests": outcome.requests},
    )


def in_time(result: RuleResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Whether figures are as new as one may expect; what cannot be told of is not late."""
    late = result.outcome == "failed"
    severity = dg.AssetCheckSeverity.ERROR if result.rule.severity == "error" else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=IN_TIME[0],
        passed=not late,
        severity=severity if late else dg.AssetCheckSeverity.ERROR,
        description=cut(result.observed, LONGEST_DESCRIPTION),
        metadata={"promised": result.expected},
    )


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
