"""The pages on live sources and publishers: complete tables, tests that exist, and a correction that can be read."""

from __future__ import annotations

import datetime as dt
import math
import re
import shutil
from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.govuk.fuel_poverty import FIRST_FUEL_YEAR
from spi_pipeline.publishers.http import client
from spi_pipeline.publishers.http.limits import Budget
from spi_pipeline.publishers.http.pace import TIMEOUTS
from spi_pipeline.publishers.offers import HOSTS, OFFERS
from spi_pipeline.publishers.probing import visit
from spi_pipeline.publishers.routes import Route
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.kinds.agrees_with_total import AgreesWithTotal
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables
from spi_pipeline.steps.sources.cadence import DAILY, MONTHLY, WEEKLY, cadence
from spi_pipeline.steps.sources.totals import compared
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, blocks, markdown_table, table_in, text
from spi_pipeline_tests.imitations.fixtures import SERVED
from spi_pipeline_tests.imitations.matrix import FAULT_CASES
from spi_pipeline_tests.publishers.costs import ENGLAND, LUTON, ROUTES

DOCUMENT = REPOSITORY / "docs" / "live.md"
REFERENCE = REPOSITORY / "docs" / "publishers.md"


def first_column(name: str) -> list[str]:
    rows = [line.split("|")[1].strip() for line in table_in(REFERENCE, name).splitlines()[2:]]
    assert len(rows) == len(set(rows))
    return rows


def test_the_page_lists_every_endpoint() -> None:
    rows = [
        [f"`{name}`", host.base, ", ".join(host.redirects), host.rate] for name, host in HOSTS.items()
    ]  # fmt: skip
    header = ["`SPI_ENDPOINT_`", "In place of", "Redirects may also lead to", "Requests a second"]
    assert_table(DOCUMENT, "endpoints", markdown_table(header, rows))


def test_the_page_lists_every_time_limit() -> None:
    waits, run, word = TIMEOUTS, Budget(), {4: "four", 10: "ten"}
    tries, pause = word[client._TRIES], word[client._LONGEST_WAIT / 60]
    rows = [
        ["connecting, over all addresses of a host", f"{waits.connect:.0f} s"],
        ["the header of a response, connecting included", f"{waits.header:.0f} s, and as long again for each redirect"],
        [
            "a body",
            f"{waits.body:.0f} s, and a second more for each {waits.minimum_rate:,} bytes received; "
            f"never more than {waits.body:.0f} s ahead",
        ],
        ["the text of a refusal", f"{waits.refusal:.0f} s"],
        ["one request", f"{tries} tries that bring nothing, with pauses of at most {pause} minutes between them"],
        ["the pauses of a run", f"{run.retries}, together {run.seconds / 60:.0f} minutes"],
        ["all requests of a run", f"{run.seconds_left() / 3600:.0f} hours"],
    ]
    assert_table(DOCUMENT, "patience", markdown_table(["What", "At most"], rows))


def test_the_page_lists_the_limits_of_a_visit() -> None:
    rows = [
        ["requests of a visit", f"{visit.MOST_REQUESTS}"],
        ["one request", f"{visit.TIMEOUTS.header + visit.TIMEOUTS.body:.0f} s"],
        ["the visit", f"{visit.SECONDS:.0f} s"],
    ]
    assert_table(DOCUMENT, "visit", markdown_table(["What", "At most"], rows))


def test_the_page_lists_every_live_source(contracts: Contracts) -> None:
    live = [name for name, source in contracts.sources.items() if source.properties.mode == "live"]
    listed = []
    for line in table_in(REFERENCE, "sources").splitlines()[2:]:
        sources, hosts, _, news = (cell.strip() for cell in line.split("|")[1:-1])
        assert set(re.findall(r"`(\w+)`", hosts)) <= HOSTS.keys()
        for name in re.findall(r"`(\w+)`", sources):
            assert (bool(hosts), bool(news)) == (bool(OFFERS[name].fetch), bool(OFFERS[name].news)), name
            listed.append(name)
    assert sorted(listed) == sorted(live)
    assert f"the workbook of each year since {FIRST_FUEL_YEAR} " in table_in(REFERENCE, "sources")


