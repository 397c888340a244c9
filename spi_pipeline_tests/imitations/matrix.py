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
_HASTE = Timeouts(header=2.0, body=1.0, refusal=0.2)
# How many characters of a message the table shows.
_SHOWN = 230


@dataclass(frozen=True)
class Trouble:
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


TROUBLES = (
    Trouble("latency", "latency", times=3, options={"seconds": 0.2}),
    Trouble("one reset", "reset", times=1),
    Trouble("one cut body", "cut_body", times=1),
    Trouble("503 twice", "503", times=2),
    Trouble("429 twice, Retry-After in seconds", "429", times=2, options={"retry_after": "1"}),
    Trouble("429, Retry-After as a date", "429", times=1, options={"retry_after": "date:1"}),
    Trouble("broken midway, the rest sent", "reset_midway", _LARGE, times=1),
    Trouble("broken midway, all sent again", "reset_midway", _LARGE, times=1, then="no_ranges"),
    Trouble("broken midway, another version since", "reset_midway", _LARGE, times=1, then="republished"),
    Trouble("a byte another, once", "another_byte", _LARGE, times=1),
    Trouble("a byte another for good", "another_byte", _LARGE),
    Trouble("another MD5 than published", "republished", ("police_bucket",), setting="police_sums"),
    Trouble("header drips", "drip_header"),
    Trouble("body drips", "drip_body"),
    Trouble("body drips in chunks", "drip_chunks"),
    Trouble("error drips", "drip_error"),
    Trouble("429 for good", "429"),
    Trouble("429, come back tomorrow", "429", options={"retry_after": "86400"}),
    Trouble("500 for good", "500"),
    Trouble("503 for good", "503"),
    Trouble("reset for good", "reset"),
    Trouble("reset midway for good", "reset_midway"),
    Trouble("cut body for good", "cut_body"),
    Trouble("gzip stream cut", "cut_gzip", tuple(name for name in _ALL if name not in _ZIPS)),
    Trouble("file cut, length as cut", "cut_file", _ZIPS),
    Trouble("page, said to be one", "html", tuple(name for name in _ALL if name != "nhs_pages")),
    Trouble("page in place of data", "html_as_is"),
    Trouble("empty body", "empty"),
    Trouble("error as JSON, status 200", "json_error"),
    Trouble("400", "400"),
    Trouble("403", "403"),
    Trouble("404", "404"),
    Trouble("redirect elsewhere", "foreign_redirect"),
    Trouble("another Content-Type", "content_type", options={"value": "application/pdf"}),
    Trouble("four gigabytes announced", "oversized"),
    Trouble("another header", "wrong_header", _TABLES),
    Trouble("a column renamed", "rename_column", _TABLES),
    Trouble("a word where a number belongs", "overwrite", tuple(n for n in _TABLES if n not in ("police_bucket",)),
            options={"value": "n/a"}),
    Trouble("half the rows gone", "drop_rows", _TABLES),
    Trouble("every row twice", "repeat_rows", _TABLES, options={"share": 1}),
    Trouble("figures a hundredfold", "scale_values", ("nomis", "fingertips", "nhs_files", "defra_pcm")),
    Trouble("the wards before 2023", "old_wards", ("nomis", "ons_geography", "democracy_club")),
    Trouble("a month revised", "revision", ("police",), options={"month": _MONTH}, forget=False),
    Trouble("a force's month missing", "missing_month", ("police_bucket",), options={"month": _ARCHIVED}),
    Trouble("a month that falls silent", "missing_month", ("police",), options={"month": _MONTH}, forget=False),
    Trouble("zip climbs out", "zip_climbs", ("police_bucket", "nhs_files")),
    Trouble("zip explodes", "zip_explodes", ("police_bucket", "nhs_files"), options={"megabytes": 400}),
)  # fmt: skip


@dataclass(frozen=True)
class Met:
    """The effect of one fault at one publisher.

    Attributes:
        code: the command's exit code.
        asked: how many requests reached the publishers.
        table: ``kept``: the last good version stays, marked stale; ``same``: the same bytes as before; ``new``: a new
            version; ``none``: there is no table.
        read: the command's message on standard error.
    """

    code: int
    asked: int
    table: str
    read: str

    @property
    def short(self) -> str:
        """The cell of the table: what happened to the data, and how many requests it took."""
        warned = " !" if self.table == "new" and "drift" in self.read else ""
        return f"{self.table}{warned} ({self.asked})"


