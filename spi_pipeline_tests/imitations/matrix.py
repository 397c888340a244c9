"""Every fault at every publisher, through the real command: ``python -m spi_pipeline_tests.imitations.matrix``.

For each publisher it first fetches one source without a fault. Then, for each fault, it deletes the stored responses
and runs ``spi refresh --live --select source/…`` while the publisher has the fault. It notes how the command ended, how
many requests it made, what happened to the table, and the message on standard error. Waits between tries are cut short,
which changes nothing else.

It prints the two Markdown tables of docs/publishers.md, and prints each run's message on standard error. Publishers
named as arguments are the only ones tried. Two publishers are tried in parallel.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from spi_pipeline.cli import app, console
from spi_pipeline.publishers.http.pace import Timeouts
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.imitations.faults import DRIPS
from spi_pipeline_tests.imitations.fixtures import SERVED
from spi_pipeline_tests.imitations.server import Publishers, local_publishers

_MONTH, _ARCHIVED = "2024-03", "2023-10"
_ALL = tuple(SERVED)
_TABLES = tuple(name for name, served in SERVED.items() if served.column)
_ZIPS = ("police_bucket", "nhs_files", "govuk_assets")
# Bodies large enough that resuming a broken download is worthwhile.
_LARGE = ("police_bucket",)
# The client gives up on dripping responses after a second or two, not after minutes.
_IMPATIENT = Timeouts(header=2.0, body=1.0, refusal=0.2)
# How many characters of a message the table shows.
_SHOWN = 230


@dataclass(frozen=True)
class FaultCase:
    """One fault as the matrix knows it.

    Attributes:
        title: its name in the table.
        kind: the kind of fault, see ``faults.KINDS``.
        at: the publishers it makes sense for.
        times: how many requests meet it; None for all.
        options: options of the fault.
        forget: whether stored responses are deleted first, so that the refresh requests everything again.
        then: another kind, which later requests meet.
        setting: a setting of ``messages.Site`` that is on during the fault.
    """

    title: str
    kind: str
    at: Sequence[str] = _ALL
    times: int | None = None
    options: Mapping[str, Any] | None = None
    forget: bool = True
    then: str = ""
    setting: str = ""


FAULT_CASES = (
    FaultCase("latency", "latency", times=3, options={"seconds": 0.2}),
    FaultCase("one reset", "reset", times=1),
    FaultCase("one cut body", "cut_body", times=1),
    FaultCase("503 twice", "503", times=2),
    FaultCase("429 twice, Retry-After in seconds", "429", times=2, options={"retry_after": "1"}),
    FaultCase("429, Retry-After as a date", "429", times=1, options={"retry_after": "date:1"}),
    FaultCase("broken midway, the rest sent", "reset_midway", _LARGE, times=1),
    FaultCase("broken midway, all sent again", "reset_midway", _LARGE, times=1, then="no_ranges"),
    FaultCase("broken midway, another version since", "reset_midway", _LARGE, times=1, then="republished"),
    FaultCase("a byte another, once", "another_byte", _LARGE, times=1),
    FaultCase("a byte another for good", "another_byte", _LARGE),
    FaultCase("another MD5 than published", "republished", ("police_bucket",), setting="police_sums"),
    FaultCase("header drips", "drip_header"),
    FaultCase("body drips", "drip_body"),
    FaultCase("body drips in chunks", "drip_chunks"),
    FaultCase("error drips", "drip_error"),
    FaultCase("429 for good", "429"),
    FaultCase("429, come back tomorrow", "429", options={"retry_after": "86400"}),
    FaultCase("500 for good", "500"),
    FaultCase("503 for good", "503"),
    FaultCase("reset for good", "reset"),
    FaultCase("reset midway for good", "reset_midway"),
    FaultCase("cut body for good", "cut_body"),
    FaultCase("gzip stream cut", "cut_gzip", tuple(name for name in _ALL if name not in _ZIPS)),
    FaultCase("file cut, length as cut", "cut_file", _ZIPS),
    FaultCase("page declared as HTML", "html", tuple(name for name in _ALL if name != "nhs_pages")),
    FaultCase("page in place of data", "html_as_is"),
    FaultCase("empty body", "empty"),
    FaultCase("error as JSON, status 200", "json_error"),
    FaultCase("400", "400"),
    FaultCase("403", "403"),
    FaultCase("404", "404"),
    FaultCase("redirect elsewhere", "foreign_redirect"),
    FaultCase("another Content-Type", "content_type", options={"value": "application/pdf"}),
    FaultCase("four gigabytes announced", "oversized"),
    FaultCase("another header", "wrong_header", _TABLES),
    FaultCase("a column renamed", "rename_column", _TABLES),
    FaultCase("a word where a number belongs", "overwrite", tuple(n for n in _TABLES if n not in ("police_bucket",)),
            options={"value": "n/a"}),
    FaultCase("half the rows gone", "drop_rows", _TABLES),
    FaultCase("every row twice", "repeat_rows", _TABLES, options={"share": 1}),
    FaultCase("figures a hundredfold", "scale_values", ("nomis", "fingertips", "nhs_files", "defra_pcm")),
    FaultCase("the wards before 2023", "old_wards", ("nomis", "ons_geography", "democracy_club")),
    FaultCase("a month revised", "revision", ("police",), options={"month": _MONTH}, forget=False),
    FaultCase("a force's month missing", "missing_month", ("police_bucket",), options={"month": _ARCHIVED}),
    FaultCase("a month that falls silent", "missing_month", ("police",), options={"month": _MONTH}, forget=False),
    FaultCase("zip climbs out", "zip_climbs", ("police_bucket", "nhs_files")),
    FaultCase("zip explodes", "zip_explodes", ("police_bucket", "nhs_files"), options={"megabytes": 400}),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The effect of one fault at one publisher.

    Attributes:
        code: the command's exit code.
        requests: how many requests reached the publishers.
        table: ``kept``: the last good version stays, marked stale; ``same``: the same bytes as before; ``new``: a new
            version; ``none``: there is no table.
        message: the command's message on standard error.
    """

    code: int
    requests: int
    table: str
    message: str

    @property
    def short(self) -> str:
        """The cell of the table: what happened to the data, and how many requests it took."""
        warned = " !" if self.table == "new" and "drift" in self.message else ""
        return f"{self.table}{warned} ({self.requests})"


