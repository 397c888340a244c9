"""An index computed from less data: Luton without its police counts and its elections.

Missing figures carry their reason, and the index is computed from the rest.
"""

from __future__ import annotations

import datetime as dt
import io

import pytest
from rich.console import Console
from rich.tree import Tree

from spi_pipeline.cli.explain.show import show_score
from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.orchestration.metadata import run_metadata
from spi_pipeline.outputs.explain.change import explain_change
from spi_pipeline.outputs.explain.interval import explain_interval
from spi_pipeline.outputs.explain.question import open_question
from spi_pipeline.outputs.explain.score import explain
from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.integration.sandboxes import SNAPSHOT, Sandbox, empty_sandbox

WITHOUT = "street_crime, local_elections_2023, stop_and_search"
REASON = "No figures of it are at hand."
CRIMES = [
    "violent_crime", "burglary", "theft", "criminal_damage", "public_order_and_weapons", "anti_social_behaviour",
]  # fmt: skip


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A refreshed store of Luton without the counts of its police and its elections."""
    sandbox = empty_sandbox(tmp_path_factory.mktemp("spare")).building("site", "report")
    sandbox.amend(
        "geography.yaml",
        "police_force: bedfordshire}",
        f"police_force: bedfordshire, without: [{{reason: {REASON}, sources: [{WITHOUT}]}}]}}",
    )
    # Step by step and without Dagster, which is not under test here and would double the time.
    runner, now = sandbox.runner, dt.datetime.now(dt.UTC)
    for steps in operations(build_plan(sandbox.contracts)).values():
        outcomes = runner.run(steps, "spare", now)
        assert [outcome.message for outcome in outcomes if outcome.message] == []
        # The metadata that Dagster would show.
        for step in steps:
            own = [outcome for outcome in outcomes if outcome.table in step.outputs]
            assert run_metadata(step, own, runner.reader, "spare")
    return sandbox


def test_crime_stays_at_its_level_without_counts(reduced: Sandbox) -> None:
    figures = read_embedded(SNAPSHOT, "deprivation_2025").table.to_pandas().set_index("area_code")
    weights = reduced.runner.reader.frame("allocation").query("geography == 'lsoa21'")
    rate = weights["small_area_code"].map(figures["theft"])
    own = weights["weight"] * weights["residents"]
    level_rates = (rate * own).groupby(weights["area_code"]).sum() / own.groupby(weights["area_code"]).sum()
    rows = reduced.query(
        "SELECT area_code, value, lower, upper FROM observation JOIN area USING (area_code) "
        "WHERE indicator_id = 'theft' AND level = 'ward' AND edition = 2026"
    )
    assert len(rows) == 20
    for code, value, lower, upper in rows:
        assert value == pytest.approx(level_rates[code])
        # Single years of Luton's wards differ from their level by 11%; the interval is 1.96 times that on either side.
        assert (value - lower, upper - value) == pytest.approx([1.96 * 0.11 * value] * 2, rel=1e-4)


def test_a_level_states_its_period_and_that_no_newer_counts_move_it(reduced: Sandbox) -> None:
    rows = reduced.query(
        "SELECT indicator_id, in_basis, source_id, useful_years, limits FROM indicator WHERE component_id = 'safety'"
    )
    catalogue = {name: tuple(rest) for name, *rest in rows}
    for name, start in {**dict.fromkeys(CRIMES, "2018-04"), "anti_social_behaviour": "2022-04"}.items():
        used, source, years, limits = catalogue[name]
        assert (used, source, years) == (True, "deprivation_2025", 8)
        limit = f" It is the level of {start} to 2024-03, which no newer counts move. Missing for Luton: {REASON}"
        assert limit in limits
        dated = reduced.query(
            "SELECT DISTINCT period_start, period_end, status, error_evidence FROM observation "
            "WHERE indicator_id = ? AND edition = 2026", name
        )  # fmt: skip
        assert dated == [(dt.date(int(start[:4]), 4, 1), dt.date(2024, 3, 31), "carried", "dispersion")]
        page = (reduced.store.published / "site" / "indicators" / f"{name}.html").read_text(encoding="utf-8")
        assert "which no newer counts move" in page
        assert "published in April" not in page, "the months are those of the counts"
    assert reduced.query("SELECT count(*) FROM recent") == [(0,)]


def test_a_component_without_figures_is_left_out_and_the_index_is_computed_from_the_others(reduced: Sandbox) -> None:
    for table in ("score", "change", "rank_interval", "scorecard", "composition", "residual"):
        assert reduced.query(f"SELECT count(*) FROM {table} WHERE id = 'rights_and_voice'") == [(0,)]
    for table in ("weight", "contribution"):
        assert reduced.query(f"SELECT count(*) FROM {table} WHERE 'rights_and_voice' IN (id, parent_id)") == [(0,)]
    rows = reduced.query(
        "SELECT w.id, w.weight, c.contribution, s.score, p.score FROM weight w "
        "JOIN contribution c USING (edition, profile, parent_id, id) "
        "JOIN score s ON (s.edition, s.profile, s.id, s.area_code) = (w.edition, w.profile, w.id, c.area_code) "
        "JOIN score p ON (p.edition, p.profile, p.id, p.area_code) = (w.edition, w.profile, w.parent_id, c.area_code) "
        "WHERE w.edition = 2026 AND w.profile = 'spi' AND w.parent_id = 'opportunity' AND c.area_code = 'E05014739'"
    )
    assert sorted(row[0] for row in rows) == ["advanced_education", "freedom_and_choice", "inclusive_society"]
    assert [weight for _, weight, *_ in rows] == pytest.approx([1 / 3] * 3)
    assert [part for _, _, part, *_ in rows] == pytest.approx([score / 3 for *_, score, _ in rows])
    assert rows[0][4] == pytest.approx(sum(score for *_, score, _ in rows) / 3)
    ranks = reduced.query(
        "SELECT rank FROM score WHERE id = 'social_progress_index' AND edition = 2026 AND profile = 'spi' "
        "AND rank IS NOT NULL ORDER BY rank"
    )
    assert ranks == [(place,) for place in range(1, 21)]


def test_the_tables_state_why_a_component_is_left_out(reduced: Sandbox) -> None:
    reasons = dict(reduced.query("SELECT id, missing_because FROM element WHERE missing_because IS NOT NULL"))
    assert set(reasons) == {"rights_and_voice"}
    for name in ("turnout", "stop_and_search", "electoral_registration"):
        assert f"{name}: Missing for Luton: {REASON}" in reasons["rights_and_voice"]
    assert "turnout_of_council: Missing here: local_elections has no embedded figures" in reasons["rights_and_voice"]
    outcomes = dict(
        reduced.query("SELECT rule, observed FROM check_result WHERE table_name = 'weight.rights_and_voice'")
    )
    assert outcomes["row_count"] == reasons["rights_and_voice"]
    assert reduced.query("SELECT table_name, rule FROM check_result WHERE outcome IN ('failed', 'errored')") == []
    row = reduced.query("SELECT rights_and_voice_score, opportunity_score FROM ward_overview WHERE level = 'ward'")
    assert {score for score, _ in row} == {None}
    assert None not in {score for _, score in row}


def test_explain_says_why_there_is_no_score(reduced: Sandbox) -> None:
    with open_question(reduced.store.database, reduced.contracts, "Barnfield", "rights_and_voice") as question:
        lines = [line.strip(" │├└─") for line in plain(show_score(explain(question), reduced.contracts))]
        assert lines[1] == "Rights and Voice rights_and_voice: no score"
        assert f"Turnout at the local election (%) turnout: Missing for Luton: {REASON}" in lines
        assert explain_interval(question).root.interval_origin[0].startswith("It has no score")
        with pytest.raises(UnknownNameError, match=r"^rights_and_voice has no score, so none has changed: "):
            explain_change(question)
    with open_question(reduced.store.database, reduced.contracts, "Barnfield", "opportunity") as question:
        assert [part.id for part in explain(question).root.children][-1] == "rights_and_voice"
    with open_question(reduced.store.database, reduced.contracts, "Barnfield", "theft") as question:
        lines = plain(show_score(explain(question), question.contracts))
        assert any("which no newer counts move" in line for line in lines)


def test_site_and_report_name_the_component_left_out(reduced: Sandbox) -> None:
    site = reduced.store.published / "site"
    for page in ("wards/barnfield.html", "quality.html", "measures/index.html"):
        text = (site / page).read_text(encoding="utf-8")
        assert "Rights and Voice has no score here" in text
        assert REASON in text
    assert not (site / "measures" / "rights_and_voice.html").exists()
    assert "Rights and Voice, which has no score here" in (site / "indicators" / "turnout.html").read_text("utf-8")
    assert "The eleven components beside its peers" in (site / "wards" / "barnfield.html").read_text("utf-8")
    assert (site / "report.pdf").read_bytes().startswith(b"%PDF-")


def plain(tree: Tree) -> list[str]:
    """The lines of a tree on a terminal wide enough for every sentence."""
    console = Console(width=500, file=io.StringIO())
    with console.capture() as captured:
        console.print(tree)
    return captured.get().splitlines()
