"""Names and titles are shown as plain text everywhere: brackets, quotes, tags, tables and commands have no effect.

The tests of ``outputs/site`` cover the site's pages, and the store's own queries cover database queries.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from spi_pipeline.cli import console as consoles
from spi_pipeline.cli.explain.show import show_change, show_interval, show_score
from spi_pipeline.cli.terminal import show_table
from spi_pipeline.outputs.duckdb_file import literal, quoted
from spi_pipeline.outputs.explain.change import explain_change
from spi_pipeline.outputs.explain.interval import explain_interval
from spi_pipeline.outputs.explain.question import open_question
from spi_pipeline.outputs.explain.score import explain
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

NAMES = [
    "[red]Farley[/red]", "[link=file:///etc/passwd]Farley", "Farley [/nothing]", ":pile_of_poo: Farley",
    "Farley'; DROP TABLE score; --", 'Farley" OR 1=1 --', "<script>alert(1)</script>", "Farley | Icknield", "a\\[b",
    "{0.__class__}", "%s%n", "$(reboot)", "`reboot`", "ﬁ\u202egpj.exe",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_appears_as_text_on_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for console in (consoles.out, consoles.err):
        monkeypatch.setattr(console, "width", 400)
        with console.capture() as captured:
            show_table([{"ward": name, name: 1}], console, title=name)
            console.print(f"run {name}", soft_wrap=True)
        assert captured.get().count(name) == 4


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\x00", "\x7f"])
def test_control_characters_in_a_name_do_not_reach_the_terminal(
    character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``\\x1b[2J`` would clear the screen."""
    name = f"Far{character}[2Jley"
    for console in (consoles.out, consoles.err):
        monkeypatch.setattr(console, "width", 400)
        with console.capture() as captured:
            show_table([{"ward": name, name: 1}], console, title=name)
            console.print(name, soft_wrap=True)
        assert character not in captured.get()
        assert captured.get().count("[2Jley") == 4
        assert captured.get().endswith("[2Jley\n")


def test_an_explanation_is_plain_text(refreshed: Sandbox, spi: Command) -> None:
    """Explanations are the only output that marks a part as dim."""
    output = spi(refreshed, "explain", "Farley", "safety")
    assert "Safety safety: " in output.out
    assert "[dim]" not in output.out


def test_control_characters_in_a_title_do_not_reach_the_terminal(
    refreshed: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = refreshed.contracts
    framework = contracts.framework.model_copy(update={"title": "\x1b[2JIndex"})
    titled = replace(contracts, framework=framework)
    with open_question(refreshed.store.database, titled, "Farley", framework.id) as question:
        score, moved, sure = explain(question), explain_change(question), explain_interval(question)
    monkeypatch.setattr(consoles.out, "width", 400)
    for tree in (show_score(score, titled), show_change(moved, titled), show_interval(sure)):
        with consoles.out.capture() as captured:
            consoles.out.print(tree)
        assert "\\x1b[2JIndex social_progress_index: " in captured.get()
        assert "\x1b" not in captured.get()


@pytest.mark.parametrize("name", NAMES)
def test_a_requested_name_is_only_looked_up(name: str, refreshed: Sandbox, spi: Command) -> None:
    before = refreshed.store.database.read_bytes()
    output = spi(refreshed, "explain", name, "safety")
    assert output.code == 2
    assert repr(name) in output.err
    assert spi(refreshed, "explain", "Farley", name).code == 2
    assert refreshed.store.database.read_bytes() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_quoted_in_sql(name: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE {quoted(name)} (a INTEGER)")
        connection.execute(f"COMMENT ON TABLE {quoted(name)} IS {literal(name)}")
        assert connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall() == [(name, name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_fills_one_cell_of_a_catalogue_table(name: str) -> None:
    heading, _, row = markdown([{"ward": name, "rank": 1}]).splitlines()
    assert (heading.count("|") - heading.count("\\|"), row.count("|") - row.count("\\|")) == (3, 3)
