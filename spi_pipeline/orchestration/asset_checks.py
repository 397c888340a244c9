"""The rules of a step as checks of its asset: one check for each family of rules that its tables have.

The runner evaluates rules before the write; this module translates their results into Dagster's terms. A Dagster check
has passed, has failed, or was planned and not evaluated. A family whose rules were all skipped counts as not evaluated,
since a rule that did not run has not passed. A rule that could not be evaluated fails its family. The table
``check_result`` has the result of every single rule. Dagster stores each event several times over, so a check for each
of 3,000 rules would cost 50 MB a run.
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
from spi_pipeline.run.plan import is_table
from spi_pipeline.run.result import COMPUTED, StepResult
from spi_pipeline.steps.inputs import DOWNLOADS, SUPPLIED
from spi_pipeline.steps.pages.markdown import cut, markdown
from spi_pipeline.steps.step import Step

DRIFT = "drift"
# The checks, in the order in which readers ask these questions: name and question.
CHECKS: dict[Family, tuple[str, str]] = {
    "form": ("form_and_keys", "Could the table be computed, and does it have the columns, types and keys promised?"),
    "values": ("values_and_plausibility", "Are the values allowed and plausible?"),
    "coverage": (
        "coverage_and_freshness",
        "Are all areas and periods present, and are the figures up to date? (Late figures stay in use.)",
    ),
    "relations": ("relations", "Do the figures of a row, and of groups of rows, agree with each other?"),
}
# Two further checks of a publisher's data: whether its downloads arrived, and how old the table parsed from them is.
DOWNLOADS_COMPLETE = ("could_be_had", "Did every download succeed? (If not, the last complete downloads stay in use.)")
FRESHNESS = ("fresh", "Are the figures as new as the publisher's calendar promises, counted from their publication?")
CONSEQUENCE = "An error refuses the table, and the last good version stays in use; a warning only reports."
# A check shows the failing rows of at most this many rules; the database and the quarantine have them all.
SHOWN = 3
LONGEST_DESCRIPTION = 300

Judged = tuple[str, RuleResult]


def check_specs(step: Step, contracts: Contracts, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a step's asset, in order.

    A source also has a check of its freshness, and a source that is fetched in this mode has one of its drift.
    """
    if step.cadence is not None:
        return [dg.AssetCheckSpec(DOWNLOADS_COMPLETE[0], asset=key, description=DOWNLOADS_COMPLETE[1])]
    tables = list(filter(is_table, step.outputs))
    kinds = [rule.kind for table in tables for rule in (COMPUTED, *contract_of(table, contracts).rules)]
    if source := contracts.sources.get(step.outputs[0]):
        if not is_renewed(step):
            kinds.append(FRESH)
        if contracts.fetched and source.properties.mode == "live":
            kinds.append(DRIFT)
    present = {family_of(kind) for kind in kinds}
    age = dg.AssetCheckSpec(FRESHNESS[0], asset=key, description=FRESHNESS[1])
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
    """Whether a table may receive newer figures: its age is then a separate check, which can turn red without a run."""
    return any(name.startswith((DOWNLOADS, SUPPLIED)) for name in step.inputs)


def _promises(step: Step, contracts: Contracts, family: Family) -> str:
    """The rules of a family, from the contracts of a step's tables, as a Markdown table."""
    rows = [
        {"rule": rule_name(step, table, rule), "severity": rule.severity, "promised": expected(rule)}
        for table in filter(is_table, step.outputs)
        for rule in contract_of(table, contracts).rules
        if family_of(rule.kind) == family
    ]
    return markdown(rows) if rows else ""


def check_results(step: Step, outcomes: Sequence[StepResult], key: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """The result of every family with at least one rule that was evaluated or errored.

    The database has no rules: its run fails instead.
    """
    if step.cadence is not None:
        yield from (_downloads_check(outcome, key) for outcome in outcomes if outcome.table in step.outputs)
        return
    judged = [(o.table, result) for o in outcomes if o.table in step.outputs for result in o.results]
    if is_renewed(step):
        yield from (freshness_result(result, key) for _, result in judged if result.rule.kind == FRESH)
        judged = [(table, result) for table, result in judged if result.rule.kind != FRESH]
    for family, (name, _) in CHECKS.items():
        own = [(table, result) for table, result in judged if family_of(result.rule.kind) == family]
        if any(result.outcome != "skipped" for _, result in own):
            yield _check_result(step, name, own, key)


def _downloads_check(outcome: StepResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Whether the downloads arrived."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=DOWNLOADS_COMPLETE[0],
        passed=outcome.state in ("fetched", "unchanged"),
        description=cut(outcome.message, LONGEST_DESCRIPTION) or None,
        metadata={"requests": outcome.requests},
    )


def freshness_result(result: RuleResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Whether figures are as new as expected; figures of unknown age do not count as late."""
    late = result.outcome == "failed"
    severity = dg.AssetCheckSeverity.ERROR if result.rule.severity == "error" else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=FRESHNESS[0],
        passed=not late,
        severity=severity if late else dg.AssetCheckSeverity.ERROR,
        description=cut(result.observed, LONGEST_DESCRIPTION),
        metadata={"promised": result.expected},
    )


def evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """A check result as the event that records it."""
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
    description = "; ".join(f"{rule_name(step, table, r.rule)}: {_observed(r)}" for table, r in wrong)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN if wrong and not errors else dg.AssetCheckSeverity.ERROR,
        description=cut(description, LONGEST_DESCRIPTION) or None,
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
    """The numbers that Dagster plots over time: rules by outcome, and the observed number and bound of single rules."""
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
    """The name of a rule among those of a step: its id, with the product as a prefix for all tables but the first.

    ``every_area`` of a component is a rule of its scores, ``weight.key`` a rule of its weights.
    """
    return rule.id if table in step.outputs[:1] else f"{table.split('.')[0]}.{rule.id}"


def _rules(step: Step, judged: Sequence[Judged]) -> str:
    """The failed and errored rules of a check as a Markdown table with all details, and the names of the skipped ones.

    Dagster stores this twice for every asset and run; the names of rules that passed would add a third to its size. The
    check's description has the promise of each rule, and ``check_result`` what was observed.
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
    summary = f"skipped: {', '.join(skipped)}" if skipped else "" if rows else "all passed"
    return "\n\n".join(filter(None, [markdown(rows) if rows else "", summary]))


def _observed(result: RuleResult) -> str:
    return f"could not be evaluated: {result.observed}" if result.outcome == "errored" else result.observed