class Bench:
    """A publisher's source, fetched once without a fault and then again with each fault."""

    def __init__(self, folder: Path, served: Publishers, publisher: str) -> None:
        self.publisher, imitated = publisher, SERVED[publisher]
        self.source, self.path, self.column = imitated.source, imitated.path, imitated.column
        self._folder, self._served = folder / publisher, served
        self._good = self._folder / "good"
        first = self._run(self._good)
        if first.code:
            raise RuntimeError(f"{self.source} cannot be fetched from {publisher} without a fault: {first.read}")

    def meet(self, trouble: Trouble) -> Met:
        """Refresh once with the fault."""
        store = self._folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self._good, store, symlinks=True)
        if trouble.forget:
            shutil.rmtree(store / "raw" / self.source / "answers")
        options = dict(trouble.options or {})
        if trouble.kind in ("rename_column", "overwrite") and self.column:
            options["column"] = self.column
        self._served.fault(self.publisher, trouble.kind, path=self.path, times=trouble.times, **options)
        if trouble.then:
            self._served.fault(self.publisher, trouble.then, path=self.path, times=1000)
        on = patch.object(self._served.site, trouble.setting, True) if trouble.setting else nullcontext()
        hasty = patch("spi_pipeline.publishers.http.client.TIMEOUTS", _HASTE)
        try:
            with on, hasty if trouble.kind in DRIPS else nullcontext():
                return self._run(store)
        finally:
            self._served.heal()

    def _run(self, store: Path) -> Met:
        """Run ``spi refresh --live --select source/NAME``."""
        before = Store(store).current(self.source)
        self._served.requests.clear()
        # Empty the rate limiter, so that the requests of one fault do not count against the next.
        self._served.site.police_bucket.__init__(rate=15, burst=30)  # type: ignore[misc]
        said = io.StringIO()
        arguments = ["refresh", "--live", "--select", f"source/{self.source}", "--since", "2023-09"]
        with patch.dict(os.environ, {"SPI_STORE": str(store)}), redirect_stdout(io.StringIO()), redirect_stderr(said):
            code = app(arguments, standalone_mode=False) or 0
        after = Store(store).current(self.source)
        done = re.compile(r"fetched |sources: |\w+: \d+ large files? ")
        told = [line for line in said.getvalue().splitlines() if not done.match(line)]
        return Met(code, len(self._served.requests), _became(before, after), " ".join(told).strip())


def _became(before: Any, after: Any) -> str:
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


def as_tables(met: Mapping[tuple[str, str], Met]) -> str:
    """Two Markdown tables: the effect at each publisher, and one or two example messages for each fault."""
    publishers = [name for name in SERVED if any(name == where for where, _ in met)]
    lines = [
        "| Fault | " + " | ".join(f"`{name}`" for name in publishers) + " |",
        "| --- |" + " --- |" * len(publishers),
    ]
    titles = [one.title for one in TROUBLES if any(one.title == title for _, title in met)]
    for title in titles:
        cells = [met[name, title].short if (name, title) in met else "" for name in publishers]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "| Fault | At | Message |", "| --- | --- | --- |"]
    for title in titles:
        told: dict[str, str] = {}
        for name in publishers:
            if (name, title) in met and met[name, title].read:
                told.setdefault(_shape(_plain(met[name, title].read)), name)
        for name in list(told.values())[:2]:
            lines.append(f"| {title} | `{name}` | {_plain(met[name, title].read)} |")
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


def tried(name: str) -> dict[tuple[str, str], Met]:
    """Try every fault at one publisher; results by publisher and title of the fault."""
    met: dict[tuple[str, str], Met] = {}
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as served:
        on = Bench(Path(folder), served, name)
        for trouble in TROUBLES:
            if name in trouble.at:
                met[name, trouble.title] = found = on.meet(trouble)
                print(f"{name}: {trouble.title}: exit {found.code}, {found.short}: {found.read}", file=sys.stderr)
    return met


def main() -> None:
    """Try all publishers, or those named as arguments, two in parallel, and print the tables."""
    names = sys.argv[1:] or list(SERVED)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        met = {where: found for tried_one in pool.map(tried, names) for where, found in tried_one.items()}
    print(as_tables(met))


if __name__ == "__main__":
    main()
