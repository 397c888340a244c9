"""What is worth telling of runs, and of the schedules and sensors that start them.

Runs are read on from a position, whoever started them: the command keeps a list, all others are Dagster's. Tables,
rules and sources are for ``incidents``. Dagster is imported only where there is an instance to look at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spi_pipeline.alerts.desk import Seen
from spi_pipeline.alerts.event import Event
from spi_pipeline.orchestration.runs import REFRESH, RUN, STATES, Run, launched, recorded
from spi_pipeline.orchestration.watching.watchdog import tickers
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

# Runs that ended are looked for again so long: two that end in one moment must both be found.
OVERLAP = dt.timedelta(hours=1)
# What is read on beside the list of the command: the runs of Dagster's instance.
DAGSTER = "dagster"


@dataclass(frozen=True)
class RunIncidents:
    """What one look at the runs of a store finds.

    Attributes:
        store: the store.
        owner: who answers for the runs.
        ui_url: where people reach the UI.
        now: the moment.
    """

    store: Store
    owner: str
    ui_url: str
    now: dt.datetime

    def runs(
        self, instance: DagsterInstance | None, seen: Mapping[str, Seen], lasting: Collection[str]
    ) -> tuple[list[Event], dict[str, Seen]]:
        """Runs that failed as a whole or were stopped, and those that ended well.

        Args:
            instance: Dagster's; None where there is none.
            seen: by source, how far it was read.
            lasting: runs that are known to have failed.

        Returns:
            The events in the order the runs ended, and by source how far it is read now.
        """
        stamps = self.store.run_stamps(RUN)
        new = {run_id: stamp for run_id, stamp in stamps.items() if run_id not in seen[RUN]}
        found = recorded(self.store, new)
        read: dict[str, Seen] = {RUN: new}
        if instance:
            others, read[DAGSTER] = self._launched(instance, seen[DAGSTER], stamps)
            found += others
        events: list[Event] = []
        failing = set(lasting)
        # What is dated after now was dated by a clock that was wrong: it came before what is not.
        for event in map(self._run, sorted(found, key=lambda run: (run.heard <= self.now, run.heard))):
            # A refresh that ends well ends the failures of all others: it computes whatever is due.
            over = {event.subject} if event.subject != REFRESH else {REFRESH, *failing}
            failing = failing | {event.subject} if event.failing else failing - over
            events += [event] if event.failing else [Event("run", name, False, event.at) for name in sorted(over)]
        return events, read

    def _launched(self, instance: DagsterInstance, seen: Seen, known: Collection[str]) -> tuple[list[Run], Seen]:
        """Runs that ended and that the list does not know, and how far they are read now."""
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
        return [launched(record, instance, self.store) for record in new], positions

    def _run(self, run: Run) -> Event:
        """What became of a run; one that only kept last good versions has no cause, other records tell of those."""
        stopped = run.state == "stopped"
        verb = "was stopped" if stopped else "failed" if run.cause else ""
        return Event(
            kind="run",
            subject=run.name,
            failing=bool(verb),
            at=min(run.heard, self.now),
            title=f"the run {run.name} {verb}" if verb else "",
            severity="error" if verb == "failed" else "warning",
            owner=self.owner,
            observed=run.cause or ("stopped before its end" if stopped else ""),
            expected=f"the run that {run.launched_by} started ends well",
            affects="what it was to compute; readers still see the last whole state",
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
                    expected="ticks as long as it is switched on",
                    affects="whatever it starts or watches",
                    ask=self.owner,
                    link=f"{self.ui_url}/deployment/daemons",
                )
