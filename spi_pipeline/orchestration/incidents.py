"""What is worth telling, read from what runs left behind: their records, table versions, the Dagster instance.

Everything is read on from a position, or looked at as it is now; nothing rests on having been called in time. Whom to
tell, and how often, is the room ``alerts``'. Dagster is imported only where there is an instance to look at.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spi_pipeline.alerts.event import Event
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.freshness import FRESH
from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.contracts.tables import Source
from spi_pipeline.orchestration.freshness import judge_freshness
from spi_pipeline.orchestration.plan import Step, build_plan
from spi_pipeline.orchestration.reader import Reader
from spi_pipeline.orchestration.runner import COMPUTED, age
from spi_pipeline.orchestration.watchdog import launched_by, root_cause, tickers
from spi_pipeline.settings import Settings
from spi_pipeline.store.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

SAMPLE_ROWS = 3
# Of the steps that depend on a table so many are named of each kind.
NAMED = 4
# Runs that ended are looked for again so long: two that end in one moment must both be found.
OVERLAP = dt.timedelta(hours=1)
# What is read on: the records of runs and of checks by run, and the runs of Dagster's instance.
RUN, CHECK_RESULT, DAGSTER = "run", "check_result", "dagster"

# How far each run was read, by its id.
Seen = Mapping[str, str]


@dataclass(frozen=True)
class Incidents:
    """What one look at a store finds.

    Attributes:
        settings: where to look.
        contracts: all contracts.
        now: the moment.
    """

    settings: Settings
    contracts: Contracts
    now: dt.datetime

    @cached_property
    def store(self) -> Store:
        """The store looked at."""
        return Store(self.settings.store)

    @cached_property
    def plan(self) -> list[Step]:
        """Every step."""
        return build_plan(self.contracts)

    @cached_property
    def maker(self) -> dict[str, Step]:
        """The step that makes each table."""
        return {table: step for step in self.plan for table in step.outputs}

    @cached_property
    def reader(self) -> Reader:
        """Reads the tables there are."""
        return Reader(self.store, self.contracts, self.settings.snapshot)

    def checks(self, seen: Seen, lasting: set[str]) -> tuple[list[Event], Seen]:
        """Rules broken and kept, from the rows added to ``check_result`` since.

        Args:
            seen: how far it was read.
            lasting: rules that are known to be broken; those that are no longer promised are over.
        """
        found: list[list[dict[str, Any]]] = []
        positions: dict[str, str] = {}
        for run_id, stamp in self.store.run_stamps(CHECK_RESULT).items():
            before, _, done = seen.get(run_id, "").partition(" ")
            record = self.store.read_run(CHECK_RESULT, run_id) if stamp != before else None
            if record is not None:
                positions[run_id] = f"{stamp} {record.num_rows}"
                found.append(record.slice(int(done or 0)).to_pylist())
        events: list[Event] = []
        broken = set(lasting)
        for rows in sorted(filter(None, found), key=lambda rows: rows[0]["run_at"]):
            for event in self._checked(rows, broken):
                broken.add(event.subject) if event.failing else broken.discard(event.subject)
                events.append(event)
        gone = [subject for subject in sorted(broken) if _table_of(subject) not in self.maker]
        events += [Event("check", subject, failing=False, at=self.now) for subject in gone]
        return events, positions

    def _checked(self, rows: list[dict[str, Any]], broken: set[str]) -> Iterator[Event]:
        """What one run says of the tables it judged; a rule it no longer asks of a table is over."""
        judged: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            # Freshness is looked at as it is now, and the database's failure is that of its run.
            if row["rule"] != FRESH and row["table_name"] in self.maker:
                judged.setdefault(row["table_name"], []).append(row)
        for table, results in judged.items():
            at, asked = results[0]["run_at"], {f"{table}.{row['rule']}" for row in results}
            if f"{table}.{COMPUTED.id}" not in asked:
                others = {subject for subject in broken if _table_of(subject) == table} - asked
                yield from (Event("check", subject, failing=False, at=at) for subject in sorted(others))
            for row in results:
                if row["outcome"] in ("failed", "errored"):
                    yield self._broken(row)
                elif row["outcome"] == "passed":
                    yield Event("check", f"{table}.{row['rule']}", failing=False, at=at)

    def _broken(self, row: Mapping[str, Any]) -> Event:
        table, rule = row["table_name"], row["rule"]
        errored = "could not be computed" if rule == COMPUTED.id else f"could not be judged by its rule {rule}"
        return self._about(
            table,
            kind="check",
            subject=f"{table}.{rule}",
            at=row["run_at"],
            title=f"{table} {errored if row['outcome'] == 'errored' else f'breaks its rule {rule}'}",
            severity=row["severity"],
            rule=rule,
            observed=row["observed"],
            expected=row["expected"],
            sample=_sample(row["failing_rows"]),
            link=self._link(row["run_id"]),
        )

    def runs(self, seen: Seen) -> tuple[list[Event], Seen]:
        """Refreshes that failed as a whole, or did not, from the list of runs."""
        stamps = self.store.run_stamps(RUN)
        records = [self.store.read_run(RUN, run_id) for run_id in stamps if run_id not in seen]
        rows = [row for record in records if record for row in record.to_pylist()]
        events = [
            self._run("refresh", row["run_id"], row["run_at"], failing=bool(row.get("cause")), cause=row.get("cause"))
            for row in sorted(rows, key=lambda row: row["run_at"])
        ]
        return events, {run_id: stamp for run_id, stamp in stamps.items() if run_id not in seen}

    def launched(self, instance: DagsterInstance, seen: Seen) -> tuple[list[Event], Seen]:
        """Runs that the list of runs does not know: started from the UI, by a schedule or sensor, or killed."""
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
            cause = root_cause(instance, run) if verb == "failed" else "stopped before its end" if verb else None
            name = "refresh" if "spi/store" in run.tags else run.job_name
            events.append(
                self._run(name, run.run_id, at, failing=bool(verb), verb=verb, cause=cause, by=launched_by(run))
            )
        return events, positions

    def tables(self) -> Iterator[Event]:
        """Last good versions in use because newer ones were refused or could not be had, as it is now."""
        for version in self.store.versions().values():
            if not version.stale_since or version.name not in self.maker:
                continue
            run_id = version.stale_run_id or ""
            refused = self.store.quarantined(version.name, run_id)
            what = "a new version is in quarantine" if refused else "no new version could be had"
            since = dt.datetime.fromisoformat(version.stale_since)
            yield self._about(
                version.name,
                kind="quarantine" if refused else "stale",
                subject=version.name,
                at=dt.datetime.fromisoformat(refused["quarantined_at"]) if refused else since,
                since=since,
                title=f"{version.name} is stale, {what}",
                observed=f"{version.stale_reason}; the last good version, {age(version.written_at)} old, stays in use",
                expected="a new version that keeps its rules",
                link=self._link(run_id),
            )

    def overdue(self) -> Iterator[Event]:
        """Sources that are older than their publisher's calendar lets one expect, as it is now."""
        for source in self.contracts.sources.values():
            if source.properties.mode == "frozen" or self.store.current(source.id) is None:
                continue
            result = judge_freshness(source, self.settings, self.reader, self.now)
            if result.outcome == "failed":
                yield self._about(
                    source.id,
                    kind="stale",
                    subject=f"{source.id}.{FRESH}",
                    at=self.now,
                    title=f"{source.id} is overdue at its publisher",
                    severity=result.rule.severity,
                    rule=FRESH,
                    observed=result.observed,
                    expected=result.expected,
                    link=source.properties.url,
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
                    owner=self.contracts.framework.publication.owner,
                    observed=ticker.trouble,
                    expected="ticks as long as it is switched on",
                    affects="whatever it starts or watches",
                    ask=self.contracts.framework.publication.owner,
                    link=f"{self.settings.ui_url.rstrip('/')}/deployment/daemons",
                )

    def _run(
        self, name: str, run_id: str, at: dt.datetime, *, failing: bool, cause: str | None, verb: str = "failed",
        by: str = "spi refresh",
    ) -> Event:  # fmt: skip
        owner = self.contracts.framework.publication.owner
        return Event(
            kind="run",
            subject=name,
            failing=failing,
            at=at,
            title=f"the run {name} {verb}" if failing else "",
            severity="error" if verb == "failed" else "warning",
            owner=owner,
            observed=cause or "",
            expected=f"the run that {by} started ends well",
            affects="what it was to compute; readers still see the last whole state",
            ask=owner,
            link=self._link(run_id),
        )

    def _about(self, table: str, **facts: Any) -> Event:
        """A failing event about a table, with what is known of the table."""
        step = self.maker.get(table)
        owner = self.contracts.framework.publication.owner
        return Event(
            failing=True,
            asset=table,
            group=step.group if step else "published",
            owner=owner,
            affects=dependents(table, self.plan),
            ask=self._ask(table, owner),
            **facts,
        )

    def _ask(self, table: str, owner: str) -> str:
        try:
            contract = contract_of(table, self.contracts)
        except SpiError:
            return owner
        return f"{owner}; publisher: {contract.properties.publisher}" if isinstance(contract, Source) else owner

    def _link(self, run_id: str) -> str:
        return f"{self.settings.ui_url.rstrip('/')}/runs/{run_id}"


def dependents(table: str, plan: list[Step]) -> str:
    """What is computed from a table, however indirectly, in words: a few names of each kind."""
    changed, found = {table}, dict[str, list[str]]()
    for step in plan:
        # Every component reads which editions there are; followed, that would name all of them for any indicator.
        if step.kind != "edition" and changed.intersection(step.inputs):
            changed.update(step.outputs)
            found.setdefault(step.kind, []).append(step.name)
    told = []
    for kind, names in found.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        told.append(f"{kind} {', '.join(names[:NAMED])}{more}")
    return "; ".join(told)


def _sample(failing_rows: str | None) -> tuple[str, ...]:
    """Failing rows in words, as the check kept them: columns of the rule and of the key, no others."""
    rows = json.loads(failing_rows) if failing_rows else []
    return tuple(", ".join(f"{name}={value}" for name, value in row.items()) for row in rows[:SAMPLE_ROWS])


def _table_of(subject: str) -> str:
    """The table of a check: its name may hold a dot, that of a rule does not."""
    return subject.rsplit(".", 1)[0]
