"""How the steps of the plan are run together and drawn; what they are is the plan's to say."""

from __future__ import annotations

from collections.abc import Sequence

from spi_pipeline.orchestration.plan import Step

# What is said of the finished index, and what readers see.
BEHIND_INDEX = ("analysis", "published")


def operations(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Steps that run as one operation, by its name: many operations cost, so what belongs together is grouped.

    Each source runs alone, so that one that fails stops only what depends on it; the indicators of a component, all
    components and all dimensions run together.
    """
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        if step.kind == "indicator":
            name = f"indicators_of_{step.files[0].removeprefix('indicators/').removesuffix('.yaml')}"
        elif step.kind in ("component", "dimension"):
            name = step.group
        elif step.kind == "sanity":
            name = step.kind
        else:
            name = f"{step.kind}_{step.name}"
        grouped.setdefault(name, []).append(step)
    return grouped


def drawn_inputs(plan: Sequence[Step]) -> dict[Step, tuple[str, ...]]:
    """The inputs of each step that are drawn as lines, so that the lineage reads from left to right and not as a web.

    What is made of an input stands for it: a source is drawn where it is read first. Behind the index only the last are
    drawn: looks at the index and the database read nearly every table, which would be a fan of 80 lines.
    """
    index = next(step.outputs[0] for step in plan if step.kind == "index")
    maker = {table: step for step in plan for table in step.outputs}
    above: dict[str, frozenset[Step]] = {}
    drawn: dict[Step, tuple[str, ...]] = {}
    for step in plan:
        behind = step.group in BEHIND_INDEX
        inputs = tuple(dict.fromkeys((*step.inputs, index))) if behind else step.inputs
        beyond = frozenset[Step]().union(*(above[name] for name in inputs))
        drawn[step] = tuple(
            name for name in inputs if maker[name] not in beyond or not (behind or maker[name].kind == "source")
        )
        above |= dict.fromkeys(step.outputs, beyond.union(maker[name] for name in inputs))
    return drawn
