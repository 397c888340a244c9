"""Which steps are due: those that are stale, those behind them, and those whose tables are to be judged again."""

import difflib
from collections.abc import Iterator, Sequence

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.inputs import RECORDS
from spi_pipeline.steps.outputs.readers import OUTPUT, RECORDED
from spi_pipeline.steps.step import Step


def due_steps(plan: Sequence[Step], runner: Runner, select: Sequence[str] = ()) -> list[Step]:
    """The steps to run: those that are stale, those that read from them, and those whose rules changed.

    Args:
        plan: every step in order.
        runner: knows the store.
        select: steps, as ``turnout`` or ``indicator/turnout``, or groups; with any given, only those and what they
            read from are considered.

    Raises:
        UnknownNameError: for a name that is neither a step nor a group.
    """
    return [step for step, _ in due(plan, runner, select)]


def due(plan: Sequence[Step], runner: Runner, select: Sequence[str] = ()) -> Iterator[tuple[Step, bool]]:
    """The same, each with whether it is to be computed; otherwise its tables are only judged again."""
    digest, judgement = runner.steady()
    changed: set[str] = set()
    for step in selected_steps(plan, select):
        computed = bool(changed.intersection(step.inputs)) or not runner.is_fresh(step, digest)
        if not computed and runner.is_judged(step, judgement):
            continue
        yield step, computed
        # Whatever runs is recorded, and the records are published; what becomes of outputs is recorded apart.
        if step.kind != OUTPUT:
            changed.update(f"{RECORDS}{name}" for name in RECORDED)
        # A table that is only judged again stays as it is; so does one whose source could not be fetched, unless there
        # is none yet: what reads it is stale for want of it.
        if computed and not (runner.is_blocked(step) and all(map(runner.store.current, step.outputs))):
            changed.update(step.outputs)


def selected_steps(plan: Sequence[Step], select: Sequence[str]) -> list[Step]:
    """The steps of that name or group and those they read from, in order; every step where nothing is selected."""
    if not select:
        return list(plan)
    known = {name for step in plan for name in (step.name, step.label, step.group)}
    for name in select:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            groups = ", ".join(dict.fromkeys(step.group for step in plan))
            raise UnknownNameError(
                f"there is no step or group {name!r}; "
                + (f"did you mean {near[0]!r}?" if near else f"groups: {groups}")
            )
    chosen: list[Step] = []
    wanted: set[str] = set()
    for step in reversed(plan):
        if {step.name, step.label, step.group}.intersection(select) or wanted.intersection(step.outputs):
            chosen.append(step)
            wanted.update(step.inputs)
    return chosen[::-1]
