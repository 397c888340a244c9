"""How the steps of the plan are run together and drawn; what they are is the plan's to say."""

from __future__ import annotations

from collections.abc import Sequence

from spi_pipeline.orchestration.plan import Step


def operations(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Steps that run as one operation, by its name: many operations cost, so what belongs together is grouped.

    Each source runs alone, so that one that fails stops only what depends on it; the indicators of a component, all
    components and all dimensions run together.
    """
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        if step.kind == "indicator":
            name = f"indicators_of_{step.files[0].removeprefix('indicators/').removesuffix('.yaml')}"
        elif step.kind in ("component", "dimension", "sanity"):
            name = step.group
        else:
            name = f"{step.kind}_{step.name}"
        grouped.setdefault(name, []).append(step)
    return grouped


def nearest_inputs(step: Step, plan: Sequence[Step]) -> tuple[str, ...]:
    """The inputs of a step that none of its other inputs is made of.

    The database reads nearly every table; drawn so, its lineage is one line from the index and not a fan of 80 edges.
    """
    maker = {table: made for made in plan for table in made.outputs}
    above: dict[str, frozenset[str]] = {}
    for made in plan:
        upstream = frozenset(table for name in made.inputs for table in (name, *above.get(name, ())))
        above.update(dict.fromkeys(made.outputs, upstream))
    beyond = frozenset(table for name in step.inputs for table in above[name])
    makers = {maker[name].name for name in step.inputs if name not in beyond}
    hidden = {maker[name].name for name in step.inputs if name in beyond}
    return tuple(name for name in step.inputs if maker[name].name in makers - hidden)
