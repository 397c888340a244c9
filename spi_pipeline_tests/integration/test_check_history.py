"""The outcome of every rule in every run is retained: after refusals, a rebuilt store and new contract columns."""

from __future__ import annotations

import json
import shutil

from spi_pipeline_tests.integration.sandboxes import Sandbox, column

CHECKS = "products/check_result.yaml"


def runs(house: Sandbox) -> dict[str, int]:
    """The number of rule results that the database holds for each run."""
    return dict(house.query("SELECT run_id, count(*) FROM check_result GROUP BY ALL"))  # type: ignore[arg-type]


def spoil(house: Sandbox) -> None:
    """Replace the code of one ward with a code from before 2023."""
    house.rewrite("local_elections_2023", lambda table: column(table, "area_code", lambda v: ["E05002193", *v[1:]]))


def test_a_refused_version_leaves_its_results_beside_those_before(house: Sandbox) -> None:
    before = runs(house)
    spoil(house)
    refused = house.refresh("parliament", "published")
    assert refused.faults
    after = runs(house)
    assert after == before | {refused.run_id: sum(len(outcome.results) for outcome in refused.outcomes)}
    ((outcome, rows),) = house.query(
        "SELECT outcome, failing_rows FROM check_result "
        "WHERE run_id = ? AND table_name = 'local_elections_2023' AND rule = 'known_areas'",
        refused.run_id,
    )
    assert outcome == "failed"
    assert json.loads(rows) == [{"area_code": "E05002193"}]


def test_a_store_made_anew_keeps_what_earlier_runs_found(house: Sandbox) -> None:
    before = runs(house)
    for folder in ("tables", "published"):
        shutil.rmtree(house.store.root / folder)
    (house.store.root / "spi.duckdb").unlink()
    again = house.refresh()
    assert not again.faults
    assert runs(house) == before | {again.run_id: sum(len(outcome.results) for outcome in again.outcomes)}


def test_a_record_of_before_a_column_was_there_is_null_in_it(house: Sandbox) -> None:
    before = runs(house)
    new = "      - {name: asked_by, logicalType: string, description: Who asked}\n"
    house.amend(CHECKS, "    quality:\n", f"{new}    quality:\n")
    assert not house.refresh("published").faults
    assert runs(house) == before
    assert house.query("SELECT DISTINCT asked_by FROM check_result") == [(None,)]


def test_a_column_older_runs_did_not_record_and_none_may_lack_is_a_sentence(house: Sandbox) -> None:
    new = "      - {name: asked_by, logicalType: string, required: true, description: Who asked}\n"
    house.amend(CHECKS, "    quality:\n", f"{new}    quality:\n")
    before = runs(house)
    (fault,) = house.refresh("published").faults
    said = "older rows of check_result have no asked_by, which products/check_result.yaml requires; make it optional"
    assert fault.startswith(said)
    assert runs(house) == before, "readers see what they saw before"
