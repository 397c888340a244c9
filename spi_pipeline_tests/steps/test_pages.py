"""The pages of steps consist of plain values, which any program can show."""

from __future__ import annotations

from pathlib import Path

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline_tests.integration.sandboxes import Sandbox

PLAIN = (str, int, float, Path, type(None))


def test_what_is_known_before_anything_was_computed_is_plain(contracts: Contracts, live: Contracts) -> None:
    for in_force in (contracts, live):
        for step in build_plan(in_force):
            said = step.page.about(step, in_force)
            assert [name for name, value in said.items() if not isinstance(value, PLAIN)] == [], step.label


def test_what_is_read_off_the_tables_is_plain(with_outputs: Sandbox) -> None:
    contracts, reader = with_outputs.contracts, with_outputs.runner.reader
    for step in build_plan(contracts):
        said = step.page.shows(step, contracts, reader)
        assert [name for name, value in said.items() if not isinstance(value, PLAIN)] == [], step.label
        assert not said.keys() & step.page.about(step, contracts).keys(), step.label
        if is_table(step.outputs[0]):
            assert isinstance(step.page.preview(step, reader.table(step.outputs[0]), contracts), str)


def test_the_page_of_the_context_sets_the_town_beside_its_wards_at_the_ends(refreshed: Sandbox) -> None:
    contracts, reader = refreshed.contracts, refreshed.runner.reader
    [step] = [step for step in build_plan(contracts) if step.name == "decade"]
    [told] = step.page.shows(step, contracts, reader).values()
    [row] = [line.strip("| ").split(" | ") for line in str(told).splitlines() if "born abroad" in line]
    table = reader.frame("decade")
    wards = table[table["title"].eq(row[0]) & ~table["area_code"].isin(contracts.geography.authority_codes)]
    names = {ward.code: ward.name for ward in contracts.geography.wards}
    ends = [names[wards.loc[wards["change"].agg(end), "area_code"]] for end in ("idxmin", "idxmax")]
    assert row[-2:] == ends
    assert len(str(told).splitlines()) == 2 + table["measure_id"].nunique()
