"""Outputs other than the database: built only if requested, checked before publication, published together."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from spi_pipeline.run.due import due_steps
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline_tests.integration.sandboxes import Sandbox, copied


def current(sandbox: Sandbox) -> Path:
    return Path(sandbox.settings.store) / "published" / "current"


def test_outputs_that_are_not_requested_are_not_built(refreshed: Sandbox) -> None:
    assert {file.name for file in current(refreshed).iterdir()} == {"publication.json", "spi.duckdb"}
    assert not [step for step in build_plan(refreshed.contracts) if step.kind == "output"]


def test_requested_outputs_are_published_with_the_database_and_up_to_date(with_outputs: Sandbox) -> None:
    folder = current(with_outputs)
    pages = {file.relative_to(folder).as_posix() for file in folder.rglob("*.html")}
    wards = with_outputs.contracts.geography.wards
    assert len([page for page in pages if page.startswith("site/wards/")]) == len(wards) + 1
    assert {"site/index.html", "site/404.html"} <= pages
    assert (folder / "site/downloads/score.csv").is_file()
    assert due_steps(build_plan(with_outputs.contracts), with_outputs.runner) == []


def test_the_site_cites_the_scores_that_are_published_with_it(with_outputs: Sandbox) -> None:
    site = current(with_outputs) / "site"
    digest = hashlib.sha256((site / "downloads/score.csv").read_bytes()).hexdigest()
    assert digest in (site / "about.html").read_text("utf-8")
    assert (site / "downloads/spi.duckdb").samefile(current(with_outputs) / "spi.duckdb")


def test_checks_of_the_site_are_recorded_separately(with_outputs: Sandbox) -> None:
    assert with_outputs.query("SELECT count(*) FROM check_result WHERE table_name IN ('site', 'downloads')") == [(0,)]
    rows = with_outputs.store.read_runs("output_check")
    assert rows is not None
    outcomes = {row["rule"]: row["outcome"] for row in rows.to_pylist() if row["table_name"] == "site"}
    for rule in ("read_back", "links", "self_contained", "every_ward", "legible", "light"):
        assert outcomes[rule] == "passed", rule


def test_a_faulty_site_is_refused_and_the_database_is_still_published(with_outputs: Sandbox, tmp_path: Path) -> None:
    sandbox = copied(with_outputs, tmp_path).building("site", "downloads")
    before = (current(sandbox) / "site/about.html").read_bytes()
    # In practice an edited stylesheet would lower the contrast; here a stricter bound does the same.
    sandbox.amend(
        "products/site.yaml",
        "{rule: between, columns: [contrast], min: 4.5}",
        "{rule: between, columns: [contrast], min: 20}",
    )
    sandbox.amend("publication.yaml", 'about: ""', 'about: "New words."')
    sandbox.amend(
        "indicators/rights_and_voice.yaml", "title: Turnout at the local election (%)", "title: Votes cast (%)"
    )
    done = sandbox.refresh()
    assert any("site" in fault and "legible" in fault for fault in done.faults), done.faults
    assert (current(sandbox) / "site/about.html").read_bytes() == before, "the last good site stays"
    [(title,)] = sandbox.query("SELECT title FROM indicator WHERE indicator_id = 'turnout'")
    assert title == "Votes cast (%)", "the database is still published"
    sandbox.amend("products/site.yaml", "min: 20", "min: 4.5")
    assert sandbox.refresh().faults == []
    assert b"New words." in (current(sandbox) / "site/about.html").read_bytes()


@pytest.mark.parametrize(
    ("setting", "outputs"),
    [("", {"database"}), ("site", {"database", "site"}), (" Site, DOWNLOADS ,", {"database", "site", "downloads"})],
)
def test_outputs_are_named_with_commas(monkeypatch: pytest.MonkeyPatch, setting: str, outputs: set[str]) -> None:
    monkeypatch.setenv("SPI_OUTPUTS", setting)
    assert Settings().outputs == outputs


def test_an_unknown_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPI_OUTPUTS", "site,website")
    with pytest.raises(ValidationError, match="there is no output 'website'; name some of database, "):
        Settings()
