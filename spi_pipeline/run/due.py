"""Which steps are due: those that are stale, those behind them, and those whose tables are to be judged again."""

import difflib
import hashlib
from collections.abc import Iterator, Sequence, Set

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.run.plan import is_table
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.inputs import AREAS, AS_OF, RECORDS, YEAR
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


def unsettled(plan: Sequence[Step], runner: Runner, stale: Set[str]) -> set[Step]:
    """What ``due`` would say on account of outputs that were kept or could not be had, and of nothing else.

    Args:
        plan: every step in order.
        runner: knows the store.
        stale: outputs whose last good version stays for want of a newer one.
    """
    found: set[Step] = set()
    changed: set[str] = set()
    for step in plan if stale else ():
        own = not stale.isdisjoint(step.outputs)
        computed = not changed.isdisjoint(step.inputs) or (own and not runner.is_fresh(step))
        if own or computed:
            found.add(step)
        if computed and not (runner.is_blocked(step) and all(map(runner.store.current, step.outputs))):
            changed.update(step.outputs)
    return found


def code_versions(plan: Sequence[Step], runner: Runner) -> dict[Step, str]:
    """The digest of each step that tells when it is stale, with no state of the store in it.

    In place of the versions of tables stand the digests of the steps that make them. So an edit changes the digest of
    whatever ``due`` would have computed for it, and a run changes none. What judges tables again alone is among what
    readers of records are made of, and of no other step. A step that fetches is due by its age, never by its code.
    """
    judgement = runner.steady()[1]
    tables = [name for step in plan for name in step.outputs if is_table(name)]
    judged = hashlib.sha256("".join(map(judgement, tables)).encode()).hexdigest()
    # In live mode the day of the newest figures and the areas follow from tables, whose versions are told apart.
    day = runner.reader.figures.as_of
    made = {AS_OF: str(day), YEAR: str(day.year)} | ({AREAS: ""} if runner.publishers else {})
    found: dict[Step, str] = {}

    def digest(name: str) -> str:
        return made.get(name) or (judged if name.startswith(RECORDS) else runner.reader.digest(name))

    for step in plan:
        found[step] = step.label if step.cadence is not None else runner.fingerprint(step, digest)
        made.update(dict.fromkeys(step.outputs, found[step]))
    return found


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
