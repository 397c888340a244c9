"""The steps that are due: stale steps, the steps downstream of them, and steps whose tables must be judged again."""

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
        runner: the runner, which knows the store.
        select: steps, as ``turnout`` or ``indicator/turnout``, or groups; a selection restricts the result to these
            steps and all upstream of them.

    Raises:
        UnknownNameError: if a name is neither a step nor a group.
    """
    return [step for step, _ in due(plan, runner, select)]


def due(plan: Sequence[Step], runner: Runner, select: Sequence[str] = ()) -> Iterator[tuple[Step, bool]]:
    """The same steps, each with whether it must be computed; if not, its tables are only judged again."""
    digest, judgement = runner.cached_digests()
    changed: set[str] = set()
    for step in selected_steps(plan, select):
        computed = bool(changed.intersection(step.inputs)) or not runner.is_fresh(step, digest)
        if not computed and runner.is_judged(step, judgement):
            continue
        yield step, computed
        # Every step that runs is recorded, and the records are published; results of outputs have separate records.
        if step.kind != OUTPUT:
            changed.update(f"{RECORDS}{name}" for name in RECORDED)
        # A table that is only judged again does not change. Nor does a table whose source could not be fetched, unless
        # there is no version yet: then the steps that read it are stale because it is missing.
        if computed and not (runner.is_blocked(step) and all(map(runner.store.current, step.outputs))):
            changed.update(step.outputs)


def due_because_kept(plan: Sequence[Step], runner: Runner, stale: Set[str]) -> set[Step]:
    """The steps that are due only because outputs were kept or could not be fetched.

    Args:
        plan: every step in order.
        runner: the runner, which knows the store.
        stale: outputs whose last good version was kept because there is no newer one.
    """
    steps: set[Step] = set()
    changed: set[str] = set()
    for step in plan if stale else ():
        own = not stale.isdisjoint(step.outputs)
        computed = not changed.isdisjoint(step.inputs) or (own and not runner.is_fresh(step))
        if own or computed:
            steps.add(step)
        if computed and not (runner.is_blocked(step) and all(map(runner.store.current, step.outputs))):
            changed.update(step.outputs)
    return steps


def code_versions(plan: Sequence[Step], runner: Runner) -> dict[Step, str]:
    """A digest of each step that changes when an edit makes the step stale, independent of the state of the store.

    The digests of the steps that make tables stand in for the versions of those tables. So an edit changes the digest
    of every step that ``due`` would compute because of it, and a run changes no digest. An edit that only causes tables
    to be judged again changes only the digests of steps that read records, and of the steps after those. A step that
    fetches is due by its age, never by its code.
    """
    judgement = runner.cached_digests()[1]
    tables = [name for step in plan for name in step.outputs if is_table(name)]
    judged = hashlib.sha256("".join(map(judgement, tables)).encode()).hexdigest()
    # In live mode the day of the newest figures and the areas follow from tables, which have versions of their own.
    day = runner.reader.figures.as_of
    made = {AS_OF: str(day), YEAR: str(day.year)} | ({AREAS: ""} if runner.publishers else {})
    digests: dict[Step, str] = {}

    def digest(name: str) -> str:
        return made.get(name) or (judged if name.startswith(RECORDS) else runner.reader.digest(name))

    for step in plan:
        digests[step] = step.label if step.cadence is not None else runner.fingerprint(step, digest)
        made.update(dict.fromkeys(step.outputs, digests[step]))
    return digests


def selected_steps(plan: Sequence[Step], select: Sequence[str]) -> list[Step]:
    """The steps of these names or groups and all upstream of them, in order; every step if nothing is selected."""
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
