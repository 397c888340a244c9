"""The code and data versions of materializations, so that Dagster shows an asset as unsynced when ``spi status`` does.

Dagster compares the code version of an asset, and the data versions of its dependencies, with those of its last
materialization, and looks no further upstream. A table that was kept at its last good version, or computed from one, is
materialized nevertheless, since Dagster would otherwise skip everything that depends on it. Its materialization carries
a code version that no code can have, so the asset stays unsynced.

An asset that a run left out is materialized again if its last materialization disagrees with the store: after the
history was lost, after a table was recomputed without a change, or after a fault was cured without new data.
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
from spi_pipeline.run.due import due_because_kept, due_steps
from spi_pipeline.run.result import StepResult
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

# Shown on the asset's page in place of a code version.
KEPT, FROM_KEPT = "none: the last good version was kept", "none: made from a last good version that was kept"


def asset_key(step: Step) -> dg.AssetKey:
    """The key of a step's asset."""
    return key_of(step.key)


def key_of(kind_and_name: tuple[str, str]) -> dg.AssetKey:
    """The asset key for a step of that kind and name; a word that is both appears once."""
    kind, name = kind_and_name
    # Dagster reserves the name "context".
    alone = "context_figures" if name == "context" else name
    return dg.AssetKey([alone] if kind == name else [kind, name])


@dataclass
class Provenance:
    """The tags of the materializations of a run.

    Attributes:
        plan: every step in order.
        versions: the code version of each step.
        deps: the assets that each step depends on in the lineage.
    """

    plan: Sequence[Step]
    versions: Mapping[Step, str]
    deps: Mapping[Step, Sequence[dg.AssetKey]]
    _run_id: str = ""
    _kept: set[str] = field(default_factory=set)

    def tags(self, step: Step, outcomes: Sequence[StepResult], runner: Runner, run_id: str) -> dict[str, str]:
        """The tags of a step's materialization that replace Dagster's own.

        Args:
            step: the step.
            outcomes: the results of all outputs of its operation.
            runner: the runner, which knows the store.
            run_id: the run it belongs to.
        """
        if self._run_id != run_id:
            versions = ((name, runner.store.current(name)) for each in self.plan for name in each.outputs)
            self._run_id, self._kept = run_id, {name for name, version in versions if version and version.stale_since}
        for outcome in outcomes:
            (self._kept.add if outcome.state in ("kept", "failed") else self._kept.discard)(outcome.table)
        if step not in due_because_kept(self.plan, runner, self._kept):
            return {}
        return {CODE_VERSION_TAG: FROM_KEPT if self._kept.isdisjoint(step.outputs) else KEPT}

    def unsynced_steps(
        self, runner: Runner, instance: dg.DagsterInstance, run_id: str
    ) -> Iterator[tuple[Step, dict[str, str]]]:
        """The up-to-date steps that Dagster would show as unsynced, with the tags to correct that; none of this run."""
        due = set(due_steps(self.plan, runner))
        data = {asset_key(step): version.sha256
                for step in self.plan if (version := runner.store.current(step.outputs[0]))}  # fmt: skip
        materializations = {record.asset_entry.asset_key: record.asset_entry.last_materialization
                for record in instance.get_asset_records([asset_key(step) for step in self.plan])}  # fmt: skip
        for step in self.plan:
            key = asset_key(step)
            last = materializations.get(key)
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
