"""How results look on a terminal: progress, tables, ranks in words. Plain lines where there is none."""

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

from spi_pipeline.orchestration.refresh import Refresh, Tell
from spi_pipeline.outputs.queries import WardTable, ward_table
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.outcome import Outcome, quality, told
from spi_pipeline.run.records import age
from spi_pipeline.settings import Settings
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.store import Store

# Draws that take no longer are not told of where there is no terminal.
QUIET_SECONDS = 10.0


class _Elapsed(TimeElapsedColumn):
    """Time since a group's turn came; a group whose turn has not come shows none."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.fields["begun"] else Text("")


@contextmanager
def progress_by_group(console: Console) -> Iterator[Callable[[list[Step]], Tell]]:
    """A bar for each group of steps on a terminal; elsewhere one line when a group is done."""
    columns = (TextColumn("{task.description:<12}", markup=False), BarColumn(), MofNCompleteColumn(), _Elapsed())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def begin(steps: list[Step]) -> Tell:
            total = Counter(_shown(step) for step in steps)
            tasks = {group: bars.add_task(group, total=count, begun=False) for group, count in total.items()}
            left, failed = Counter(total), Counter[str]()

            def take_turn() -> None:
                """The first group that is not done has its turn."""
                group = next((group for group in tasks if left[group]), None)
                if group and not bars.tasks[tasks[group]].fields["begun"]:
                    bars.reset(tasks[group], completed=total[group] - left[group], begun=True)

            def tell(ended: Sequence[Step], outcomes: Sequence[Outcome]) -> None:
                refused = {outcome.table for outcome in outcomes if outcome.message}
                for step in ended:
                    group = _shown(step)
                    bars.advance(tasks[group])
                    left[group] -= 1
                    failed[group] += bool(refused.intersection(step.outputs))
                    if not left[group] and not console.is_terminal:
                        lost = f", {failed[group]} failed" if failed[group] else ""
                        console.print(f"{group}: {total[group] - failed[group]} done{lost}")
                take_turn()

            take_turn()
            return tell

        yield begin


@contextmanager
def draws_done(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar for the draws on a terminal; elsewhere a line for another tenth where it takes ten seconds and more."""
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("draws", total=None)
        told = [time.monotonic(), 0.0]

        def tell(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)
            now, tenth = time.monotonic(), done * 10 // total
            if tenth < told[1]:  # other draws have begun
                told[1] = 0.0
            if not console.is_terminal and now - told[0] >= QUIET_SECONDS and tenth > told[1]:
                console.print(f"{done:,} of {total:,} draws")
                told[:] = now, tenth

        yield tell


def fetching_by_source(console: Console) -> Callable[[Outcome], None]:
    """One line for each live source that was asked for."""

    def tell(outcome: Outcome) -> None:
        got = outcome.version is not None and not outcome.message
        said = _counted(outcome.version.rows, "download") if outcome.version and got else "failed"
        source_id = outcome.table.removeprefix(DOWNLOADS)
        console.print(f"fetched {source_id}: {said}, {_counted(outcome.requests, 'request')}")

    return tell


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _shown(step: Step) -> str:
    """The sources of all publishers make one bar."""
    return step.stage or step.group


def show_refresh(done: Refresh, settings: Settings, out: Console, err: Console, *, as_json: bool) -> None:
    """The closing words of a refresh: the wards, what was done and, nearest the prompt, what went wrong."""
    states = Counter(outcome.state for outcome in done.outcomes)
    if as_json:
        found = {"run_id": done.run_id, "state": done.state, "stale": [step.label for step in done.stale],
                 "tables": dict(states), "requests": done.requests, "faults": done.faults, "warnings": done.warnings,
                 "quality": done.quality, "renewed": done.renewed, "told": done.told,
                 "seconds": round(done.seconds, 2)}  # fmt: skip
        out.print_json(json.dumps(found))
        return
    database = Store(settings.store).database
    if database.exists():
        _show_wards(ward_table(database), out)
    if not done.stale:
        out.print("Nothing had changed: no step was run.")
    else:
        counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none ended"
        out.print(f"{len(done.stale)} steps in {done.seconds:.1f} s: {counted}.")
        out.print(told(done.quality))
    if done.renewed:
        out.print(_renewed(done.renewed), soft_wrap=True)
    out.print(f"Database: {database}" if database.exists() else "Nothing is published yet.", soft_wrap=True)
    for told_too in done.told:
        err.print(told_too, style="yellow", soft_wrap=True)
    for warning in done.warnings:
        err.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    for fault in done.faults:
        err.print(fault, style="red", soft_wrap=True)