class Bench:
    """A publisher's source, fetched once without a fault and then again with each fault."""

    def __init__(self, folder: Path, served: Publishers, publisher: str) -> None:
        self.publisher, imitated = publisher, SERVED[publisher]
        self.source, self.path, self.column = imitated.source, imitated.path, imitated.column
        self._folder, self._served = folder / publisher, served
        self._good = self._folder / "good"
        first = self._run(self._good)
        if first.code:
            raise RuntimeError(f"{self.source} cannot be fetched from {publisher} without a fault: {first.message}")

    def run_with(self, case: FaultCase) -> Outcome:
        """Refresh once with the fault."""
        store = self._folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self._good, store, symlinks=True)
        if case.forget:
            shutil.rmtree(store / "raw" / self.source / "answers")
        options = dict(case.options or {})
        if case.kind in ("rename_column", "overwrite") and self.column:
            options["column"] = self.column
        self._served.fault(self.publisher, case.kind, path=self.path, times=case.times, **options)
        if case.then:
            self._served.fault(self.publisher, case.then, path=self.path, times=1000)
        on = patch.object(self._served.site, case.setting, True) if case.setting else nullcontext()
        impatient = patch("spi_pipeline.publishers.http.client.TIMEOUTS", _IMPATIENT)
        try:
            with on, impatient if case.kind in DRIPS else nullcontext():
                return self._run(store)
        finally:
            self._served.clear_faults()

    def _run(self, store: Path) -> Outcome:
        """Run ``spi refresh --live --select source/NAME``."""
        before = Store(store).current(self.source)
        self._served.requests.clear()
        # Empty the rate limiter, so that the requests of one fault do not count against the next.
        self._served.site.police_bucket.__init__(rate=15, burst=30)  # type: ignore[misc]
        stderr = io.StringIO()
        arguments = ["refresh", "--live", "--select", f"source/{self.source}", "--since", "2023-09"]
        with patch.dict(os.environ, {"SPI_STORE": str(store)}), redirect_stdout(io.StringIO()), redirect_stderr(stderr):
            code = app(arguments, standalone_mode=False) or 0
        after = Store(store).current(self.source)
        done = re.compile(r"fetched |sources: |\w+: \d+ large files? ")
        lines = [line for line in stderr.getvalue().splitlines() if not done.match(line)]
        return Outcome(code, len(self._served.requests), _table_state(before, after), " ".join(lines).strip())


