"""Incidents of tables and sources, from the check results and table versions that runs left behind.

Reading resumes at the last position, and current states are read as they are now, so nothing depends on calling
this in time. ``run_incidents`` has the incidents of runs themselves; the package ``alerts`` decides whom to alert, and
how often.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from spi_pipeline.alerts.event import Event
from spi_pipeline.alerts.manager import Seen
from spi_pipeline.contracts.freshness import FRESH
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.drift import drift_ids
from spi_pipeline.run.freshness import overdue, published
from spi_pipeline.run.plan import DOWNSTREAM_OF_INDEX, build_plan, is_table, owner_of
from spi_pipeline.run.reader import Reader
from spi_pipeline.run.records import CHECK_RESULT, CHECKS, age
from spi_pipeline.run.result import COMPUTED
from spi_pipeline.settings import Settings
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.store import Store

SAMPLE_ROWS = 3
# The most dependent steps of each kind that an alert names.
NAMED = 4


@dataclass(frozen=True)
class Incidents:
    """The incidents that one look at a store finds.

    Attributes:
        settings: the settings, which name the store.
        contracts: all contracts.
        now: the moment.
    """

    settings: Settings
    contracts: Contracts
    now: dt.datetime

    @cached_property
    def store(self) -> Store:
        """The store."""
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
        """The reader of the current tables."""
        return Reader(self.store, self.contracts, self.settings.figures(self.contracts.geography))

    def checks(self, seen: Seen, ongoing: set[str]) -> tuple[list[Event], Seen]:
        """Events for rules that broke or recovered, from the rows added to ``check_result`` since the last look.

        Args:
            seen: the position reached by the last look.
            ongoing: rules known to be broken; the incident of a rule that no contract has any more is over.

        Returns:
            The events, and the new position.
        """
        new_rows: list[list[dict[str, Any]]] = []
        positions: dict[str, str] = {}
        for kind, run_id, stamp in [(name, *each) for name in CHECKS for each in self.store.run_stamps(name).items()]:
            place = run_id if kind == CHECK_RESULT else f"{kind} {run_id}"
            before, _, rows_read = seen.get(place, "").partition(" ")
            record = self.store.read_run(kind, run_id) if stamp != before else None
            if record is not None:
                positions[place] = f"{stamp} {record.num_rows}"
                new_rows.append(record.slice(int(rows_read or 0)).to_pylist())
        events: list[Event] = []
        broken = set(ongoing)
        for rows in sorted(filter(None, new_rows), key=lambda rows: (rows[0]["run_at"] <= self.now, rows[0]["run_at"])):
            for event in self._checked(rows, broken):
                broken.add(event.subject) if event.failing else broken.discard(event.subject)
                events.append(event)
        dropped = [subject for subject in sorted(broken) if _table_of(subject) not in self.maker]
        events += [Event("check", subject, failing=False, at=self.now) for subject in dropped]
        return events, positions

    def _checked(self, rows: list[dict[str, Any]], broken: set[str]) -> Iterator[Event]:
        """The events of one run for the tables it judged; a rule that it no longer evaluates for a table is over."""
        judged: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            # Freshness is judged as it is now, and a failure of the database is the failure of its run.
            if row["rule"] != FRESH and row["table_name"] in self.maker:
                judged.setdefault(row["table_name"], []).append(row)
        for table, results in judged.items():
            at, evaluated = results[0]["run_at"], {f"{table}.{row['rule']}" for row in results}
            # If the table could not be computed, its rules were not evaluated.
            if all(row["rule"] != COMPUTED.id or row["outcome"] == "passed" for row in results):
                others = {subject for subject in broken if _table_of(subject) == table} - evaluated
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

    def tables(self) -> Iterator[Event]:
        """Last good versions in use because newer ones were refused or could not be fetched, as it is now.

        The tables of a step are kept together, and are one incident.
        """
        versions = self.store.versions()
        for step in self.plan:
            stale = [versions[name] for name in step.outputs if name in versions and versions[name].stale_since]
            if not stale:
                continue
            version = stale[0]
            run_id = version.stale_run_id or ""
            refused = self.store.quarantined(version.name, run_id)
            state = "a new version is in quarantine" if refused else "no new version could be made"
            since = dt.datetime.fromisoformat(version.stale_since or version.written_at)
            yield self._about(
                version.name,
                kind="quarantine" if refused else "stale",
                subject=step.label,
                at=dt.datetime.fromisoformat(refused["quarantined_at"]) if refused else since,
                since=since,
                title=f"{step.label} is stale, {state}",
                observed=f"{version.stale_reason}; the last good version, {age(version.written_at)} old, stays in use",
                expected="a new version that keeps its rules",
                link=self._link(run_id),
            )

    def overdue(self) -> Iterator[Event]:
        """Sources that are overdue by their publisher's calendar, as it is now."""
        for source, result in overdue(self.settings, self.reader, self.now):
            due = self._due(source)
            yield self._about(
                source.id,
                kind="stale",
                subject=f"{source.id}.{FRESH}",
                at=due,
                since=due,
                title=f"{source.id} is overdue at its publisher",
                severity=result.rule.severity,
                rule=FRESH,
                observed=result.observed,
                expected=result.expected,
                link=source.properties.url,
            )

    def _due(self, source: Source) -> dt.datetime:
        """When the publisher's next figures became overdue."""
        last = published(self.reader.origins(source.id)) or self.now.date()
        late = last + dt.timedelta(days=(source.cycle_days or 0) + source.grace_days)
        return dt.datetime.combine(late, dt.time(), dt.UTC)

    def _about(self, table: str, **facts: Any) -> Event:
        """A failing event about a table, with the facts about the table."""
        step, contract = self.maker[table], contract_of(table, self.contracts)
        publisher = f"; publisher: {contract.properties.publisher}" if isinstance(contract, Source) else ""
        return Event(
            failing=True,
            affects=dependents(table, self.plan),
            ask=f"{owner_of(step, self.contracts)}, {contract.support}{publisher}",
            **{**_words(step, self.contracts), **facts},
        )

    def _link(self, run_id: str) -> str:
        return f"{self.settings.ui_url.rstrip('/')}/runs/{run_id}"


