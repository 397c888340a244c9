"""The digest of a step covers all code that the step enters: each kind of step is run under a profiler."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import spi_pipeline
from spi_pipeline.run.code import Place, code_reached
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.step import Step, compute
from spi_pipeline_tests.integration.sandboxes import Sandbox

PACKAGE = Path(spi_pipeline.__file__).parent


def entered(call: Callable[[], Any]) -> set[Place]:
    """Our functions that a call enters, as module and top-level name, without class bodies run on import."""
    places: set[Place] = set()
    seen_code: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        # Skip code already seen: reading back the pages of a site enters functions 30 million times.
        if code in seen_code:
            return
        seen_code.add(code)
        file = Path(code.co_filename)
        # A template is an input of its step and has its own digest.
        if (
            event != "call"
            or file.suffix != ".py"
            or not code.co_flags & inspect.CO_OPTIMIZED
            or not file.is_relative_to(PACKAGE)
        ):
            return
        # A lambda or generator at the top level of a module is part of a constant, which the digest reaches by name. A
        # generator is entered if the step is the first in the process to import the module.
        if code.co_qualname not in ("<lambda>", "<genexpr>"):
            parts = file.relative_to(PACKAGE).with_suffix("").parts
            module = ".".join(("spi_pipeline", *(part for part in parts if part != "__init__")))
            places.add((module, code.co_qualname.split(".")[0]))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return places


def test_every_function_that_a_step_enters_is_in_its_digest(with_outputs: Sandbox) -> None:
    runner, contracts = with_outputs.runner, with_outputs.contracts
    kinds: dict[Any, Step] = {step.does: step for step in build_plan(contracts)}
    assert len(kinds) >= 20
    missed = {}
    for does, step in kinds.items():
        inputs = runner.reader.inputs(step)
        places = entered(lambda step=step, inputs=inputs: compute(step, contracts, inputs))  # type: ignore[misc]
        assert (does.__module__, does.__name__) in places
        if left := places - code_reached((compute, does, *step.uses)):
            missed[step.label] = sorted(left)
    assert not missed


def test_a_function_missing_from_the_digest_is_noticed() -> None:
    def call() -> None:
        from spi_pipeline.run.records import age

        age("2026-11-23T00:00:00+00:00")

    assert entered(call) - code_reached((compute,)) == {("spi_pipeline.run.records", "age")}


@pytest.mark.parametrize("package", ["alerts", "cli", "contracts.lint", "orchestration", "steps.pages", "rules.kinds"])
def test_packages_that_affect_no_figure_are_not_reached(with_outputs: Sandbox, package: str) -> None:
    assert find_spec(f"spi_pipeline.{package}"), "the package was moved or renamed"
    for step in build_plan(with_outputs.contracts):
        reached = code_reached((compute, step.does, *step.uses))
        assert not [place for place in reached if place[0].startswith(f"spi_pipeline.{package}")], step.label
