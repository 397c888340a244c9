"""Running a step: compute, judge by the contract, and only then write; else quarantine and keep the last good version.

Only this module handles failures. An output that cannot be made, or a table that breaks an error rule, never replaces
the good version: the refused table goes to quarantine, and the last good version stays the input, marked as stale.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spi_pipeline.contracts.errors import NO_MEMORY, SpiError
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.geography import SMALL_AREAS
from spi_pipeline.contracts.versions import CONTRACT
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.publishers.drift import drift
from spi_pipeline.rules.evaluation import EMPTY_BECAUSE, evaluate_parts
from spi_pipeline.rules.result import RuleResult, summary
from spi_pipeline.run.code import Code
from spi_pipeline.run.freshness import with_freshness
from spi_pipeline.run.logs import note
from spi_pipeline.run.plan import is_table
from spi_pipeline.run.reader import Reader
from spi_pipeline.run.records import CHECK_RESULT, OUTPUT_CHECK, age, check_row, check_rows, release_rows, total_rows
from spi_pipeline.run.result import COMPUTED, StepResult
from spi_pipeline.run.staleness import fingerprint, judgement
from spi_pipeline.settings import Settings
from spi_pipeline.steps.indicator import DISPERSION, UNPLACED
from spi_pipeline.steps.inputs import DOWNLOADS, EMBEDDED
from spi_pipeline.steps.outputs.readers import OUTPUT
from spi_pipeline.steps.step import Step, compute
from spi_pipeline.storage.places import PUBLICATION
from spi_pipeline.storage.store import Store
from spi_pipeline.storage.tables import ORIGINS, Version

if TYPE_CHECKING:
    from spi_pipeline.steps.sources.publishers import Publishers

# Sources are fetched in parallel, so that a publisher that is slow, or asks clients to wait, does not delay the others.
_AT_ONCE = 6
log = logging.getLogger(__name__)
Listen = Callable[[Sequence[Step], Sequence[StepResult]], None]


class Runner:
    """Runs the steps of a run.

    Attributes:
        settings: the settings.
        contracts: all contracts.
        store: the store, to which outputs are written.
        publishers: the publishers' client; None in snapshot mode.
        reader: gives steps their inputs.
        code: digests of the code that steps reach.
        listen: called with the results of each operation as soon as it ends.
        unwritable: the error of the disk when it first refused an output; after that nothing is computed.
        stopping: whether the run was asked to stop, which its next operation does.
        deadline: of the run, by the monotonic clock; an operation that would begin later fails.
        deadline_message: a sentence for the failure of an operation after the deadline.
        overran: the same sentence once an operation has failed for that reason; empty before.
    """

    listen: Listen | None = None
    unwritable: str = ""
    stopping: bool = False
    deadline: float = math.inf
    deadline_message: str = ""
    overran: str = ""

    def __init__(self, settings: Settings, contracts: Contracts) -> None:
        self.settings = settings
        self.contracts = contracts
        self.store = Store(settings.store)
        figures = settings.figures(contracts.geography)
        self.publishers: Publishers | None = None
        if settings.mode == "live":
            # Modules that fetch are imported only if something is fetched.
            from spi_pipeline.steps.sources.publishers import Publishers

            since = settings.since or None
            self.publishers = Publishers(
                settings.endpoints, since, contracts, self.store, figures, settings.archives, settings.keys,
                settings.fetch_hours,
            )  # fmt: skip
        self.reader = Reader(self.store, contracts, figures, self.publishers)
        self.code = Code(self.store.cached("code"))

    def stop(self) -> None:
        """Ask the run to stop before its next operation, and stop fetching at once."""
        self.stopping = True
        if self.publishers:
            self.publishers.stop()

    def _raise_if_ending(self) -> None:
        """Raise if the run must end."""
        if time.monotonic() > self.deadline:
            self.overran = self.deadline_message
            raise SpiError(self.overran)
        if self.stopping:
            raise KeyboardInterrupt

    def fingerprint(self, step: Step, digest: Callable[[str], str] | None = None) -> str:
        """The current digest of everything that the step's outputs follow from."""
        digest = digest or self.reader.digest
        return fingerprint(step, self.contracts, {name: digest(name) for name in step.inputs}, self.code)

    def judgement(self, name: str) -> str:
        """The current digest of how a table is judged."""
        lookups = {table: self.reader.digest(f"{EMBEDDED}{table}") for table, _ in SMALL_AREAS.values()}
        return judgement(name, self.contracts, lookups, self.code)

    def is_fresh(self, step: Step, digest: Callable[[str], str] | None = None) -> bool:
        """Whether every output of the step exists, is undamaged, and follows from the current inputs and code."""
        try:
            versions = [self.store.current(name) for name in step.outputs]
        except SpiError:  # a damaged version, which a recomputation repairs
            return False
        if self.is_blocked(step) or not all(versions):
            return False
        if step.cadence is not None:
            now = dt.datetime.now(dt.UTC)
            due = (now - step.cadence).isoformat()
            # A date after now comes from a clock that was wrong.
            return all(
                version and not version.stale_since and due < version.written_at <= now.isoformat()
                for version in versions
            )
        current_digest = self.fingerprint(step, digest)
        return all(version and version.fingerprint == current_digest for version in versions)

    def is_judged(self, step: Step, judgement: Callable[[str], str] | None = None) -> bool:
        """Whether every table of an up-to-date step was judged by the current rules, and keeps them."""
        judgement = judgement or self.judgement
        versions = ((name, self.store.current(name)) for name in step.outputs if is_table(name))
        return all(v and v.judged == judgement(name) and not v.stale_since for name, v in versions)

    def is_blocked(self, step: Step) -> bool:
        """Whether a step reads downloads whose last fetch failed, so that it keeps its table."""
        return any(self.store.raw(name).failure() for name in _parsed(step))

    def cached_digests(self) -> tuple[Callable[[str], str], Callable[[str], str]]:
        """Cached functions for digests of inputs and of how tables are judged, valid while nothing is written."""
        return cache(self.reader.digest), cache(self.judgement)

    def run(self, steps: Sequence[Step], run_id: str, run_at: dt.datetime) -> list[StepResult]:
        """Run steps that do not read from each other, and record the results of their rules.

        Args:
            steps: the steps, computed one by one (steps that fetch, in parallel) and judged together.
            run_id: the run they belong to.
            run_at: when that run began.

        Returns:
            One outcome for each output of each step, in order.

        Raises:
            KeyboardInterrupt: if the run was asked to stop.
            SpiError: if it is past its deadline.
        """
        self._raise_if_ending()
        began = time.monotonic()
        outputs = dict(zip(steps, self._all_made(steps, run_id), strict=True))
        tables = {
            name: value
            for values in outputs.values()
            if isinstance(values, dict)
            for name, value in values.items()
            if is_table(name)
        }
        judged = self._rule_results(tables)
        outcomes: list[StepResult] = []
        for step, values in outputs.items():
            own = values if isinstance(values, list) else self._ended(step, values, judged, run_id)
            self._mark_refused_downloads(step, own)
            outcomes += own
        outcomes = [with_freshness(outcome, self.settings, self.reader, run_at) for outcome in outcomes]
        self._record(steps, outcomes, run_id, run_at)
        self._log(steps, outcomes, time.monotonic() - began)
        if self.listen:
            self.listen(steps, outcomes)
        return outcomes

    def check(self, steps: Sequence[Step]) -> list[StepResult]:
        """Evaluate the rules of the current tables of some steps; nothing is written."""
        judged = self._rule_results(
            {name: self.reader.table(name) for step in steps for name in step.outputs if is_table(name)}
        )
        return [StepResult(name, "unchanged", results, self.store.current(name)) for name, results in judged.items()]

    def _all_made(self, steps: Sequence[Step], run_id: str) -> Iterable[dict[str, Any] | list[StepResult]]:
        """The outputs or failures of each step; steps that fetch run in parallel."""
        if self.publishers is None or not any(step.cadence for step in steps):
            return [self._made(step, run_id) for step in steps]
        self.publishers.prepare()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda step: self._made(step, run_id), steps))

    def _made(self, step: Step, run_id: str) -> dict[str, Any] | list[StepResult]:
        """The outputs of a step (the current ones if they are up to date), or the results that say why it has none."""
        if self.unwritable:
            return [_failed(name, self.unwritable) for name in step.outputs]
        if step.cadence is not None and (results := self._fetched_earlier(step, run_id)):
            return results
        if (current := self._current_tables(step)) is not None:
            return current
        try:
            return compute(step, self.contracts, self.reader.inputs(step))
        except (SpiError, EngineError) as error:
            self._raise_if_ending()  # an output missing because the run must end has not failed
            names_itself = step.outputs[0].removeprefix(DOWNLOADS) in self.contracts.sources
            reason = f"{'' if names_itself else f'{step.label}: '}{_sentence(error)}"
        except MemoryError:
            reason = f"{step.label}: {NO_MEMORY}"
        except Exception as error:
            reason = _defect(step, error, run_id)
        requests = self._requests(step)
        return [self._refuse(name, None, (), reason, "", run_id, requests=requests) for name in step.outputs]

    def _fetched_earlier(self, step: Step, run_id: str) -> list[StepResult]:
        """The result of a fetch that this run has already done, from the record; empty if it has not."""
        (name,) = step.outputs
        failure, version = self.store.raw(step.name).failure(), self.store.current(name)
        if failure and failure.run_id == run_id:
            message = f"{failure.reason}; {_consequence(version)}"
            return [StepResult(name, "kept" if version else "failed", (), version, failure.reason, message)]
        return [StepResult(name, "fetched", (), version)] if version and version.run_id == run_id else []

    def _current_tables(self, step: Step) -> dict[str, Any] | None:
        """The current tables of a step, if they are undamaged and up to date."""
        if step.cadence is not None or not all(map(is_table, step.outputs)):
            return None
        try:
            return {name: self.reader.table(name) for name in step.outputs} if self.is_fresh(step) else None
        except SpiError:
            return None

    def _rule_results(self, tables: Mapping[str, pa.Table]) -> dict[str, tuple[RuleResult, ...]]:
        """The results of the rules of each table; the parts of a product are judged together."""
        products: dict[str, dict[str, pa.Table]] = {}
        for name, table in tables.items():
            products.setdefault(name.split(".")[0], {})[name] = table
        judged: dict[str, tuple[RuleResult, ...]] = {}
        for product, parts in products.items():
            judged |= evaluate_parts(parts, self.reader.rules(contract_of(product, self.contracts).rules), product)
        return judged

    def _ended(
        self, step: Step, made: Mapping[str, Any], judged: Mapping[str, tuple[RuleResult, ...]], run_id: str
    ) -> list[StepResult]:
        """Write or refuse the outputs of a step, which belong together: if one is refused, none is replaced."""
        results = {
            name: (_computed_result(made[name]), *judged[name]) if is_table(name) else () for name in step.outputs
        }
        broken = [name for name in step.outputs if any(result.blocks for result in results[name])]
        digest = self.fingerprint(step)
        if broken:
            reason = "; ".join(summary(judged[name], table_name=name) for name in broken)
            remedy = (
                f"correct it at its source or in {contract_of(broken[0], self.contracts).file}, then run spi refresh"
            )
            return [
                self._refuse(name, made[name], results[name], reason, remedy, run_id, digest=digest)
                for name in step.outputs
            ]
        with_drift = {name: (*results[name], *self._drift(step, name, made[name])) for name in step.outputs}
        return [self._write(step, name, made[name], with_drift[name], digest, run_id) for name in step.outputs]

    def _drift(self, step: Step, name: str, table: pa.Table) -> list[RuleResult]:
        """The drift of a fetched table from the version in use."""
        if not _parsed(step) or self.reader.unreadable(name):
            return []
        before = self.reader.table(name)
        return drift(table, before, self.contracts.sources[name]) if before.num_rows else []

    def _write(
        self, step: Step, name: str, made: Any, results: tuple[RuleResult, ...], digest: str, run_id: str
    ) -> StepResult:
        try:
            if name == PUBLICATION:
                inputs = {table: self.reader.digest(table) for table in step.inputs if is_table(table)}
                version = self.store.publish(made, fingerprint=digest, run_id=run_id, made_of=inputs)
                self.store.show(signed=self.contracts.publication.sign_off)
                return StepResult(name, "published", (), version)
            if name.startswith(DOWNLOADS):
                return self._write_downloads(step, name, made, run_id)
            return self._write_table(name, made, results, digest, run_id)
        except (SpiError, OSError) as error:
            self.unwritable = self.unwritable or _sentence(error)
            return _failed(name, self.unwritable)
        except Exception as error:
            if name != PUBLICATION:
                raise
            return _failed(name, _defect(step, error, run_id))

    def _write_downloads(self, step: Step, name: str, made: Any, run_id: str) -> StepResult:
        before = self.store.current(name)
        raw = self.store.raw(step.name) if self.publishers is None else self.publishers.raw(step.name)
        raw.complete(made, since=raw.since(None), run_id=run_id, at=dt.datetime.now(dt.UTC))
        version = raw.version()
        same = before and version and before.sha256 == version.sha256 and not before.stale_since
        return StepResult(name, "unchanged" if same else "fetched", (), version, requests=self._requests(step))

    def _write_table(
        self, name: str, table: pa.Table, results: tuple[RuleResult, ...], digest: str, run_id: str
    ) -> StepResult:
        judged, current = self.judgement(name), None if self.reader.unreadable(name) else self.store.current(name)
        if current and current.fingerprint == digest:
            if current.judged != judged or current.stale_since:
                current = self.store.record_check(name, judged)
            return StepResult(name, "unchanged", results, current)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        stored_metadata = {
            key: value for key, value in metadata.items() if key in (ORIGINS, UNPLACED, DISPERSION, EMPTY_BECAUSE)
        }
        stored_metadata[CONTRACT] = contract_of(name, self.contracts).version
        version = self.store.write(
            name, table, fingerprint=digest, judged=judged, run_id=run_id, metadata=stored_metadata
        )
        return StepResult(name, "written", results, version)

    def _requests(self, step: Step) -> int:
        return self.publishers.requests_sent(step.name) if self.publishers and step.cadence is not None else 0

    def _refuse(
        self,
        name: str,
        made: Any,
        results: tuple[RuleResult, ...],
        reason: str,
        remedy: str,
        run_id: str,
        *,
        digest: str = "",
        requests: int = 0,
    ) -> StepResult:
        """Keep the last good version if there is one; ``reason`` names the fault, ``remedy`` says what to do."""
        rule_results = results or _errored(name, reason)
        clauses = [reason]
        try:
            current = self.store.current(name)
            # A current table that breaks a new rule is the version in use, so there is nothing to quarantine.
            if made is not None and not (current and current.fingerprint == digest):
                report = [dict(check_row(result), failing_rows=list(result.failing_rows)) for result in rule_results]
                file = self.store.quarantine(name, made, reason=reason, results=report, run_id=run_id)
                clauses.append(f"its rows are in {file.parents[1]}")
            current = current or self._write_embedded(name, run_id)
            if current and is_table(name) and (why_unreadable := self.reader.unreadable(name)):
                clauses.append(why_unreadable)
                current = None
            else:
                current = self.store.keep(name, reason=reason, run_id=run_id)
                clauses.append(_consequence(current))
        except SpiError as error:  # the store itself fails: a full disk, a damaged pointer
            return StepResult(name, "failed", rule_results, None, reason, f"{reason}; {_sentence(error)}", requests)
        message = "; ".join([*clauses, remedy] if remedy else clauses)
        return StepResult(name, "kept" if current else "failed", rule_results, current, reason, message, requests)

    def _write_embedded(self, name: str, run_id: str) -> Version | None:
        """Write the embedded figures of a fetched source, if it has any, as its first version."""
        if name not in self.contracts.fetched or name not in self.reader.embedded:
            return None
        table = self.reader.embedded_table(name)
        metadata = {
            ORIGINS: (table.schema.metadata or {})[ORIGINS.encode()].decode(),
            CONTRACT: self.contracts.sources[name].version,
        }
        return self.store.write(name, table, fingerprint="embedded", run_id=run_id, metadata=metadata)

    def _mark_refused_downloads(self, step: Step, outcomes: Sequence[StepResult]) -> None:
        """Mark the downloads of a refused table, so that they are requested again."""
        good = all(outcome.state in ("written", "unchanged") for outcome in outcomes)
        if good or self.unwritable or self.is_blocked(step):
            return
        for name in _parsed(step):
            self.store.raw(name).refuse()

    def _record(self, steps: Sequence[Step], outcomes: Sequence[StepResult], run_id: str, run_at: dt.datetime) -> None:
        """Append the results to the records; a full disk must not hide the results themselves."""
        rule_results = [(outcome.table, result) for outcome in outcomes for result in outcome.results]
        fetched = {name for step in steps for name in step.outputs if _parsed(step)}
        kind = OUTPUT_CHECK if all(step.kind == OUTPUT for step in steps) else CHECK_RESULT
        try:
            if rule_results:
                self.store.append_run(kind, run_id, check_rows(rule_results, run_id, run_at, self.contracts))
            judged = [each for each in outcomes if each.table in self.contracts.sources and each.results]
            if judged:
                totals = [total_rows(each.table, each.results, run_id, self.contracts) for each in judged]
                self.store.append_run("outside_total", run_id, pa.concat_tables(totals))
            for outcome in outcomes:
                if outcome.table in self.contracts.sources and outcome.version:
                    origins = self.reader.origins(outcome.table)
                    live = outcome.table in fetched
                    state = "stale" if outcome.state == "kept" else "fresh" if live else "frozen"
                    rows = release_rows(outcome.table, origins, outcome.version.rows, state, run_id, self.contracts)
                    self.store.append_run("source_release", run_id, rows)
        except SpiError as error:
            # Results that cannot be recorded do not count as done: the rest of the run fails with this reason.
            self.unwritable = self.unwritable or _sentence(error)
            log.error("%s", error)

    def _log(self, steps: Sequence[Step], outcomes: Sequence[StepResult], seconds: float) -> None:
        """A line for each output; the seconds are those of the operation, whose steps are computed together."""
        step_of = {name: step for step in steps for name in step.outputs}
        for outcome in outcomes:
            step, rows = step_of[outcome.table], outcome.version.rows if outcome.version else None
            facts: dict[str, Any] = {"step": step.label, "outcome": outcome.state, "rows": rows}
            if step.name in self.contracts.sources:
                facts |= {"source": step.name, "requests": outcome.requests}
            level = logging.WARNING if outcome.message else logging.INFO
            message = outcome.message or f"{outcome.table}: {outcome.state}"
            note(message, level=level, seconds=round(seconds, 3), **facts)


