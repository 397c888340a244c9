"""Every kind of step, computed from its inputs alone, reads the inputs it names and writes the outputs it declares."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import DOWNLOADS, NEXT_TO_CONTRACTS, PACKAGED, RELEASED, UNAVAILABLE, Inputs
from spi_pipeline.steps.sources.source import parsed
from spi_pipeline.steps.step import Step, compute
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline_tests.integration.sandboxes import Sandbox


class Noting(Inputs):
    """Inputs that record the names of those that are read."""

    def __init__(self, given: Inputs) -> None:
        super().__init__(given._values, given._versions, {})
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)


def kinds(contracts: Contracts) -> list[Step]:
    """The first step in the plan for each function that computes steps."""
    found: dict[Any, Step] = {}
    for step in build_plan(contracts):
        found.setdefault(step.does, step)
    return list(found.values())


def named_for_its_version(step: Step, contracts: Contracts) -> set[str]:
    """Inputs that a step names so that it is recomputed when they change, without reading them."""
    unavailable = {name for name in contracts.indicators if contracts.missing_because(contracts.indicators[name])}
    looks = {name for name in step.inputs if name.startswith((PACKAGED, NEXT_TO_CONTRACTS))}
    # Without a signed release there is nothing to compare with.
    unsigned = {*step.inputs} - {RELEASED} if RELEASED in step.inputs else ()
    return {UNAVAILABLE, *looks, *unsigned, *(map(part_of, unavailable) if step.kind == "basis" else ())}


def test_a_step_reads_what_it_names_and_writes_what_it_says(with_outputs: Sandbox) -> None:
    contracts, reader = with_outputs.contracts, with_outputs.runner.reader
    steps = kinds(contracts)
    assert len(steps) >= 20
    for step in steps:
        inputs = Noting(reader.inputs(step))
        made = compute(step, contracts, inputs)
        assert inputs.read == set(step.inputs) - named_for_its_version(step, contracts), step.label
        assert made.keys() == set(step.outputs), step.label
        for name in filter(is_table, step.outputs):
            assert isinstance(made[name], pa.Table), step.label
            assert made[name].column_names == [column.name for column in contract_of(name, contracts).columns], name
        assert callable(made.get(PUBLICATION, callable)), step.label


def test_the_graph_is_bound_when_it_is_made(contracts: Contracts, live: Contracts) -> None:
    for plan in (build_plan(contracts), build_plan(live)):
        written: list[str] = []
        for step in plan:
            inputs = set(step.inputs)
            assert len(inputs) == len(step.inputs), f"{step.label} names an input twice"
            assert not inputs.intersection(step.outputs), f"{step.label} reads what it writes"
            written += step.outputs
        assert len(written) == len(set(written)), "an output has two makers"
        assert len({step.key for step in plan}) == len(plan)


def test_a_live_source_is_parsed_from_its_downloads_alone(live: Contracts) -> None:
    steps = {step.name: step for step in build_plan(live) if step.kind == "source"}
    assert live.fetched
    for name in live.fetched:
        assert f"{DOWNLOADS}{name}" in steps[name].inputs
        assert not [each for each in steps[name].inputs if each.startswith("embedded/")]
        assert steps[name].does is parsed
        offer = OFFERS[name]
        told = (offer.restricted,) if offer.restricted else ()
        assert steps[name].uses == (offer.parse, *told), "what its digest covers: its parser, and what is told of use"
