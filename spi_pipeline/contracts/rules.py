"""The closed list of rule kinds a table contract may use, independent of the library that evaluates them.

A rule is data: a kind, the columns it looks at, parameters, a severity and a sentence. ``checks/`` evaluates rules;
nothing here knows how. Adding a kind means adding it to ``RULE_KINDS``, teaching ``checks/`` and its four tests
(a good, a mutated, an empty and a column-less frame).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from spi_pipeline.contracts.errors import SpiError

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "failed", "errored", "skipped"]

RULE_KINDS: dict[str, str] = {
    "columns": "the table has exactly the columns of its contract",
    "types": "every column holds the type of its contract",
    "required": "no null in the named columns",
    "key": "the named columns together identify a row",
    "in_set": "values come from a closed list",
    "between": "numbers lie in a closed range",
    "between_by": "numbers lie in the closed range stated for what their row is about",
    "pattern": "texts match a regular expression",
    "row_count": "the number of rows lies in a range",
    "known_areas": "area codes exist in the geography the contract names",
    "coverage": "every expected area is there, per period where one is named",
    "part_of_whole": "a part is never larger than its whole",
    "null_share": "no more than a stated share of a column is null",
    "varies": "a column holds more than one value",
    "typical": "the typical size of a column, the mean of its absolute values, lies in a closed range",
    "adds_up": "the parts of a whole add up to it",
    "quotient": "a value is its numerator over its denominator, times the factor stated for what its row is about",
    "totals": "the values of each group add up to a stated total",
    "together": "the named columns are null in the same rows",
    "unbroken": "whole numbers, or months, follow each other without a gap",
    "empty": "a column holds nothing: what stands in it is a finding",
}

SmallAreas = Literal["oa21", "lsoa21", "msoa21", "lsoa11", "msoa11"]

# Small areas are known by the lookups: the source and column that list those of a level and vintage.
SMALL_AREAS: dict[SmallAreas, tuple[str, str]] = {
    "oa21": ("output_area_lookup", "area_code"),
    "lsoa21": ("lsoa_best_fit", "area_code"),
    "msoa21": ("lsoa_best_fit", "msoa_code"),
    "lsoa11": ("lsoa_2011_lookup", "lsoa_2011_code"),
    "msoa11": ("msoa_2011_lookup", "msoa_2011_code"),
}


@dataclass(frozen=True)
class Rule:
    """One quality assertion about one table.

    Attributes:
        id: unique within the table; the name of the check people see, such as ``between_residents``.
        kind: one of ``RULE_KINDS``.
        severity: ``error`` keeps the table from being written, ``warning`` reports.
        description: what is promised, in a sentence.
        columns: the columns looked at, in order; empty for ``row_count``.
        params: parameters by kind; those in brackets may be absent, and ``by`` names the columns of a group.

            * ``columns``, ``required``, ``key``, ``varies``, ``empty``, ``together``: none
            * ``types``: ``types`` ``{column: logical type}``
            * ``in_set``: ``values``; ``pattern``: ``regex``
            * ``between``, ``row_count``: ``min``, ``max``, one of them or both, numbers or days
            * ``between_by``: ``bounds`` ``{value of the first column: [min, max]}``, columns ``(about, number)``
            * ``known_areas``: ``areas``, ``former``, ``[others]`` ("any", or texts that may stand beside codes); of
              small areas ``geographies``, keys of ``SMALL_AREAS``, until their lookups are at hand, and ``unlisted``
              where nothing can be judged by them, with the reason
            * ``coverage``: ``areas``, ``min_share``, ``[by]``; of small areas ``geographies`` until ``choices``
              ``{geography: areas}``, of which a table covers the one it holds most of; likewise ``unlisted``
            * ``part_of_whole``: ``tolerance``, columns ``(part, whole)``
            * ``adds_up``: ``tolerance``, columns ``(whole, part, ...)``
            * ``quotient``: ``factors`` ``{value of the first column: factor}``, columns ``(about, value, numerator,
              denominator)``
            * ``null_share``: ``max_share``, ``[by]``
            * ``typical``: ``ranges`` ``{column: [min, max]}``, ``[by]``
            * ``totals``: ``total``, ``tolerance``, ``by``; ``unbroken``: ``[by]``
    """

    id: str
    kind: str
    severity: Severity
    description: str
    columns: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule on one table version.

    Attributes:
        rule: the rule evaluated.
        outcome: passed, failed, errored (could not be evaluated) or skipped (nothing to evaluate): what did not run
            is never passed.
        observed: what was found, in words, such as ``3 of 621 rows outside``.
        expected: what was promised, in words.
        failing_rows: up to ten failing rows as plain values.
        failing: how many rows fail, or groups where the rule judges groups.
        measured: what was found as a number, where one number says it.
        bound: the number that was promised, of two that are the nearer.
    """

    rule: Rule
    outcome: Outcome
    observed: str
    expected: str
    failing_rows: tuple[dict[str, Any], ...] = ()
    failing: int = 0
    measured: float | None = None
    bound: float | None = None

    @property
    def blocks(self) -> bool:
        """Whether this result keeps the table from being written."""
        return self.rule.severity == "error" and self.outcome in ("failed", "errored")


def with_known_areas(rules: Sequence[Rule], codes: Callable[[SmallAreas], Collection[str]]) -> tuple[Rule, ...]:
    """Rules whose small areas are listed.

    Args:
        rules: the rules of a table.
        codes: gives the codes of a set of small areas, as their lookup holds them; where it raises an ``SpiError``,
            the rule says so when asked (``unlisted``), since nothing can be judged by that lookup.
    """

    def listed(rule: Rule) -> Rule:
        if "geographies" not in rule.params:
            return rule
        params = {name: value for name, value in rule.params.items() if name != "geographies"}
        try:
            known = {name: sorted(codes(name)) for name in rule.params["geographies"]}
        except SpiError as error:
            return replace(rule, params=params | {"unlisted": str(error)})
        if rule.kind == "coverage":
            return replace(rule, params=params | {"choices": {name: each for name, each in known.items() if each}})
        return replace(rule, params=params | {"areas": sorted({code for each in known.values() for code in each})})

    return tuple(map(listed, rules))
