"""An edit makes the same steps unsynced in Dagster's UI as ``spi status`` lists as due to be recomputed.

Dagster calls an asset unsynced when its code version differs from that of its last materialization, or when the data
version of an upstream asset has changed. No edit changes a table before a run, so every edit is checked by code version
alone. For some edits, Dagster's own resolver is checked as well.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.provenance import asset_key
from spi_pipeline.run import staleness
from spi_pipeline.run.due import code_versions, due
from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot.embedded import MANIFEST, manifest, snapshot_digests
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.run.edits import CACHES, Edit, amended, appended, replaced

CORRECTION = """\
corrections:
  - id: nobody_without_a_car
    where: {area_code: E01015693}
    column: none
    expected: 22
    value: 23
    reason: The table of 30 March gives another figure than the one before it.
    since: 2026-11-01
    status: reported
"""


def add_correction(sandbox: Sandbox, _source: Path) -> None:
    folder = sandbox.settings.contracts / "corrections"
    folder.mkdir()
    (folder / "census_car_availability.yaml").write_text(CORRECTION, encoding="utf-8")


def rewrite_table(sandbox: Sandbox, _source: Path) -> None:
    sandbox.rewrite("census_car_availability", lambda table: table, compression="gzip")


def set_later_date(sandbox: Sandbox, _source: Path) -> None:
    folder = sandbox.settings.snapshot
    (folder / MANIFEST).write_bytes(manifest(dt.date(2026, 11, 24), snapshot_digests(folder)))


def upgrade_library(_sandbox: Sandbox, _source: Path) -> None:
    """Does nothing: the test patches the versions of libraries itself."""


EDITS: dict[str, Edit] = {
    "a bound": amended("indicators/safety.yaml", "minimum: 0, maximum: 400}", "minimum: 0, maximum: 600}"),
    "a goalpost": amended("indicators/safety.yaml", "worst: 11", "worst: 12"),
    "a unit": amended("indicators/advanced_education.yaml", "unit: percent\n", "unit: ratio\n"),
    "a title": amended("indicators/safety.yaml", "title: Violence (", "title: Violent crime ("),
    "a rule of a source": amended(
        "sources/house_prices.yaml", "mustBeGreaterOrEqualTo: 1, severity: error",
        "mustBeGreaterOrEqualTo: 2, severity: error",
    ),
    "a licence": amended("sources/house_prices.yaml", "value: OGL", "value: OPL"),
    "a weight of the framework": amended("framework.yaml", "component: pca, dim", "component: equal, dim"),
    "a profile": amended("framework.yaml", "available: 0.5", "available: 0.6"),
    "the geography": amended("geography.yaml", "name: Barnfield,", "name: Barnfields,"),
    "the vocabulary": amended("vocabulary.yaml", "{title: people, ", "{title: persons, "),
    "a correction": add_correction,
    "a kind of rule": replaced("rules/kinds/between.py", "    def message(", "    def messages("),
    "a publisher": replaced("publishers/defra.py", "def fetch", "def fetch_it"),
    "a file of the engine": replaced("engine/aggregate/means.py", "def weighted(", "def weighted(*, edited=0, "),
    "a page": replaced("steps/pages/markdown.py", "LONGEST_CELL = 120", "LONGEST_CELL = 121"),
    "a file of alerts": replaced("alerts/folding.py", "def fold(", "def fold(*, edited=0, "),
    "a comment": appended("scoring/component.py", "\n# Read again.\n"),
    "the version of a library": upgrade_library,
    "the embedded figures": rewrite_table,
    "the day of the figures": set_later_date,
}  # fmt: skip
NOTHING = {"a publisher", "a page", "a file of alerts", "a comment"}
JUDGED_ONLY = {"a bound", "a rule of a source", "a kind of rule"}


def unsynced_in_dagster(sandbox: Sandbox) -> set[str]:
    """The steps that Dagster's own resolver calls unsynced."""
    graph = build_definitions(sandbox.settings, sandbox.runner).resolve_asset_graph()
    with open_instance(sandbox.store.dagster_home) as instance:
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        statuses = {key: resolver.get_status(key) for key in graph.get_all_asset_keys()}
    assert StaleStatus.MISSING not in statuses.values()
    return {step.label for step in build_plan(sandbox.contracts) if statuses[asset_key(step)] == StaleStatus.STALE}


def computed(sandbox: Sandbox) -> set[str]:
    """The steps that ``spi status`` lists as due, without those whose tables are only judged again."""
    return {step.label for step, again in due(build_plan(sandbox.contracts), sandbox.runner) if again}


def versions(sandbox: Sandbox) -> dict[str, str]:
    return {
        step.label: version for step, version in code_versions(build_plan(sandbox.contracts), sandbox.runner).items()
    }


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_makes_the_same_steps_unsynced_as_due(
    sandbox: Sandbox, source: Path, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = versions(sandbox)
    EDITS[edit](sandbox, source)
    if edit == "the version of a library":
        monkeypatch.setattr(staleness, "_versions", lambda names: dict.fromkeys(names, "99.9"))
    for cached in CACHES:
        cached.cache_clear()
    after = versions(sandbox)
    assert before.keys() == after.keys()
    unsynced = {label for label in after if after[label] != before[label]}
    assert unsynced == computed(sandbox)
    assert bool(unsynced) == (edit not in NOTHING)
    assert (unsynced == {"publication/outputs"}) == (edit in JUDGED_ONLY)


@pytest.mark.parametrize("edit", ["a goalpost", "a rule of a source", "the embedded figures", "a comment"])
def test_dagsters_resolver_agrees(sandbox: Sandbox, source: Path, edit: str) -> None:
    assert unsynced_in_dagster(sandbox) == set()
    EDITS[edit](sandbox, source)
    assert unsynced_in_dagster(sandbox) == computed(sandbox)
    assert bool(unsynced_in_dagster(sandbox)) == (edit != "a comment")
