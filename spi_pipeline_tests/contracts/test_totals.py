"""Published totals: each source declares one or a reason for having none, for the authorities its table covers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.places import TablePlaces
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.kinds.agrees_with_total import AgreesWithTotal
from spi_pipeline.rules.rule import Rule
from spi_pipeline.steps.sources.totals import compared
from spi_pipeline_tests.contracts.mutation import BUS, CAR, CONTRACTS, change, faults, line_of

WHY = (
    "  - property: no_total\n"
    '    value: "The University of Leeds publishes trips by zone only, and each year a few zones have no figure."\n'
)
CONTRACT = load_contracts(CONTRACTS)


def totals_of(source_id: str) -> list[Rule]:
    return [rule for rule in CONTRACT.sources[source_id].rules if rule.kind == AgreesWithTotal.name]


def test_a_source_must_state_a_total_or_a_reason(root: Path) -> None:
    change(root, BUS, WHY, "")
    message = "no published total is declared; add a rule agrees_with_total, or give the reason as no_total"
    assert faults(root) == [Fault(BUS, line_of(root, BUS, "- name: bus_service"), message)]


def test_a_source_must_not_state_both_a_total_and_a_reason(root: Path) -> None:
    change(root, CAR, "  - {property: mode,", "  - {property: no_total, value: Nobody knows.}\n  - {property: mode,")
    message = "the contract declares a total as well; drop no_total"
    assert faults(root) == [Fault(CAR, line_of(root, CAR, "no_total"), message)]


def test_the_licence_of_a_total_must_be_in_the_vocabulary(root: Path) -> None:
    change(root, CAR, '2021_bulk", licence: OGL-UK-3.0}}', '2021_bulk", licence: OGL}}')
    (fault,) = faults(root)
    assert fault.message.startswith("rule households_of_the_authority: 'OGL' is not a licence of vocabulary.yaml")


def test_every_source_states_either_a_total_or_a_reason() -> None:
    has_total = {name: bool(totals_of(name)) for name in CONTRACT.sources}
    assert sum(has_total.values()) >= 39
    assert all(has_total[name] != bool(source.properties.no_total) for name, source in CONTRACT.sources.items())


@pytest.mark.parametrize(
    ("totals", "total"),
    [({"E06000032": 5}, 5), ({"bedfordshire": 7}, 7), ({"E06000056": 9}, None), ({"E06000032": 5, "E06000056": 9}, 5)],
)
def test_a_total_sums_the_authorities_of_the_table(totals: dict[str, float], total: float | None) -> None:
    assert TablePlaces(["oa"], 2021, CONTRACT.geography).total(totals) == total


def test_a_council_without_totals_has_no_rule_and_the_reason_is_reported(root: Path) -> None:
    for file in (root / "sources").glob("*.yaml"):
        file.write_text(file.read_text().replace("totals: {E06000032:", "totals: {E06000056:"))
    source = load_contracts(root).sources["census_residents"]
    assert not [rule for rule in source.rules if rule.kind == AgreesWithTotal.name]
    (row,) = compared(source, [])
    assert (row["outcome"], row["reason"]) == ("no_total", "Its contract lists no total for its authorities.")


def table(residents: list[int | None]) -> pa.Table:
    return pa.table({"residents": pa.array(residents, pa.int64())})


def test_a_dropped_small_area_is_noticed_and_its_size_reported() -> None:
    (rule,) = totals_of("census_residents")
    whole, short = [1_800] * 125 + [262], [1_800] * 124 + [262]
    source = CONTRACT.sources["census_residents"]
    (passed,) = evaluate(table(whole), [rule], table_name="t")
    (failed,) = evaluate(table(short), [rule], table_name="t")
    assert (passed.outcome, failed.outcome, failed.blocks) == ("passed", "failed", True)
    (row,) = compared(source, [failed])
    assert (row["published"], row["observed"], row["difference"]) == (225_262, 223_462, -1_800)
    assert row["difference_percent"] == pytest.approx(-0.799, abs=0.001)
    assert row["dataset"] == "Census 2021 TS001, local authorities"


def test_a_total_of_five_months_is_not_compared_with_three() -> None:
    (rule,) = totals_of("street_crime")
    months = rule.params["where"]["month"]
    for months_in_table, outcome in ((months, "passed"), (months[:3], "skipped"), (["2024-01"], "skipped")):
        rows = pa.table({"month": months_in_table, "crimes": [28_870 // 5] * len(months_in_table)})
        (result,) = evaluate(rows, [rule], table_name="t")
        assert result.outcome == outcome
    (row,) = compared(CONTRACT.sources["street_crime"], [result])
    assert (row["outcome"], row.get("observed"), row["published"]) == ("skipped", None, 28_870)
