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
from spi_pipeline.orchestration.watchdog import launched_by, root_cause, run_name, tickers
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

# Runs that ended are looked for again so long: two that end in one moment must both be found.
OVERLAP = dt.timedelta(hours=1)
# What is read on: the list of runs of the command, and the runs of Dagster's instance.
RUN, DAGSTER = "run", "dagster"
# Its success ends the failures of all others: it computes whatever is due.
REFRESH = "refresh"


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
        read: dict[str, Seen] = {}
        found, read[RUN] = self._recorded(seen[RUN])
        if instance:
            launched, read[DAGSTER] = self._launched(instance, seen[DAGSTER])
            found += launched
        events: list[Event] = []
        failing = set(lasting)
        for event in sorted(found, key=lambda event: event.at):
            over = {event.subject} if event.subject != REFRESH else {REFRESH, *failing}
            failing = failing | {event.subject} if event.failing else failing - over
            events += [event] if event.failing else [Event("run", name, False, event.at) for name in sorted(over)]
        return events, read

    def _recorded(self, seen: Seen) -> tuple[list[Event], Seen]:
        """Refreshes of the command, from its list."""
        stamps = {run_id: stamp for run_id, stamp in self.store.run_stamps(RUN).items() if run_id not in seen}
        records = [self.store.read_run(RUN, run_id) for run_id in stamps]
        events = [
            self._run(
                REFRESH,
                row["run_id"],
                row["run_at"] + dt.timedelta(seconds=row["seconds"]),
                verb="was stopped" if row["state"] == "stopped" else "failed" if row.get("cause") else "",
                cause=row.get("cause") or "",
                by="spi refresh",
            )
            for record in records
            if record
            for row in record.to_pylist()
        ]
        return events, stamps

    def _launched(self, instance: DagsterInstance, seen: Seen) -> tuple[list[Event], Seen]:
        """Runs that the list does not know: started from the UI, by a schedule or sensor, or killed."""
        from dagster import DagsterRunStatus, RunsFilter

        ended = {
            DagsterRunStatus.SUCCESS: "",
            DagsterRunStatus.FAILURE: "failed",
            DagsterRunStatus.CANCELED: "was stopped",
        }
        cursor = dt.datetime.fromisoformat(seen[""]) - OVERLAP if seen.get("") else None
        recorded = self.store.run_stamps(RUN)
        records = instance.get_run_records(
            RunsFilter(statuses=list(ended), updated_after=cursor), order_by="update_timestamp", ascending=True
        )
        events: list[Event] = []
        positions: dict[str, str] = {}
        for record in records:
            run, at = record.dagster_run, record.update_timestamp.replace(tzinfo=dt.UTC)
            positions |= {run.run_id: run.status.value, "": at.isoformat()}
            if run.run_id in recorded or run.run_id in seen:
                continue
            verb = ended[run.status]
            cause = root_cause(instance, run) if verb == "failed" else "stopped before its end" if verb else ""
            events.append(self._run(run_name(run), run.run_id, at, verb=verb, cause=cause, by=launched_by(run)))
        return events, positions

    def _run(self, name: str, run_id: str, at: dt.datetime, *, verb: str, cause: str, by: str) -> Event:
        """What became of a run; ``verb`` is empty where it ended well."""
        return Event(
            kind="run",
            subject=name,
            failing=bool(verb),
            at=at,
            title=f"the run {name} {verb}" if verb else "",
            severity="error" if verb == "failed" else "warning",
            owner=self.owner,
            observed=cause,
            expected=f"the run that {by} started ends well",
            affects="what it was to compute; readers still see the last whole state",
            ask=self.owner,
            link=f"{self.ui_url}/runs/{run_id}",
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
