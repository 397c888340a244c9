"""Rules for other programs: a table's rules as a Great Expectations suite, which runs without this pipeline."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule

_SEVERITY = {"error": "critical", "warning": "warning"}


def suite(name: str, rules: Sequence[Rule], types: dict[str, str]) -> dict[str, Any]:
    """The rules of a table with columns of these logical types, as a suite that Great Expectations reads from JSON.

    The ``meta`` of the suite lists the rules it lacks, because their kinds are unknown to Great Expectations.
    """
    expectations = [expectation for rule in rules for expectation in _expectations(rule, types)]
    exported = {expectation["meta"]["rule"] for expectation in expectations}
    missing = {rule.id: f"{rule.kind}: {rule.description}" for rule in rules if rule.id not in exported}
    return {"name": name, "expectations": expectations, "meta": {"not_exported": missing}}


def write_suites(suites: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write each suite to a JSON file with its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in suites:
        text = json.dumps(one, indent=2, ensure_ascii=False)
        (folder / f"{one['name']}.json").write_text(text + "\n", encoding="utf-8")


def _expectations(rule: Rule, types: dict[str, str]) -> Iterator[dict[str, Any]]:
    for one in KINDS[rule.kind].expectations(rule, types):
        yield {
            "type": re.sub(r"(?<!^)(?=[A-Z])", "_", one.name).lower(),
            "kwargs": one.arguments,
            "severity": _SEVERITY[rule.severity],
            "meta": {"rule": rule.id, "description": rule.description},
        }