def _table_state(before: Any, after: Any) -> str:
    if after is None:
        return "none"
    if after.stale_since:
        return "kept"
    return "same" if before and before.sha256 == after.sha256 else "new"


@contextmanager
def bench(folder: Path) -> Iterator[Publishers]:
    """Start local publishers, point the command at them and shorten its waits between tries."""
    # Without checksums: the publisher itself has the content fault, so its checksum would match the faulty content.
    with local_publishers(months=6, archive_months=8, police_sums=False) as served:
        widths = [patch.object(shown, "_width", console.PLAIN_WIDTH) for shown in (console.out, console.err)]
        waits = patch("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)
        quiet = patch("spi_pipeline.publishers.http.pace.WaitReporter.may_report", lambda _voice: False)
        with patch.dict(os.environ, served.endpoints), waits, quiet, widths[0], widths[1]:
            yield served


def as_tables(outcomes: Mapping[tuple[str, str], Outcome]) -> str:
    """Two Markdown tables: the effect at each publisher, and one or two example messages for each fault."""
    publishers = [name for name in SERVED if any(name == where for where, _ in outcomes)]
    lines = [
        "| Fault | " + " | ".join(f"`{name}`" for name in publishers) + " |",
        "| --- |" + " --- |" * len(publishers),
    ]
    titles = [one.title for one in FAULT_CASES if any(one.title == title for _, title in outcomes)]
    for title in titles:
        cells = [outcomes[name, title].short if (name, title) in outcomes else "" for name in publishers]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "| Fault | At | Message |", "| --- | --- | --- |"]
    for title in titles:
        examples: dict[str, str] = {}
        for name in publishers:
            if (name, title) in outcomes and outcomes[name, title].message:
                examples.setdefault(_shape(_plain(outcomes[name, title].message)), name)
        for name in list(examples.values())[:2]:
            lines.append(f"| {title} | `{name}` | {_plain(outcomes[name, title].message)} |")
    return "\n".join(lines)


def _shape(text: str) -> str:
    """The words that two messages of one kind share."""
    return " ".join(word for word in text.split() if word.isalpha())[:60]


def _plain(text: str) -> str:
    """A message without details of this run, and without the part that every message repeats."""
    text = re.sub(r"http://(127\.0\.0\.1|localhost):\d+/\w+", "…", text)
    text = re.sub(r"; (its rows are in \S+; )?the last good version, .* old, stays in use", "", text)
    text = re.sub(r"; the setting SPI_ENDPOINT_\w+ sets this address", "", text)
    shown = text.replace("|", "\\|")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} …"


def outcomes_at(name: str) -> dict[tuple[str, str], Outcome]:
    """Try every fault at one publisher; results by publisher and title of the fault."""
    outcomes: dict[tuple[str, str], Outcome] = {}
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as served:
        on = Bench(Path(folder), served, name)
        for case in FAULT_CASES:
            if name in case.at:
                outcomes[name, case.title] = found = on.run_with(case)
                print(f"{name}: {case.title}: exit {found.code}, {found.short}: {found.message}", file=sys.stderr)
    return outcomes


def main() -> None:
    """Try all publishers, or those named as arguments, two in parallel, and print the tables."""
    names = sys.argv[1:] or list(SERVED)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        outcomes = {where: found for at_one in pool.map(outcomes_at, names) for where, found in at_one.items()}
    print(as_tables(outcomes))


if __name__ == "__main__":
    main()