def _failed(name: str, reason: str) -> StepResult:
    return StepResult(name, "failed", _errored(name, reason), None, reason, reason)


def _errored(name: str, reason: str) -> tuple[RuleResult, ...]:
    """The rule result of an output that could not be made; only a table has one."""
    return (RuleResult(COMPUTED, "errored", reason, COMPUTED.description),) if is_table(name) else ()


def _parsed(step: Step) -> list[str]:
    """The sources whose downloads a step parses."""
    return [name.removeprefix(DOWNLOADS) for name in step.inputs if name.startswith(DOWNLOADS)]


def _consequence(current: Version | None) -> str:
    if current is None:
        return "there is no earlier version, so the steps that need it were not run"
    return f"the last good version, {age(current.written_at)} old, stays in use"


def _computed_result(table: pa.Table) -> RuleResult:
    return RuleResult(COMPUTED, "passed", f"{table.num_rows:,} rows", COMPUTED.description)


def _defect(step: Step, error: Exception, run_id: str) -> str:
    """The sentence for an error in our own code, whose trace goes to the run's log."""
    log.error("%s broke\n%s", step.label, "".join(traceback.format_exception(error)))
    return (
        f"{step.label} broke in our own code ({type(error).__name__}: {_sentence(error)}); report it with the trace in "
        f"the log of run {run_id} (spi ui)"
    )


def _sentence(error: Exception) -> str:
    """The message of an error without its full stop, for use within a longer sentence."""
    return " ".join(str(error).split()).rstrip(".")
