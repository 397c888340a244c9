"""What Dagster compares to say of an asset that it is unsynced, so that it says what ``spi status`` says.

Dagster compares the code version of an asset and the data versions of what it is drawn behind with those that its last
materialization tells, and looks no further up. A table that was kept, or made from one that was, is materialized
nevertheless: whatever depends on an asset that came to nothing would be skipped. So its materialization tells no code
version that there could be, and it stays unsynced. What a run left out is told again where its last materialization
tells otherwise than the store: after a history that was lost, a table that came out as it was, or a cure without news.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from spi_pipeline.orchestration.dagster_internals import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
)
from spi_pipeline.run.due import due_steps, unsettled
from spi_pipeline.run.outcome import Outcome
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

Told = tuple[Step, dict[str, str]]
# In place of a code version, for people to read on the page of the asset.
KEPT, BEHIND = "none: the last good version was kept", "none: made from a last good version that was kept"


def asset_key(step: Step) -> dg.AssetKey:
    """The key of a step's asset."""
    return key_of(step.key)


def key_of(kind_and_name: tuple[str, str]) -> dg.AssetKey:
    """The key of the asset of a step of that kind and name; a word that is both is said once."""
    kind, name = kind_and_name
    # The word alone is one that Dagster keeps to itself.
    alone = "context_figures" if name == "context" else name
    return dg.AssetKey([alone] if kind == name else [kind, name])


@dataclass
class Provenance:
    """What the materializations of one run tell.

    Attributes:
        plan: every step in order.
        versions: the code version of each.
        deps: the assets each is drawn behind.
    """

    plan: Sequence[Step]
    versions: Mapping[Step, str]
    deps: Mapping[Step, Sequence[dg.AssetKey]]
    _run_id: str = ""
    _kept: set[str] = field(default_factory=set)

    def tags(self, step: Step, outcomes: Sequence[Outcome], runner: Runner, run_id: str) -> dict[str, str]:
        """Tags of the materialization of a step that replace what Dagster would tell.

        Args:
            step: the step.
            outcomes: what became of all outputs of its operation.
            runner: knows the store.
            run_id: the run it belongs to.
        """
        if self._run_id != run_id:
            found = ((name, runner.store.current(name)) for each in self.plan for name in each.outputs)
            self._run_id, self._kept = run_id, {name for name, version in found if version and version.stale_since}
        for outcome in outcomes:
            (self._kept.add if outcome.state in ("kept", "failed") else self._kept.discard)(outcome.table)
        if step not in unsettled(self.plan, runner, self._kept):
            return {}
        return {CODE_VERSION_TAG: BEHIND if self._kept.isdisjoint(step.outputs) else KEPT}

    def untold(
        self, runner: Runner, instance: dg.DagsterInstance, run_id: str
    ) -> Iterator[tuple[Step, dict[str, str]]]:
        """The steps that are up to date and not said to be, with the tags that say so; those of the run aside."""
        due = set(due_steps(self.plan, runner))
        data = {asset_key(step): version.sha256
                for step in self.plan if (version := runner.store.current(step.outputs[0]))}  # fmt: skip
        told = {record.asset_entry.asset_key: record.asset_entry.last_materialization
                for record in instance.get_asset_records([asset_key(step) for step in self.plan])}  # fmt: skip
        for step in self.plan:
            key = asset_key(step)
            last = told.get(key)
            if step in due or key not in data or (last and last.run_id == run_id):
                continue
            wanted = {CODE_VERSION_TAG: self.versions[step], DATA_VERSION_TAG: data[key]}
            for dep in self.deps[step]:
                wanted[f"{INPUT_DATA_VERSION_TAG_PREFIX}/{dep.to_user_string()}"] = data.get(dep, "")
            tags = (last.asset_materialization.tags if last and last.asset_materialization else None) or {}
            if {name: tags.get(name) for name in wanted} != wanted:
                pointers = {
                    f"{INPUT_EVENT_POINTER_TAG_PREFIX}/{dep.to_user_string()}": "NULL" for dep in self.deps[step]
                }
                yield step, wanted | pointers