@pytest.mark.parametrize(("name", "schedule"), [("daily", DAILY), ("weekly", WEEKLY), ("monthly", MONTHLY)])
def test_the_page_lists_the_schedules(contracts: Contracts, name: str, schedule: dt.timedelta) -> None:
    cadences = {
        "daily": {"monthly"}, "weekly": {"annual", "irregular"}, "monthly": {"decennial", "quadrennial"},
    }  # fmt: skip
    live = [source for source in contracts.sources.values() if source.properties.mode == "live"]
    assert {source.cadence for source in live if cadence(source) == schedule} == cadences[name]
    assert f"| `refresh_{name}` |" in text(DOCUMENT)


def test_the_page_states_the_cost_of_both_routes_to_a_table() -> None:
    def by_area(route: Route, areas: int) -> str:
        return _cost(math.ceil(areas * route.requests), areas * route.area)

    rows = [
        [title, level, LUTON[level], by_area(route, LUTON[level]), ENGLAND[level], by_area(route, ENGLAND[level]),
         _cost(route.pages, route.whole), route.threshold]
        for title, level, route in ROUTES.values()
    ]  # fmt: skip
    header = ["Table", "By", "Luton", "takes", "England", "takes", "At once", "From"]
    assert_table(REFERENCE, "routes", markdown_table(header, rows, numbers=header[2:]))


def _cost(requests: int, size: int) -> str:
    return f"{requests:,}, {size / 1e6:,.0f} MB" if size >= 1e6 else f"{requests:,}, {size / 1e3:,.0f} kB"


@pytest.mark.parametrize("table", ["silent", "faults of sources"])
def test_every_failure_has_a_test_that_exists(table: str) -> None:
    lines = table_in(REFERENCE, table).splitlines()[2:]
    assert lines
    for line in lines:
        named = re.findall(r"`([\w/]+/test_\w+\.py)::(test_\w+)`", line)
        assert named, line
        for file, test in named:
            assert f"def {test}(" in text(REPOSITORY / "spi_pipeline_tests" / file), test


def test_the_page_lists_the_differences_from_published_totals(contracts: Contracts) -> None:
    """The differences are those of the embedded figures; sources without embedded figures show the total alone."""
    embedded, rows = snapshot_tables(Settings().snapshot), []
    for source in contracts.sources.values():
        rules = [rule for rule in source.rules if rule.kind == AgreesWithTotal.name]
        table = read_embedded(Settings().snapshot, source.id).table if source.id in embedded else None
        results = [] if table is None else evaluate(table, rules, table_name=source.id)
        by_rule = {row["rule"]: row for row in compared(source, results)}
        for rule in rules:
            params, row = rule.params, by_rule.get(rule.id, {})
            observed = f"{row['observed']:,.10g}" if "observed" in row else "–"
            measure = f"{params.get('statistic', 'sum')} of `{rule.columns[0]}`"
            share = f"{row['difference_percent']:+.2f}" if "difference_percent" in row else "–"
            most = f"{100 * params['tolerance']:g}"
            rows.append(
                [f"`{source.id}`", measure, observed, f"{params['total']:,.10g}", share, most, params["dataset"]]
            )
        if not rules:
            rows.append([f"`{source.id}`", "–", "–", "–", "–", "–", source.properties.no_total])
    header = ["Source", "Measure", "Here", "Published", "Difference, %", "At most, %", "Published in, or why not"]
    assert_table(REFERENCE, "outside totals", markdown_table(header, rows, numbers=header[2:6]))


def test_the_example_correction_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "data_contracts"
    shutil.copytree(REPOSITORY / "data_contracts", folder)
    (folder / "corrections").mkdir(exist_ok=True)
    (shown,) = blocks(DOCUMENT, "yaml")
    (folder / "corrections" / "census_car_availability.yaml").write_text(shown, encoding="utf-8")
    (correction,) = load_contracts(folder).corrections["census_car_availability"]
    assert (correction.column, correction.expected, correction.value) == ("none", 22, 24)


def test_the_matrix_is_complete() -> None:
    rows = table_in(REFERENCE, "matrix").splitlines()
    tried = re.findall(r"`(\w+)`", rows[0])
    assert tried == [name for name in SERVED if name in tried], "a new publisher is added with the next matrix"
    assert first_column("matrix") == [trouble.title for trouble in FAULT_CASES]
    for line, trouble in zip(rows[2:], FAULT_CASES, strict=True):
        cells = [cell.strip() for cell in line.split("|")[2:-1]]
        assert [bool(cell) for cell in cells] == [name in trouble.at for name in tried], trouble.title
        assert all(re.fullmatch(r"(same|kept|new|new !) \(\d+\)", cell) for cell in cells if cell)
