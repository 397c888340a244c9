"""The parts of a contract file that figures depend on: edits of real files change the digest or leave it alone."""

from __future__ import annotations

import pytest
import yaml

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.reading.content import content_digest
from spi_pipeline_tests.contracts.mutation import CONTRACTS

CENSUS, HOUSING = "sources/census_overcrowding.yaml", "indicators/housing.yaml"


def edited(file: str, old: str, new: str) -> tuple[str, str]:
    """The content digests before and after an edit."""
    text = (CONTRACTS / file).read_text(encoding="utf-8")
    assert old in text, f"{file} no longer holds {old!r}"
    before, after = (yaml.safe_load(each) for each in (text, text.replace(old, new, 1)))
    return content_digest(before), content_digest(after)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (CENSUS, "schema:", "# A comment.\nschema:"),
        (CENSUS, "minus_1, logicalType: integer, ", "minus_1,\n         logicalType:  integer, "),
        (CENSUS, "maximum: 2500", "maximum: 2600"),
        (CENSUS, "{property: mean_magnitude, value: [10, 2000]}", "{property: mean_magnitude, value: [20, 2000]}"),
        (CENSUS, ", {property: mean_magnitude, value: [10, 2000]}", ""),
        (CENSUS, "min_share: 0.95", "min_share: 0.9"),
        (CENSUS, "severity: warning", "severity: error"),
        (CENSUS, "    quality:\n", "    quality:\n      - {id: another, type: library, severity: error}\n"),
        (CENSUS, "metric: rowCount, mustBeGreaterOrEqualTo: 1", "metric: rowCount, mustBeGreaterOrEqualTo: 2"),
        (CENSUS, "team: {name: social-progress}", "team: {name: somebody-else}"),
        (CENSUS, "tool: ticket", "tool: email"),
        (CENSUS, "value: decennial", "value: annual"),
        (HOUSING, "plausible: {minimum: 0, maximum: 60}", "plausible: {minimum: 0, maximum: 70}"),
        ("products/score.yaml", "{value: index}]", "{value: index}, {value: town}]"),
    ],
)  # fmt: skip
def test_edits_that_only_check_or_explain_leave_the_digest_alone(file: str, old: str, new: str) -> None:
    before, after = edited(file, old, new)
    assert before == after


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (CENSUS, "{name: minus_1,", "{name: minus_one,"),
        (CENSUS, "logicalType: integer", "logicalType: number"),
        (CENSUS, "{property: unit, value: households}", "{property: unit, value: residents}"),
        (CENSUS, "{property: published_name, value: geography code}", "{property: published_name, value: code}"),
        (CENSUS, "vintage: 2021", "vintage: 2011"),
        (CENSUS, "useful_life, value: stock", "useful_life, value: flow"),
        (CENSUS, 'end: "2021-03-21"', 'end: "2021-03-22"'),
        (CENSUS, "version: 1.2.0", "version: 2.0.0"),
        (HOUSING, "goalposts: {source: reference}", "goalposts: {worst: 30, best: 0, source: cap, reason: chosen}"),
        (HOUSING, "direction: lower_is_better", "direction: higher_is_better"),
        (HOUSING, "columns: [minus_1, minus_2_or_less]", "columns: [minus_1]"),
        ("vocabulary.yaml", "households:", "homes:"),
    ],
)
def test_edits_that_affect_figures_change_the_digest(file: str, old: str, new: str) -> None:
    before, after = edited(file, old, new)
    assert before != after


def test_the_digest_depends_on_the_order_of_lists_but_not_of_keys() -> None:
    document = {"id": "census", "columns": [{"name": "a"}, {"name": "b"}]}
    assert content_digest(dict(reversed(document.items()))) == content_digest(document)
    assert content_digest(document | {"columns": document["columns"][::-1]}) != content_digest(document)


def test_contracts_carry_the_digest_of_each_file(contracts: Contracts) -> None:
    files = {file.relative_to(CONTRACTS).as_posix() for file in CONTRACTS.rglob("*.yaml")}
    assert contracts.digests.keys() == files
    for file in (CENSUS, HOUSING):
        assert contracts.digests[file] == content_digest(yaml.safe_load((CONTRACTS / file).read_text(encoding="utf-8")))
