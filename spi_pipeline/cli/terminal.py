"""Shows results on a terminal: progress, tables, ranks in words. Elsewhere it prints plain lines."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from spi_pipeline.orchestration.refresh import ProgressCallback, Refresh
from spi_pipeline.outputs.queries import WardTable, ward_table
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.records import age
from spi_pipeline.run.result import StepResult, quality, quality_sentence
from spi_pipeline.settings import Settings
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.store import Store

# Without a terminal, draws that take less time than this print no progress.
QUIET_SECONDS = 10.0


class _Elapsed(TimeElapsedColumn):
    """Time since a group's turn began; a group that is still waiting shows none."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.fields["begun"] else Text("")


@contextmanager
def progress_by_group(console: Console) -> Iterator[Callable[[list[Step]], ProgressCallback]]:
    """Show a bar for each group of steps on a terminal; elsewhere print a line when a group is done."""
    columns = (TextColumn("{task.description:<12}", markup=False), BarColumn(), MofNCompleteColumn(), _Elapsed())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def begin(steps: list[Step]) -> ProgressCallback:
            total = Counter(_bar_name(step) for step in steps)
            tasks = {group: bars.add_task(group, total=count, begun=False) for group, count in total.items()}
            remaining, failed = Counter(total), Counter[str]()

            def take_turn() -> None:
                """Start the clock of the first group that is not done."""
                group = next((group for group in tasks if remaining[group]), None)
                if group and not bars.tasks[tasks[group]].fields["begun"]:
                    bars.reset(tasks[group], completed=total[group] - remaining[group], begun=True)

            def advance(ended: Sequence[Step], outcomes: Sequence[StepResult]) -> None:
                refused = {outcome.table for outcome in outcomes if outcome.message}
                for step in ended:
                    group = _bar_name(step)
                    bars.advance(tasks[group])
                    remaining[group] -= 1
                    failed[group] += bool(refused.intersection(step.outputs))
                    if not remaining[group] and not console.is_terminal:
                        failures = f", {failed[group]} failed" if failed[group] else ""
                        console.print(f"{group}: {total[group] - failed[group]} done{failures}")
                take_turn()

            take_turn()
            return advance

        yield begin


