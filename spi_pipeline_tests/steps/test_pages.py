"""The pages of steps consist of plain values, which any program can show."""

from __future__ import annotations

from pathlib import Path

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline_tests.integration.sandboxes import Sandbox

PLAIN = (str, int, float, Path, type(None))


def test_facts_known_before_a_run_are_plain_values(contracts: Contracts, live: Contracts) -> None:
    for contracts_of_mode in (contracts, live):
        for step in build_plan(contracts_of_mode):
            facts = step.page.about(step, contracts_of_mode)
            assert [name for name, value in facts.items() if not isinstance(value, PLAIN)] == [], step.label


def test_facts_read_from_tables_are_plain_values(with_outputs: Sandbox) -> None:
    contracts, reader = with_outputs.contracts, with_outputs.runner.reader
    for step in build_plan(contracts):
        facts = step.page.shows(step, contracts, reader)
        assert [name for name, value in facts.items() if not isinstance(value, PLAIN)] == [], step.label
        assert not facts.keys() & step.page.about(step, contracts).keys(), step.label
        if is_table(step.outputs[0]):
            assert isinstance(step.page.preview(step, reader.table(step.outputs[0]), contracts), str)


def test_the_context_page_names_the_wards_with_the_largest_and_smallest_change(refreshed: Sandbox) -> None:
    contracts, reader = refreshed.contracts, refreshed.runner.reader
    [step] = [step for step in build_plan(contracts) if step.name == "decade"]
    [page] = step.page.shows(step, contracts, reader).values()
    [row] = [line.strip("| ").split(" | ") for line in str(page).splitlines() if "born abroad" in line]
    table = reader.frame("decade")
    wards = table[table["title"].eq(row[0]) & ~table["area_code"].isin(contracts.geography.authority_codes)]
    names = {ward.code: ward.name for ward in contracts.geography.wards}
    ends = [names[wards.loc[wards["change"].agg(end), "area_code"]] for end in ("idxmin", "idxmax")]
    assert row[-2:] == ends
    assert len(str(page).splitlines()) == 2 + table["measure_id"].nunique()
