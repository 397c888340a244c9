"""The README and the first pages it links to: commands and examples run, and lists match the code."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest
import typer
from typer.core import TyperGroup

from spi_pipeline.cli import app
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import published
from spi_pipeline_tests.docs.conftest import Spi, run_in
from spi_pipeline_tests.docs.documents import README, REPOSITORY, assert_table, blocks, commands, markdown_table, text

# Commands that run until stopped, or need data that a clone lacks: the test runs them with --help instead.
HELP_ONLY = ("spi ui", "spi snapshot build", "spi refresh --live")
COMMANDS, DATABASE, ATTRIBUTION = (
    REPOSITORY / "docs" / name for name in ("commands.md", "database.md", "attribution.md")
)
INSTALLS = commands(README)
SHOWN = [command.removeprefix(".venv/bin/") for command in commands(COMMANDS)]


def test_a_new_machine_needs_two_commands_of_one_line_each() -> None:
    refresh, tests = INSTALLS
    assert refresh.endswith("-e . && .venv/bin/spi refresh")
    line = tests.rpartition("&& .venv/bin/")[2]
    assert line.startswith("pytest ")
    assert line in text(REPOSITORY / ".ci" / "run").splitlines(), "CI runs the tests as the README does"
    for command in INSTALLS:
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -c constraints.txt ")


def test_extras_and_files_in_install_commands_exist() -> None:
    known = tomllib.loads(text(REPOSITORY / "pyproject.toml"))["project"]["optional-dependencies"]
    named = re.findall(r"'\.\[([\w,]+)\]'", " ".join(INSTALLS))
    assert [extra for extras in named for extra in extras.split(",")] == [
        "test",
        "docs",
        "snapshot",
        "site",
        "report",
        "machines",
    ]
    assert set(known) >= {"test", "docs", "snapshot"}
    pins = [line for line in text(REPOSITORY / "constraints.txt").splitlines() if not line.startswith("#")]
    assert pins == sorted(pins, key=str.lower)
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.+]+(; .+)?", pin)] == []


def test_the_commands_shown_work(reader_folder: Path, spi: Spi) -> None:
    assert len(SHOWN) >= 10
    for command in SHOWN:
        name, *arguments = shlex.split(command)
        assert name == "spi"
        help_only = next((prefix for prefix in HELP_ONLY if command.startswith(prefix)), None)
        code, output, messages = spi(
            reader_folder, *([*shlex.split(help_only)[1:], "--help"] if help_only else arguments)
        )
        assert code == 0, f"{command}: {messages}"
        assert output.strip(), command
    stored = {file.name for file in (reader_folder / "spi_store").iterdir() if not file.name.startswith("refresh.")}
    tree = next(block for block in text(DATABASE).split("```") if block.strip().startswith("spi_store/"))
    described = {line.split()[0].rstrip("/") for line in tree.strip().splitlines()[1:]}
    assert stored <= described
    assert described - stored <= {"alerts", "quarantine", "raw", "inbox", "releases"}


def test_the_table_shown_matches_the_output(reader_folder: Path, spi: Spi) -> None:
    (shown,) = blocks(README, "text")
    printed = [line.rstrip() for line in spi(reader_folder, "refresh")[1].splitlines()]
    assert shown.splitlines() == printed[: len(shown.splitlines())]
    assert printed[len(shown.splitlines())].startswith(("Nothing had changed", "1 step", "2 steps"))


def test_the_options_shown_exist() -> None:
    root = typer.main.get_command(app)
    for command in SHOWN:
        assert isinstance(root, TyperGroup)
        words = shlex.split(command)[1:]
        subcommand = root.commands[words[0]]
        if isinstance(subcommand, TyperGroup):
            subcommand = subcommand.commands[words[1]]
        options = {option for parameter in subcommand.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, command


def test_the_examples_run(refreshed: Path) -> None:
    examples = blocks(DATABASE, "python")
    assert examples
    for example in examples:
        result = run_in(refreshed, sys.executable, "-c", example)
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("Central") >= 2, "the first and the last query list the wards"
        assert "Empty" not in result.stdout


def test_every_command_is_described() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    leaves = [
        name for group, command in root.commands.items()
        for name in ([f"{group} {leaf}" for leaf in command.commands] if isinstance(command, TyperGroup) else [group])
    ]  # fmt: skip
    assert sorted(re.findall(r"^\| `spi ([\w ]+)` \|", text(COMMANDS), re.MULTILINE)) == sorted(leaves)


def test_the_exit_codes_match_the_page(refreshed: Path, spi: Spi, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.findall(r"^\| (\d) \|", text(COMMANDS), re.MULTILINE) == ["0", "1", "2"]
    assert spi(refreshed, "explain", "Nowhere", "safety")[0] == 2
    assert spi(refreshed, "alerts", "test")[0] == 1, "no alert channel is configured"
    monkeypatch.setenv("SPI_CONTRACTS", "nowhere")
    assert spi(refreshed, "contracts", "lint")[0] == 2


def test_the_tables_of_the_database(contracts: Contracts, refreshed: Path) -> None:
    rows = [[f"`{name}`", contracts.products[name].description] for name in sorted(published(contracts))]
    with duckdb.connect(str(refreshed / "spi_store" / "spi.duckdb"), read_only=True) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        ]
        bare = connection.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
        ).fetchall()
    assert tables == sorted(published(contracts))
    assert contracts.products.keys() - set(tables) == {
        "element_score", "indicator_value", "own_area_allocation",  # intermediate steps
        "downloads", "report", "site",  # files
    }  # fmt: skip
    assert bare == [(0,)]
    assert_table(DATABASE, "tables", markdown_table(["Table", "What it holds"], rows))


def test_every_source_has_its_attribution(contracts: Contracts) -> None:
    expected: dict[tuple[str, str], list[str]] = {}
    for source in contracts.sources.values():
        expected.setdefault((source.properties.attribution, source.properties.terms()), []).append(f"`{source.id}`")
    rows = [[attribution, f"`{licence}`", ", ".join(sources)] for (attribution, licence), sources in expected.items()]
    assert_table(ATTRIBUTION, "attribution", markdown_table(["Attribution", "Licence", "Sources"], rows))


def test_the_counts_and_dates_in_the_text_match_the_store(contracts: Contracts, refreshed: Path) -> None:
    with duckdb.connect(str(refreshed / "spi_store" / "spi.duckdb"), read_only=True) as connection:
        ((measured,),) = connection.execute(
            "SELECT count(DISTINCT indicator_id) FROM observation WHERE status IN ('observed', 'carried', 'held')"
        ).fetchall()
        ((used,),) = connection.execute("SELECT count(*) FROM indicator WHERE in_basis").fetchall()
        methods = connection.execute("SELECT DISTINCT method FROM weight").fetchall()
        newest = connection.execute(
            "SELECT max(period_end)::VARCHAR FROM observation WHERE source_id = 'street_crime'"
        ).fetchall()
        as_of = connection.execute("SELECT DISTINCT as_of::VARCHAR FROM edition").fetchall()
    assert f"rests on {used} indicators in twelve components and three dimensions" in " ".join(text(README).split())
    page = " ".join(text(REPOSITORY / "docs" / "methodology.md").split())
    assert f"{used} indicators carry the scores. {measured - used} more have figures that the scores leave out" in page
    assert f"{len(contracts.indicators) - measured} more have figures in live mode only" in page
    assert f"DuckDB database with {len(published(contracts))} tables" in text(README)
    assert sorted(methods) == [("equal",), ("pca_reference",)]
    assert newest == [("2024-04-30",)]
    assert as_of == [("2026-11-23",)]
