"""The outcome of every rule in every run is retained: after refusals, a rebuilt store and new contract columns."""

from __future__ import annotations

import json
import shutil

from spi_pipeline_tests.integration.sandboxes import Sandbox, column

CHECKS = "products/check_result.yaml"


def runs(sandbox: Sandbox) -> dict[str, int]:
    """The number of rule results that the database holds for each run."""
    return dict(sandbox.query("SELECT run_id, count(*) FROM check_result GROUP BY ALL"))  # type: ignore[arg-type]


def spoil(sandbox: Sandbox) -> None:
    """Replace the code of one ward with a code from before 2023."""
    sandbox.rewrite("local_elections_2023", lambda table: column(table, "area_code", lambda v: ["E05002193", *v[1:]]))


def test_a_refused_version_adds_its_results_to_the_earlier_ones(sandbox: Sandbox) -> None:
    before = runs(sandbox)
    spoil(sandbox)
    refused = sandbox.refresh("parliament", "published")
    assert refused.faults
    after = runs(sandbox)
    assert after == before | {refused.run_id: sum(len(outcome.results) for outcome in refused.outcomes)}
    ((outcome, rows),) = sandbox.query(
        "SELECT outcome, failing_rows FROM check_result "
        "WHERE run_id = ? AND table_name = 'local_elections_2023' AND rule = 'known_areas'",
        refused.run_id,
    )
    assert outcome == "failed"
    assert json.loads(rows) == [{"area_code": "E05002193"}]


def test_a_rebuilt_store_retains_the_results_of_earlier_runs(sandbox: Sandbox) -> None:
    before = runs(sandbox)
    for folder in ("tables", "published"):
        shutil.rmtree(sandbox.store.root / folder)
    (sandbox.store.root / "spi.duckdb").unlink()
    again = sandbox.refresh()
    assert not again.faults
    assert runs(sandbox) == before | {again.run_id: sum(len(outcome.results) for outcome in again.outcomes)}


def test_a_record_older_than_a_column_is_null_in_it(sandbox: Sandbox) -> None:
    before = runs(sandbox)
    new = "      - {name: asked_by, logicalType: string, description: Who asked}\n"
    sandbox.amend(CHECKS, "    quality:\n", f"{new}    quality:\n")
    assert not sandbox.refresh("published").faults
    assert runs(sandbox) == before
    assert sandbox.query("SELECT DISTINCT asked_by FROM check_result") == [(None,)]


def test_a_new_required_column_that_older_runs_lack_is_reported(sandbox: Sandbox) -> None:
    new = "      - {name: asked_by, logicalType: string, required: true, description: Who asked}\n"
    sandbox.amend(CHECKS, "    quality:\n", f"{new}    quality:\n")
    before = runs(sandbox)
    (fault,) = sandbox.refresh("published").faults
    message = "older rows of check_result have no asked_by, which products/check_result.yaml requires; make it optional"
    assert fault.startswith(message)
    assert runs(sandbox) == before, "readers still see the same"
