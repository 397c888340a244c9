"""Incidents of runs, and of the schedules and sensors that start them.

Reading resumes at the last position: runs of the command come from its list, all others from Dagster's instance.
``incidents`` has the incidents of tables, rules and sources. Dagster is imported only if there is an instance to read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spi_pipeline.alerts.event import Event
from spi_pipeline.alerts.manager import Seen
from spi_pipeline.orchestration.runs import REFRESH, RUN, STATES, Run, recorded, run_from_dagster
from spi_pipeline.orchestration.watching.watchdog import tickers
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

# Ended runs are looked up again for this long, since two that end at the same moment must both be found.
OVERLAP = dt.timedelta(hours=1)
# The position in the runs of Dagster's instance, next to that in the command's list.
DAGSTER = "dagster"


@dataclass(frozen=True)
class RunIncidents:
    """The incidents that one look at the runs of a store finds.

    Attributes:
        store: the store.
        owner: the owner of the runs.
        ui_url: where people reach the UI.
        now: the moment.
    """

    store: Store
    owner: str
    ui_url: str
    now: dt.datetime

    def runs(
        self, instance: DagsterInstance | None, seen: Mapping[str, Seen], ongoing: Collection[str]
    ) -> tuple[list[Event], dict[str, Seen]]:
        """Runs that failed as a whole or were stopped, and those that ended well.

        Args:
            instance: Dagster's instance; None if there is none.
            seen: the position of the last look, for the list and for the instance.
            ongoing: runs known to have failed.

        Returns:
            The events in the order in which the runs ended, and the new positions.
        """
        stamps = self.store.run_stamps(RUN)
        new = {run_id: stamp for run_id, stamp in stamps.items() if run_id not in seen[RUN]}
        ended = recorded(self.store, new)
        read: dict[str, Seen] = {RUN: new}
        if instance:
            others, read[DAGSTER] = self._launched(instance, seen[DAGSTER], stamps)
            ended += others
        events: list[Event] = []
        failing = set(ongoing)
        # A date after now comes from a clock that was wrong: such runs sort before all others.
        for event in map(self._run, sorted(ended, key=lambda run: (run.updated <= self.now, run.updated))):
            # A refresh that succeeds ends the incidents of all other runs, since it computes everything that is due.
            resolved = {event.subject} if event.subject != REFRESH else {REFRESH, *failing}
            failing = failing | {event.subject} if event.failing else failing - resolved
            events += [event] if event.failing else [Event("run", name, False, event.at) for name in sorted(resolved)]
        return events, read

    def _launched(self, instance: DagsterInstance, seen: Seen, known: Collection[str]) -> tuple[list[Run], Seen]:
        """Ended runs that are not in the command's list, and the new position."""
        from dagster import DagsterRunStatus, RunsFilter

        read_to = dt.datetime.fromisoformat(seen[""]) if seen.get("") else None
        ended = RunsFilter(
            statuses=list(map(DagsterRunStatus, STATES)),
            updated_after=read_to - OVERLAP if read_to and read_to <= self.now else None,
        )
        records = instance.get_run_records(ended, order_by="update_timestamp", ascending=True)
        positions = {record.dagster_run.run_id: record.dagster_run.status.value for record in records}
        updated = [record.update_timestamp.replace(tzinfo=dt.UTC) for record in records]
        if past := [moment for moment in updated if moment <= self.now]:
            positions[""] = past[-1].isoformat()
        new = [record for record in records if record.dagster_run.run_id not in {*known, *seen}]
        return [run_from_dagster(record, instance, self.store) for record in new], positions

    def _run(self, run: Run) -> Event:
        """The event for a run; a run that only kept last good versions has no cause, and other events report those."""
        stopped = run.state == "stopped"
        verb = "was stopped" if stopped else "failed" if run.cause else ""
        return Event(
            kind="run",
            subject=run.name,
            failing=bool(verb),
            at=min(run.updated, self.now),
            title=f"the run {run.name} {verb}" if verb else "",
            severity="error" if verb == "failed" else "warning",
            owner=self.owner,
            observed=run.cause or ("stopped before its end" if stopped else ""),
            expected=f"the run that {run.launched_by} started succeeds",
            affects="the tables that it should have computed; readers still see the last publication",
            ask=self.owner,
            link=f"{self.ui_url}/runs/{run.run_id}",
        )

    def silent(self, instance: DagsterInstance) -> Iterator[Event]:
        """Schedules and sensors that are switched on and do not tick, as it is now."""
        for ticker in tickers(instance, self.now):
            if ticker.trouble:
                yield Event(
                    kind="silent",
                    subject=ticker.name,
                    failing=True,
                    at=ticker.since or self.now,
                    since=ticker.since,
                    title=f"the {ticker.kind} {ticker.name} does not tick",
                    owner=self.owner,
                    observed=ticker.trouble,
                    expected="it ticks as long as it is switched on",
                    affects="everything that it starts or watches",
                    ask=self.owner,
                    link=f"{self.ui_url}/deployment/daemons",
                )
