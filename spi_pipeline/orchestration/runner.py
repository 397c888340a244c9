"""Running one step: compute, check against the contract, and only then write; else quarantine and keep the last good.

The rule of failure lives here, once. A source that cannot be read, or a table that breaks an error rule, never replaces
the good version: the refused one goes to quarantine, the last good one stays the input, marked stale.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from spi_pipeline.checks.evaluation import evaluate
from spi_pipeline.checks.wording import summary
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.contracts.rules import Rule, RuleResult
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.orchestration.compute import compute, contract_of
from spi_pipeline.orchestration.fingerprints import fingerprint
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.publication import database_tables
from spi_pipeline.orchestration.reader import ORIGINS, Reader
from spi_pipeline.orchestration.records import check_row, check_rows, release_rows
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import embedded_digest
from spi_pipeline.store.store import Store
from spi_pipeline.store.tables import Version

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
        listen: told what became of each operation's tables as soon as it ends.
    """

    listen: Callable[[Sequence[Step], Sequence[Outcome]], None] | None = None

    def __init__(self, settings: Settings, contracts: Contracts) -> None:
        self.settings = settings
        self.contracts = contracts
        self.store = Store(settings.store)
        self.reader = Reader(self.store, contracts, settings.snapshot)

    def fingerprint(self, step: Step) -> str:
        """The digest of everything the step's result depends on now."""
        versions = {name: self.store.current(name) for name in step.inputs}
        inputs = {name: version.sha256 for name, version in versions.items() if version}
        told = {"mode": self.settings.mode}
        if step.kind in ("indicator", "edition"):
            told["as_of"] = self.reader.as_of.isoformat()
        if step.kind == "source":
            told["embedded"] = embedded_digest(self.reader.snapshot, step.name)
        if step.kind == "database":
            told |= {name: v.stale_run_id for name, v in self.store.versions().items() if v.stale_run_id}
        return fingerprint(step, inputs, self.contracts.root, told)

    def is_fresh(self, step: Step) -> bool:
        """Whether every output of the step is current and was made from what is there now."""
        wanted = self.fingerprint(step)
        if step.kind == "database":
            return self.store.published_version() == wanted[:16]
        found = [self.store.current(name) for name in step.outputs]
        return all(version and version.fingerprint == wanted and not version.stale_since for version in found)

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
        due = [step for step in steps if not self.is_fresh(step)]
        made = {step: self._computed(step, run_id) for step in due if step.kind != "database"}
        judged = self._judged(
            {name: table for found in made.values() if isinstance(found, dict) for name, table in found.items()}
        )
        for step in steps:
            found = made.get(step)
            if step.kind == "database":
                outcomes += self._publish(step)
            elif found is None:
                outcomes += self.check([step])
            elif isinstance(found, dict):
                outcomes += self._settled(step, found, judged, run_id)
            else:
                outcomes += found
        self._record(steps, outcomes, run_id, run_at)
        if self.listen:
            self.listen(steps, outcomes)
        return outcomes

    def check(self, steps: Sequence[Step]) -> list[Outcome]:
        """Evaluate the rules of the current tables of some steps; nothing is written."""
        judged = self._judged({name: self.store.read(name) for step in steps for name in step.outputs})
        return [Outcome(name, "unchanged", results, self.store.current(name)) for name, results in judged.items()]

    def _computed(self, step: Step, run_id: str) -> dict[str, pa.Table] | list[Outcome]:
        """The tables of a step, or why there are none."""
        try:
            return compute(step, self.contracts, self.reader)
        except (SpiError, EngineError) as error:
            reason = _sentence(error)
        except Exception as error:
            log.exception("step %s broke", step.name)
            reason = f"step {step.name} broke in our own code ({type(error).__name__}: {_sentence(error)}); see the run's log"
        return [self._refuse(name, None, (), reason, run_id) for name in step.outputs]

    def _judged(self, tables: Mapping[str, pa.Table]) -> dict[str, tuple[RuleResult, ...]]:
        """What became of each rule of each table.

        Parts of one product share its rules, and every such rule looks at rows, or at areas within the part: they are
        judged in one go, and one by one only where that finds a fault. (Great Expectations costs some 10 ms a rule,
        whatever the number of rows; 123 tables took 14 s, their products 5 s.)
        """
        judged: dict[str, tuple[RuleResult, ...]] = {}
        products: dict[str, list[str]] = {}
        for name in tables:
            products.setdefault(name.split(".")[0], []).append(name)
        for product, names in products.items():
            rules = contract_of(product, self.contracts).rules
            together = [name for name in names if tables[name].num_rows] if len(names) > 1 else []
            if len(together) > 1 and len({tables[name].schema for name in together}) == 1:
                union = pa.concat_tables([tables[name].replace_schema_metadata(None) for name in together])
                results = evaluate(union, rules, table_name=product)
                if all(result.outcome in ("passed", "skipped") for result in results):
                    judged |= dict.fromkeys(together, tuple(results))
            for name in names:
                if name not in judged:
                    judged[name] = tuple(evaluate(tables[name], rules, table_name=name))
        return {name: judged[name] for name in tables}

    def _settled(
        self, step: Step, tables: Mapping[str, pa.Table], judged: Mapping[str, tuple[RuleResult, ...]], run_id: str
    ) -> list[Outcome]:
        """Tables of one step belong together: one refused, none replaced."""
        broken = [name for name in step.outputs if any(result.blocks for result in judged[name])]
        if broken:
            reason = "; ".join(summary(judged[name], table_name=name) for name in broken)
            return [self._refuse(name, tables[name], judged[name], reason, run_id) for name in step.outputs]
        digest = self.fingerprint(step)
        return [self._write(name, tables[name], judged[name], digest, run_id) for name in step.outputs]

    def _write(self, name: str, table: pa.Table, results: Sequence[RuleResult], digest: str, run_id: str) -> Outcome:
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        kept = {key: value for key, value in metadata.items() if key == ORIGINS}
        try:
            version = self.store.write(name, table, fingerprint=digest, run_id=run_id, metadata=kept)
        except SpiError as error:
            return self._refuse(name, None, results, _sentence(error), run_id)
        return Outcome(name, "written", tuple(results), version)

    def _refuse(
        self, name: str, table: pa.Table | None, results: Sequence[RuleResult], reason: str, run_id: str
    ) -> Outcome:
        found = tuple(results) or (RuleResult(COMPUTED, "errored", reason, COMPUTED.description),)
        try:
            if table is not None:
                report = [dict(check_row(result), failing_rows=list(result.failing_rows)) for result in found]
                self.store.quarantine(name, table, reason=reason, results=report, run_id=run_id)
            if self.store.current(name) is None:
                return Outcome(name, "failed", found, None, reason)
            return Outcome(name, "kept", found, self.store.keep(name, reason=reason, run_id=run_id), reason)
        except SpiError as error:  # the store itself refuses: a full disk, a damaged pointer
            return Outcome(name, "failed", found, None, f"{reason}; {_sentence(error)}")

    def _publish(self, step: Step) -> list[Outcome]:
        try:
            tables = database_tables(self.contracts, self.reader)
            self.store.publish(tables, version=self.fingerprint(step)[:16])
        except SpiError as error:
            found = (RuleResult(COMPUTED, "errored", _sentence(error), COMPUTED.description),)
            return [Outcome(step.name, "failed", found, None, _sentence(error))]
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
                    stale = outcome.state == "kept"
                    rows = release_rows(outcome.table, origins, outcome.version.rows, stale, run_id, self.contracts)
                    self.store.append_run("source_release", run_id, rows)
        except SpiError as error:
            log.error("%s", error)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())