def _renewed(renewed: Mapping[str, tuple[str, str]]) -> str:
    tables = f"{counted(len(renewed), 'table')} {'was' if len(renewed) == 1 else 'were'}"
    shown = listing([f"{name} {was} (now {now})" for name, (was, now) in renewed.items()], 5)
    return f"{tables} of another version of their contract and made anew: {shown}."


def _show_wards(found: WardTable, out: Console) -> None:
    # The newest edition stands for the day its figures were taken: its year alone would promise figures of that year.
    named = f"as of {found.as_of:%-d %B %Y}" if found.newest else str(found.edition)
    table = Table(title=f"Social Progress Index {named}, profile {found.profile}", title_justify="left")
    for name in ("ward", "score", "rank", "likely", "figures of", "coverage"):
        table.add_column(name, justify="right" if name in ("score", "rank", "coverage") else "left")
    for row in found.rows:
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


def show_checks(outcomes: Sequence[Outcome], out: Console) -> None:
    """Rules that did not pass, then the counts."""
    results = [(outcome.table, result) for outcome in outcomes for result in outcome.results]
    for table, result in results:
        if result.outcome in ("failed", "errored"):
            out.print(
                f"{result.outcome} ({result.rule.severity}) {table}.{result.rule.id}: {result.observed}; "
                f"promised: {result.expected}",
                soft_wrap=True,
            )
    out.print(told(quality((table, result.rule.severity, result.outcome) for table, result in results)))
    out.print("A refresh counts more: whether tables could be computed and their figures are late belongs to a run.")


def show_status(found: dict[str, Any], out: Console) -> None:
    """What ``status`` found, in lines."""
    out.print(f"store: {found['store']}", soft_wrap=True)
    out.print(f"published: {found['published'] or 'nothing yet'}")
    out.print(f"editions: {', '.join(map(str, found['editions'])) or 'none'}")
    out.print(f"to do: {len(found['stale_steps'])} stale steps")
    for table in found["stale_tables"]:
        out.print(
            f"stale table {table['table']}: good version {age(table['written_at'])} old, refused for "
            f"{age(table['since'])}: {table['reason']}",
            style="yellow",
            soft_wrap=True,
        )
    for ticker in found["tickers"]:
        last = f"last tick {ticker['last_tick']}" if ticker["last_tick"] else "never ticked"
        out.print(f"{ticker['kind']} {ticker['name']}: {last}", soft_wrap=True)
    for trouble in found["trouble"]:
        out.print(f"trouble: {trouble}", style="yellow", soft_wrap=True)
    for run in found["runs"]:
        why = f": {run['cause']}" if run["cause"] else ""
        steps = "" if run["stale_steps"] is None else f"{counted(run['stale_steps'], 'step')}, "
        took = "" if run["seconds"] is None else f", {run['seconds']:.1f} s"
        did = f"{steps}{counted(run['failed_checks'], 'failed check')}{took}, by {run['launched_by']}"
        out.print(f"run {run['run_at']} {run['state']}: {did}, {run['run_id']}{why}", soft_wrap=True)


def show_table(rows: Sequence[Mapping[Any, Any]], out: Console, title: str = "") -> None:
    """Rows as a table."""
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        table.add_column(str(name), overflow="fold")
    for row in rows:
        table.add_row(*(_plain(value) for value in row.values()))
    out.print(table)


def likely(facts: Mapping[str, Any]) -> str:
    """The interval of a rank, such as 3rd to 7th; nothing where there is none."""
    low, high = facts["rank_low"], facts["rank_high"]
    return "" if low is None else ordinal(low) if low == high else f"{ordinal(low)} to {ordinal(high)}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
