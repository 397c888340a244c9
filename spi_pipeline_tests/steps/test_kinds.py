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


class RecordingInputs(Inputs):
    """Inputs that record the names of those that are read."""

    def __init__(self, given: Inputs) -> None:
        super().__init__(given._values, given._versions, {})
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)


def kinds(contracts: Contracts) -> list[Step]:
    """The first step in the plan for each function that computes steps."""
    steps: dict[Any, Step] = {}
    for step in build_plan(contracts):
        steps.setdefault(step.does, step)
    return list(steps.values())


def named_for_its_version(step: Step, contracts: Contracts) -> set[str]:
    """Inputs that a step names so that it is recomputed when they change, without reading them."""
    unavailable = {name for name in contracts.indicators if contracts.missing_because(contracts.indicators[name])}
    looks = {name for name in step.inputs if name.startswith((PACKAGED, NEXT_TO_CONTRACTS))}
    # Without a signed release there is nothing to compare with.
    unsigned = {*step.inputs} - {RELEASED} if RELEASED in step.inputs else ()
    return {UNAVAILABLE, *looks, *unsigned, *(map(part_of, unavailable) if step.kind == "basis" else ())}


def test_a_step_reads_the_inputs_it_names_and_writes_the_outputs_it_declares(with_outputs: Sandbox) -> None:
    contracts, reader = with_outputs.contracts, with_outputs.runner.reader
    steps = kinds(contracts)
    assert len(steps) >= 20
    for step in steps:
        inputs = RecordingInputs(reader.inputs(step))
        outputs = compute(step, contracts, inputs)
        assert inputs.read == set(step.inputs) - named_for_its_version(step, contracts), step.label
        assert outputs.keys() == set(step.outputs), step.label
        for name in filter(is_table, step.outputs):
            assert isinstance(outputs[name], pa.Table), step.label
            assert outputs[name].column_names == [column.name for column in contract_of(name, contracts).columns], name
        assert callable(outputs.get(PUBLICATION, callable)), step.label


def test_a_plan_names_every_input_and_output_once(contracts: Contracts, live: Contracts) -> None:
    for plan in (build_plan(contracts), build_plan(live)):
        written: list[str] = []
        for step in plan:
            inputs = set(step.inputs)
            assert len(inputs) == len(step.inputs), f"{step.label} names an input twice"
            assert not inputs.intersection(step.outputs), f"{step.label} reads what it writes"
            written += step.outputs
        assert len(written) == len(set(written)), "two steps write the same output"
        assert len({step.key for step in plan}) == len(plan)


def test_a_live_source_is_parsed_only_from_its_downloads(live: Contracts) -> None:
    steps = {step.name: step for step in build_plan(live) if step.kind == "source"}
    assert live.fetched
    for name in live.fetched:
        assert f"{DOWNLOADS}{name}" in steps[name].inputs
        assert not [each for each in steps[name].inputs if each.startswith("embedded/")]
        assert steps[name].does is parsed
        offer = OFFERS[name]
        restrictions = (offer.restricted,) if offer.restricted else ()
        assert steps[name].uses == (offer.parse, *restrictions), (
            "its digest covers its parser and the restrictions on use"
        )