def dependents(table: str, plan: list[Step]) -> str:
    """The steps up to the index that depend on a table, directly or indirectly, in words: a few names of each kind."""
    changed, names_by_kind = {table}, dict[str, list[str]]()
    for step in plan:
        # Every component reads the list of editions; following that input would name all components for any indicator.
        if step.group not in ("basis", *DOWNSTREAM_OF_INDEX) and changed.intersection(step.inputs):
            changed.update(step.outputs)
            names_by_kind.setdefault(step.kind, []).append(step.name)
    phrases = []
    for kind, names in names_by_kind.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        phrases.append(kind if names == [kind] else f"{kind} {', '.join(names[:NAMED])}{more}")
    return "; ".join([*phrases, "the published database"])


def routing_values(contracts: Contracts) -> dict[str, set[str]]:
    """The words that alerts can be routed by: for each attribute of an event, every value it can have in any mode."""
    words: dict[str, set[str]] = {"owner": {contracts.framework.publication.owner}}  # the owner of runs
    for step in build_plan(replace(contracts, unavailable=frozenset())):
        if any(map(is_table, step.outputs)):  # a failure of any other output is an incident of its run
            for attribute, word in _words(step, contracts).items():
                words.setdefault(attribute, set()).add(word)
    tables = [*contracts.sources.values(), *contracts.products.values()]
    words["rule"] = {COMPUTED.id, FRESH, *(rule.id for table in tables for rule in table.rules)}
    words["rule"].update(*(drift_ids(source) for source in contracts.sources.values()))
    return words


def _words(step: Step, contracts: Contracts) -> dict[str, str]:
    """The words that an alert about a step's table can be routed by."""
    return {"asset": step.label, "group": step.group, "owner": owner_of(step, contracts)}


def _sample(failing_rows: str | None) -> tuple[str, ...]:
    """Failing rows in words, as the check recorded them: only the columns of the rule and of the key."""
    rows = json.loads(failing_rows) if failing_rows else []
    sentences = dict.fromkeys(", ".join(f"{name}={value}" for name, value in row.items()) for row in rows)
    return tuple(sentences)[:SAMPLE_ROWS]


def _table_of(subject: str) -> str:
    """The table of a check: the name of a table may hold a dot, the name of a rule does not."""
    return subject.rsplit(".", 1)[0]
