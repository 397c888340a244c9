"""Every fault at every publisher, through the real command: ``python -m spi_pipeline_tests.imitations.matrix``.

For each publisher one of its sources is fetched well. Then, fault by fault, everything it answered is forgotten and
``spi refresh --live --select source/…`` run while the publisher is at fault. What is noted: how the command ended, how
many requests it made, what became of the table, and what its reader was told. Waits between tries are cut short, which
changes nothing else. It prints two tables in Markdown, those of docs/publishers.md, and what each run said on standard
error; named publishers are tried alone. Two publishers are tried side by side.
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
from spi_pipeline.publishers.http.pace import Patience
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.imitations.faults import DRIPS
from spi_pipeline_tests.imitations.fixtures import SERVED
from spi_pipeline_tests.imitations.server import Publishers, local_publishers

_MONTH, _ARCHIVED = "2024-03", "2023-10"
_ALL = tuple(SERVED)
_TABLES = tuple(name for name, served in SERVED.items() if served.column)
_ZIPS = ("police_bucket", "nhs_files", "govuk_assets")
# Bodies that are worth going on with.
_LARGE = ("police_bucket",)
# Drips are given up after a second or two, not after minutes.
_HASTE = Patience(answer=2.0, body=1.0, refusal=0.2)
# Letters of a message that the table shows.
_SHOWN = 230


@dataclass(frozen=True)
class Trouble:
    """One fault as the matrix knows it.

    Attributes:
        title: its name in the table.
        kind: of fault, see ``faults.KINDS``.
        at: the publishers it makes sense for.
        times: how many requests meet it; None for all.
        options: of the fault.
        forget: whether everything answered before is forgotten first, so that all of it is asked for again.
        then: another kind, met by the requests after those.
        setting: a setting of ``messages.Site`` that is on meanwhile.
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
    """What came of one fault at one publisher.

    Attributes:
        code: the command's exit code.
        asked: how many requests reached the publishers.
        table: ``kept`` the last good version stays, marked stale; ``same`` the same bytes as before; ``new`` a new
            version; ``none`` there is no table.
        read: what the command said on standard error.
    """

    code: int
    asked: int
    table: str
    read: str

    @property
    def short(self) -> str:
        """As it stands in the table: what became of the data, and the requests it took."""
        warned = " !" if self.table == "new" and "drift" in self.read else ""
        return f"{self.table}{warned} ({self.asked})"


class Bench:
    """A publisher's source, fetched well once, to be fetched again while the publisher is at fault."""

    def __init__(self, folder: Path, served: Publishers, publisher: str) -> None:
        self.publisher, imitated = publisher, SERVED[publisher]
        self.source, self.path, self.column = imitated.source, imitated.path, imitated.column
        self._folder, self._served = folder / publisher, served
        self._good = self._folder / "good"
        first = self._run(self._good)
        if first.code:
            raise RuntimeError(f"{self.source} cannot be fetched from {publisher} without a fault: {first.read}")

    def meet(self, trouble: Trouble) -> Met:
        """One refresh with the fault."""
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
        hasty = patch("spi_pipeline.publishers.http.client.PATIENCE", _HASTE)
        try:
            with on, hasty if trouble.kind in DRIPS else nullcontext():
                return self._run(store)
        finally:
            self._served.heal()

    def _run(self, store: Path) -> Met:
        """``spi refresh --live --select source/NAME``."""
        before = Store(store).current(self.source)
        self._served.requests.clear()
        # The publishers' own count of requests: faults are not to meet each other's.
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
    """Local publishers that the command is pointed at, and no long waits between its tries."""
    # Without sums: a fault of content is the publisher's own, and its sum would be that of what it sends.
    with local_publishers(months=6, archive_months=8, police_sums=False) as served:
        widths = [patch.object(shown, "_width", console.PLAIN_WIDTH) for shown in (console.out, console.err)]
        waits = patch("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)
        quiet = patch("spi_pipeline.publishers.http.pace.Voice.free", lambda _voice: False)
        with patch.dict(os.environ, served.endpoints), waits, quiet, widths[0], widths[1]:
            yield served


def as_tables(met: Mapping[tuple[str, str], Met]) -> str:
    """Two tables in Markdown: what became of each, and one example of what was read for each fault."""
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
    """What two messages of one kind have in common."""
    return " ".join(word for word in text.split() if word.isalpha())[:60]


def _plain(text: str) -> str:
    """A message without what is of this run alone, and without what every one of them says."""
    text = re.sub(r"http://(127\.0\.0\.1|localhost):\d+/\w+", "…", text)
    text = re.sub(r"; (its rows are in \S+; )?the last good version, .* old, stays in use", "", text)
    shown = text.replace("|", "\\|")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} …"


def tried(name: str) -> dict[tuple[str, str], Met]:
    """Every fault at one publisher, by it and the fault's title."""
    met: dict[tuple[str, str], Met] = {}
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as served:
        on = Bench(Path(folder), served, name)
        for trouble in TROUBLES:
            if name in trouble.at:
                met[name, trouble.title] = found = on.meet(trouble)
                print(f"{name}: {trouble.title}: exit {found.code}, {found.short}: {found.read}", file=sys.stderr)
    return met


def main() -> None:
    """Try all of them, or the publishers that are named, two side by side, and print."""
    names = sys.argv[1:] or list(SERVED)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        met = {where: found for tried_one in pool.map(tried, names) for where, found in tried_one.items()}
    print(as_tables(met))


if __name__ == "__main__":
    main()
