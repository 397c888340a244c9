"""Running one step: compute, check against the contract, and only then write; else quarantine and keep the last good.

The rule of failure lives here, once. A source that cannot be read, or a table that breaks an error rule, never replaces
the good version: the refused one goes to quarantine, the last good one stays the input, marked stale.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.geography import SMALL_AREAS
from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.contracts.versions import CONTRACT
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.orchestration.compute import compute
from spi_pipeline.orchestration.fingerprints import contract_digests, fingerprint
from spi_pipeline.orchestration.freshness import with_freshness
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.publication import database_tables
from spi_pipeline.orchestration.reader import UNPLACED, Reader
from spi_pipeline.orchestration.records import check_row, check_rows, release_rows
from spi_pipeline.publishers.drift import drift
from spi_pipeline.rules.evaluation import evaluate_parts
from spi_pipeline.rules.result import RuleResult, summary
from spi_pipeline.rules.rule import Rule
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import ORIGINS, embedded_digest
from spi_pipeline.storage.store import Store
from spi_pipeline.storage.tables import Version

if TYPE_CHECKING:
    from spi_pipeline.orchestration.live import Live

State = Literal["written", "unchanged", "kept", "failed", "published"]
log = logging.getLogger(__name__)
COMPUTED = Rule("computed", "computed", "error", "the table could be computed from its inputs")


@dataclass(frozen=True)
class Outcome:
    """What became of one table of a step.

    Attributes:
        table: its name; the step's own for the database.
        state: ``written`` a new version; ``unchanged`` nothing to do; ``kept`` the last good version stays, stale;
            ``failed`` there is no good version; ``published`` the database was swapped.
        results: what became of each rule.
        version: the current version, if there is one.
        message: why it was kept or failed, in a sentence; empty otherwise.
    """

    table: str
    state: State
    results: tuple[RuleResult, ...] = ()
    version: Version | None = None
    message: str = ""


class Runner:
    """Runs steps of one run.

    Attributes:
        settings: where and how.
        contracts: all contracts.
        store: where tables go.
        reader: gives steps their inputs.
        live: fetches sources; None in snapshot mode.
        listen: told what became of each operation's tables as soon as it ends.
        unwritable: what the disk said when it first refused a table; from then on nothing is computed.
    """

    listen: Callable[[Sequence[Step], Sequence[Outcome]], None] | None = None
    unwritable: str = ""

    def __init__(self, settings: Settings, contracts: Contracts) -> None:
        self.settings = settings
        self.contracts = contracts
        self.store = Store(settings.store)
        self.live: Live | None = None
        if settings.mode == "live":
            # Where nothing is fetched nothing that fetches is imported.
            from spi_pipeline.orchestration.live import Live

            self.live = Live(settings.endpoints, settings.since or None, contracts, self.store, settings.snapshot)
        self.reader = Reader(self.store, contracts, settings.snapshot, self.live)
        # Taken once, beside the contracts: a file saved during a run must not pass for the one that was computed with.
        self._files = contract_digests(contracts.root)

    def fingerprint(self, step: Step) -> str:
        """The digest of everything the step's result depends on now."""
        versions = {name: self.store.current(name) for name in step.inputs}
        inputs = {name: version.sha256 for name, version in versions.items() if version}
        told: dict[str, str] = {"mode": self.settings.mode}
        if step.kind == "indicator":
            told["as_of"] = str(self.reader.as_of.year)
        if step.kind == "edition":
            told["as_of"] = self.reader.as_of.isoformat()
        if step.kind == "source":
            if self.live and self.live.covers(step.name):
                told["downloads"] = self.live.digest(step.name)
            else:
                told["embedded"] = embedded_digest(self.reader.snapshot, step.name)
            lookups = {
                SMALL_AREAS[name][0]
                for rule in self.contracts.sources[step.name].rules
                for name in rule.params.get("geographies", ())
            }
            told |= {name: embedded_digest(self.reader.snapshot, name) for name in sorted(lookups)}
        elif step.kind in ("edition", "component", "dimension", "index"):
            told["dormant"] = " ".join(sorted(self.contracts.dormant))
        if step.kind == "database":
            # It also holds what runs recorded, and so is due whenever one of them wrote or refused a table.
            told |= {name: found.stale_run_id or found.run_id for name, found in self.store.versions().items()}
        return fingerprint(step, inputs, self._files, told)

    def is_fresh(self, step: Step) -> bool:
        """Whether every output of the step is current, undamaged, and was made from what is there now."""
        try:
            found = [self.store.current(name) for name in step.outputs]
        except SpiError:  # a damaged version: made again, it is repaired
            return False
        if self.keeps(step):
            return False
        wanted = self.fingerprint(step)
        if step.kind == "database":
            return self.store.published_version() == wanted[:16]
        return all(version and version.fingerprint == wanted and not version.stale_since for version in found)

    def keeps(self, step: Step) -> bool:
        """Whether a step is a source that could not be fetched in this run: it leaves its table as it is."""
        return step.kind == "source" and self.live is not None and self.live.failed(step.name)

    def run(self, steps: Sequence[Step], run_id: str, run_at: dt.datetime) -> list[Outcome]:
        """Run steps that do not read from each other, and record what their rules found.

        Args:
            steps: the steps; those of one kind are computed one by one and judged together.
            run_id: the run they belong to.
            run_at: when that run began.

        Returns:
            One outcome for each output of each step, in order.
        """
        outcomes: list[Outcome] = []
        if self.live:
            self.live.fetch([step.name for step in steps if step.kind == "source"])
        fresh = {step: self._current(step) for step in steps if step.kind != "database" and self.is_fresh(step)}
        made = {step: fresh.get(step) or self._computed(step, run_id) for step in steps if step.kind != "database"}
        judged = self._judged(
            {name: table for found in made.values() if isinstance(found, dict) for name, table in found.items()}
        )
        for step in steps:
            found = made.get(step)
            if found is None:
                outcomes += self._publish(step, run_id)
            elif not isinstance(found, dict):
                outcomes += found
            elif fresh.get(step):
                outcomes += [
                    Outcome(name, "unchanged", (_computed(found[name]), *judged[name]), self.store.current(name))
                    for name in found
                ]
            else:
                outcomes += self._settled(step, found, judged, run_id)
        outcomes = [with_freshness(outcome, self.settings, self.reader, run_at) for outcome in outcomes]
        if self.live and not self.unwritable:
            for outcome in outcomes:
                self.live.settle(outcome.table, good=outcome.state in ("written", "unchanged"))
        self._record(steps, outcomes, run_id, run_at)
        if self.listen:
            self.listen(steps, outcomes)
        return outcomes

    def check(self, steps: Sequence[Step]) -> list[Outcome]:
        """Evaluate the rules of the current tables of some steps; nothing is written."""
        judged = self._judged({name: self.reader.table(name) for step in steps for name in step.outputs})
        return [Outcome(name, "unchanged", results, self.store.current(name)) for name, results in judged.items()]

    def _current(self, step: Step) -> dict[str, pa.Table] | None:
        """The current tables of a step, or None where one does not hold the bytes that were written."""
        try:
            return {name: self.reader.table(name) for name in step.outputs}
        except SpiError:
            return None

    def _computed(self, step: Step, run_id: str) -> dict[str, pa.Table] | list[Outcome]:
        """The tables of a step, or why there are none."""
        if self.unwritable:
            return [self._failed(name, self.unwritable) for name in step.outputs]
        try:
            return compute(step, self.contracts, self.reader)
        except (SpiError, EngineError) as error:
            about = "" if step.kind == "source" else f"{step.label}: "
            reason = f"{about}{_sentence(error)}"
        except Exception as error:
            reason = _defect(step, error, run_id)
        return [self._refuse(name, None, (), reason, "", run_id) for name in step.outputs]

    def _judged(self, tables: Mapping[str, pa.Table]) -> dict[str, tuple[RuleResult, ...]]:
        """What became of each rule of each table; parts of one product are judged together."""
        products: dict[str, dict[str, pa.Table]] = {}
        for name, table in tables.items():
            products.setdefault(name.split(".")[0], {})[name] = table
        judged: dict[str, tuple[RuleResult, ...]] = {}
        for product, parts in products.items():
            rules = self.reader.rules(contract_of(product, self.contracts).rules)
            judged |= evaluate_parts(parts, rules, product)
        return {name: judged[name] for name in tables}

    def _settled(
        self, step: Step, tables: Mapping[str, pa.Table], judged: Mapping[str, tuple[RuleResult, ...]], run_id: str
    ) -> list[Outcome]:
        """Tables of one step belong together: one refused, none replaced."""
        results = {name: (_computed(tables[name]), *judged[name]) for name in step.outputs}
        broken = [name for name in step.outputs if any(result.blocks for result in judged[name])]
        if broken:
            reason = "; ".join(summary(judged[name], table_name=name) for name in broken)
            remedy = (
                f"correct it at its origin or in {contract_of(broken[0], self.contracts).file}, then run spi refresh"
            )
            return [self._refuse(name, tables[name], results[name], reason, remedy, run_id) for name in step.outputs]
        digest = self.fingerprint(step)
        found = {name: (*results[name], *self._drift(name, tables[name])) for name in step.outputs}
        return [self._write(name, tables[name], found[name], digest, run_id) for name in step.outputs]

    def _drift(self, name: str, table: pa.Table) -> list[RuleResult]:
        """A fetched table against the one in use."""
        if self.live is None or not self.live.covers(name) or self.reader.unreadable(name):
            return []
        before = self.reader.table(name)
        return drift(table, before, self.contracts.sources[name]) if before.num_rows else []

    def _write(self, name: str, table: pa.Table, results: Sequence[RuleResult], digest: str, run_id: str) -> Outcome:
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        kept = {key: value for key, value in metadata.items() if key in (ORIGINS, UNPLACED)}
        kept[CONTRACT] = contract_of(name, self.contracts).version
        try:
            version = self.store.write(name, table, fingerprint=digest, run_id=run_id, metadata=kept)
        except SpiError as error:
            self.unwritable = self.unwritable or _sentence(error)
            return self._failed(name, self.unwritable)
        return Outcome(name, "written", tuple(results), version)

    def _failed(self, name: str, reason: str) -> Outcome:
        return Outcome(name, "failed", (RuleResult(COMPUTED, "errored", reason, COMPUTED.description),), None, reason)

    def _refuse(
        self, name: str, table: pa.Table | None, results: Sequence[RuleResult], reason: str, remedy: str, run_id: str
    ) -> Outcome:
        """Keep the last good version where there is one; ``reason`` is what was found, ``remedy`` what to do."""
        found = tuple(results) or (RuleResult(COMPUTED, "errored", reason, COMPUTED.description),)
        told = [reason]
        try:
            if table is not None:
                report = [dict(check_row(result), failing_rows=list(result.failing_rows)) for result in found]
                filed = self.store.quarantine(name, table, reason=reason, results=report, run_id=run_id)
                told.append(f"its rows are in {filed.parents[1]}")
            current = self.store.current(name) or self._embedded(name, run_id)
            if current and (other := self.reader.unreadable(name)):
                told.append(other)
                current = None
            elif current:
                current = self.store.keep(name, reason=reason, run_id=run_id)
                told.append(f"the last good version, {age(current.written_at)} old, stays in use")
            else:
                told.append("there is no earlier version, so what depends on it stops")
        except SpiError as error:  # the store itself refuses: a full disk, a damaged pointer
            return Outcome(name, "failed", found, None, f"{reason}; {_sentence(error)}")
        return Outcome(
            name, "kept" if current else "failed", found, current, "; ".join([*told, remedy] if remedy else told)
        )

    def _embedded(self, name: str, run_id: str) -> Version | None:
        """The embedded figures of a source as its first version, where it has any."""
        if self.live is None or name not in self.contracts.sources or name not in self.reader.embedded:
            return None
        table, origins = self.reader.embedded_table(name)
        metadata = {
            ORIGINS: json.dumps(origins, sort_keys=True),
            CONTRACT: self.contracts.sources[name].version,
        }
        return self.store.write(name, table, fingerprint="embedded", run_id=run_id, metadata=metadata)

    def _publish(self, step: Step, run_id: str) -> list[Outcome]:
        if self.unwritable:
            return [self._failed(step.name, self.unwritable)]
        try:
            tables = database_tables(self.contracts, self.reader, step.inputs)
            self.store.publish(tables, version=self.fingerprint(step)[:16])
        except SpiError as error:
            return [self._failed(step.name, _sentence(error))]
        except Exception as error:
            return [self._failed(step.name, _defect(step, error, run_id))]
        return [Outcome(step.name, "published")]

    def _record(self, steps: Sequence[Step], outcomes: Sequence[Outcome], run_id: str, run_at: dt.datetime) -> None:
        """Append what was found; a full disk must not hide the finding itself."""
        found = [(outcome.table, result) for outcome in outcomes for result in outcome.results]
        try:
            if found:
                self.store.append_run("check_result", run_id, check_rows(found, run_id, run_at, self.contracts))
            sources = {step.name for step in steps if step.kind == "source"}
            for outcome in outcomes:
                if outcome.table in sources and outcome.version:
                    origins = self.reader.origins(outcome.table)
                    live = self.live is not None and self.live.covers(outcome.table)
                    state = "stale" if outcome.state == "kept" else "fresh" if live else "frozen"
                    rows = release_rows(outcome.table, origins, outcome.version.rows, state, run_id, self.contracts)
                    self.store.append_run("source_release", run_id, rows)
        except SpiError as error:
            log.error("%s", error)


def _computed(table: pa.Table) -> RuleResult:
    return RuleResult(COMPUTED, "passed", f"{table.num_rows:,} rows", COMPUTED.description)


def age(moment: str) -> str:
    """How long ago an ISO 8601 moment with its zone was, in words: ``3 days``."""
    minutes = int((dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(moment)).total_seconds() // 60)
    number, unit = next(
        ((minutes // size, unit) for size, unit in ((1440, "day"), (60, "hour")) if minutes >= size),
        (minutes, "minute"),
    )
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"


def _defect(step: Step, error: Exception, run_id: str) -> str:
    """The sentence for an error of ours; its trace goes to the run's log."""
    log.error("%s broke\n%s", step.label, "".join(traceback.format_exception(error)))
    return (
        f"{step.label} broke in our own code ({type(error).__name__}: {_sentence(error)}); report it with the trace in "
        f"the log of run {run_id} (spi ui)"
    )


def _sentence(error: Exception) -> str:
    """What an error says, without the full stop: it goes on in a longer sentence."""
    return " ".join(str(error).split()).rstrip(".")