@contextmanager
def draws_done(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for the draws on a terminal; elsewhere print a line per tenth, at most one every ten seconds."""
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("draws", total=None)
        printed = [time.monotonic(), 0.0]

        def tell(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)
            now, tenth = time.monotonic(), done * 10 // total
            if tenth < printed[1]:  # a new set of draws has begun
                printed[1] = 0.0
            if not console.is_terminal and now - printed[0] >= QUIET_SECONDS and tenth > printed[1]:
                console.print(f"{done:,} of {total:,} draws")
                printed[:] = now, tenth

        yield tell


def fetching_by_source(console: Console) -> Callable[[StepResult], None]:
    """Print one line for each live source that was fetched."""

    def tell(outcome: StepResult) -> None:
        succeeded = outcome.version is not None and not outcome.message
        result = _counted(outcome.version.rows, "download") if outcome.version and succeeded else "failed"
        source_id = outcome.table.removeprefix(DOWNLOADS)
        console.print(f"fetched {source_id}: {result}, {_counted(outcome.requests, 'request')}")

    return tell


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _bar_name(step: Step) -> str:
    """The name of a step's bar: the sources of all publishers share one."""
    return step.stage or step.group


def show_refresh(done: Refresh, settings: Settings, out: Console, err: Console, *, as_json: bool) -> None:
    """Print the result of a refresh: the wards, the steps run and, last and nearest the prompt, any faults."""
    states = Counter(outcome.state for outcome in done.outcomes)
    if as_json:
        summary = {"run_id": done.run_id, "state": done.state, "stale": [step.label for step in done.stale],
                   "tables": dict(states), "requests": done.requests, "faults": done.faults,
                   "warnings": done.warnings, "quality": done.quality, "renewed": done.renewed, "notices": done.notices,
                   "seconds": round(done.seconds, 2)}  # fmt: skip
        out.print_json(json.dumps(summary))
        return
    database = Store(settings.store).database
    if database.exists():
        _show_wards(ward_table(database), out)
    if not done.stale:
        out.print("Nothing had changed: no step was run.")
    else:
        counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none ended"
        out.print(f"{len(done.stale)} steps in {done.seconds:.1f} s: {counted}.")
        out.print(quality_sentence(done.quality))
    if done.renewed:
        out.print(_renewed(done.renewed), soft_wrap=True)
    out.print(f"Database: {database}" if database.exists() else "Nothing is published yet.", soft_wrap=True)
    for notice in done.notices:
        err.print(notice, style="yellow", soft_wrap=True)
    for warning in done.warnings:
        err.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    for fault in done.faults:
        err.print(fault, style="red", soft_wrap=True)


def _renewed(renewed: Mapping[str, tuple[str, str]]) -> str:
    subject = f"{counted(len(renewed), 'table')} {'was' if len(renewed) == 1 else 'were'}"
    versions = listing([f"{name} {was} (now {now})" for name, (was, now) in renewed.items()], 5)
    return f"{subject} recomputed for another version of the contract: {versions}."


def _show_wards(wards: WardTable, out: Console) -> None:
    # The newest edition is labelled with the day its figures were taken: a year would promise figures of that year.
    label = f"as of {wards.as_of:%-d %B %Y}" if wards.newest else str(wards.edition)
    table = Table(title=f"Social Progress Index {label}, profile {wards.profile}", title_justify="left")
    for name in ("ward", "score", "rank", "likely", "figures of", "coverage"):
        table.add_column(name, justify="right" if name in ("score", "rank", "coverage") else "left")
    for row in wards.rows:
        if row["level"] == "authority":
            table.add_section()
        score = "–" if row["score"] is None else f"{row['score']:.1f}"
        rank = "" if row["rank"] is None else str(row["rank"])
        table.add_row(row["area_name"], score, rank, likely(row), _years(row), f"{row['coverage']:.0%}")
        if row["level"] == "authority":
            table.add_section()
    out.print(table)


def _years(row: Mapping[str, Any]) -> str:
    first, last = row["first_year"], row["last_year"]
    return "" if first is None else str(first) if first == last else f"{first} to {last}"


def show_checks(outcomes: Sequence[StepResult], out: Console) -> None:
    """Print the rules that did not pass, then the counts."""
    results = [(outcome.table, result) for outcome in outcomes for result in outcome.results]
    for table, result in results:
        if result.outcome in ("failed", "errored"):
            out.print(
                f"{result.outcome} ({result.rule.severity}) {table}.{result.rule.id}: {result.observed}; "
                f"promised: {result.expected}",
                soft_wrap=True,
            )
    out.print(quality_sentence(quality((table, result.rule.severity, result.outcome) for table, result in results)))
    out.print("A refresh counts more checks: whether tables could be computed, and whether their figures are late.")


def show_status(status: dict[str, Any], out: Console) -> None:
    """Print the result of ``status`` as lines."""
    out.print(f"store: {status['store']}", soft_wrap=True)
    out.print(f"published: {status['published'] or 'nothing yet'}")
    out.print(f"editions: {', '.join(map(str, status['editions'])) or 'none'}")
    out.print(f"to do: {len(status['stale_steps'])} stale steps")
    for table in status["stale_tables"]:
        out.print(
            f"stale table {table['table']}: good version {age(table['written_at'])} old, refused for "
            f"{age(table['since'])}: {table['reason']}",
            style="yellow",
            soft_wrap=True,
        )
    for ticker in status["tickers"]:
        last = f"last tick {ticker['last_tick']}" if ticker["last_tick"] else "never ticked"
        out.print(f"{ticker['kind']} {ticker['name']}: {last}", soft_wrap=True)
    for trouble in status["trouble"]:
        out.print(f"trouble: {trouble}", style="yellow", soft_wrap=True)
    for run in status["runs"]:
        cause = f": {run['cause']}" if run["cause"] else ""
        steps = "" if run["stale_steps"] is None else f"{counted(run['stale_steps'], 'step')}, "
        duration = "" if run["seconds"] is None else f", {run['seconds']:.1f} s"
        summary = f"{steps}{counted(run['failed_checks'], 'failed check')}{duration}, by {run['launched_by']}"
        out.print(f"run {run['run_at']} {run['state']}: {summary}, {run['run_id']}{cause}", soft_wrap=True)


def show_table(rows: Sequence[Mapping[Any, Any]], out: Console, title: str = "") -> None:
    """Print rows as a table."""
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        table.add_column(str(name), overflow="fold")
    for row in rows:
        table.add_row(*(_plain(value) for value in row.values()))
    out.print(table)


def likely(facts: Mapping[str, Any]) -> str:
    """The interval of a rank, such as ``3rd to 7th``; empty if there is none."""
    low, high = facts["rank_low"], facts["rank_high"]
    return "" if low is None else ordinal(low) if low == high else f"{ordinal(low)} to {ordinal(high)}"


def ordinal(number: int) -> str:
    """An ordinal number in digits, such as 1st, 2nd, 3rd, 4th or 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
