"""How the steps of the plan are run together and drawn in Dagster; what they are is the plan's to say."""

from __future__ import annotations

from collections.abc import Sequence

from spi_pipeline.run.plan import BEHIND_INDEX
from spi_pipeline.steps.step import Step


def operations(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Steps that run as one operation, by its name: many operations cost, so what belongs together is grouped."""
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        grouped.setdefault(step.operation or "_".join(step.key), []).append(step)
    return grouped


def drawn_inputs(plan: Sequence[Step]) -> dict[Step, tuple[str, ...]]:
    """The inputs of each step that are drawn as lines, so that the lineage reads from left to right and not as a web.

    What is made of an input stands for it: a source and the basis are drawn where they are read first. Behind the index
    only the last are drawn: looks at the index and the publication read nearly every table, which would be a fan of 80
    lines.
    """
    index = next(step.outputs[0] for step in plan if step.group == "index")
    maker = {table: step for step in plan for table in step.outputs}
    above: dict[str, frozenset[Step]] = {}
    drawn: dict[Step, tuple[str, ...]] = {}
    for step in plan:
        behind = step.group in BEHIND_INDEX
        read = tuple(name for name in step.inputs if name in maker)
        inputs = tuple(dict.fromkeys((*read, index))) if behind else read
        beyond = frozenset[Step]().union(*(above[name] for name in inputs))
        once = {made for made in beyond if behind or made.stage == "sources" or made.group == "basis"}
        drawn[step] = tuple(name for name in inputs if maker[name] not in once)
        above |= dict.fromkeys(step.outputs, beyond.union(maker[name] for name in inputs))
    return drawn
