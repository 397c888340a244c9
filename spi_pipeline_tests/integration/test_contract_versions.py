"""A store written under another contract version: it is rebuilt with a message and never misread."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.versions import CONTRACT
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.result import StepResult
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

BUS = "sources/bus_service.yaml"
EDITION = "products/edition.yaml"
NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)


def version(sandbox: Sandbox, table: str) -> str:
    contracts = sandbox.contracts
    return {**contracts.sources, **contracts.products}[table].version


def raise_major(sandbox: Sandbox, file: str) -> tuple[str, str]:
    """Give a contract its next major version; return the old and the new version."""
    table = file.split("/")[1].removesuffix(".yaml")
    before = version(sandbox, table)
    sandbox.amend(file, f"version: {before}", f"version: {int(before[0]) + 1}.0.0")
    return before, version(sandbox, table)


def run(sandbox: Sandbox, label: str) -> list[StepResult]:
    (step,) = [step for step in build_plan(sandbox.contracts) if step.label == label]
    return sandbox.runner.run([step], "a run", NOW)


def test_every_table_records_the_version_it_was_written_under(refreshed: Sandbox) -> None:
    for name in refreshed.store.versions():
        assert refreshed.store.metadata(name)[CONTRACT] == version(refreshed, name.split(".")[0])


def test_a_last_good_version_of_another_major_version_is_not_used(sandbox: Sandbox) -> None:
    before, now = raise_major(sandbox, BUS)
    (outcome,) = run(sandbox, "source/bus_service")
    assert (outcome.state, outcome.version) == ("failed", None)
    # The embedded figures have the older major version too, so the table cannot be rebuilt from them.
    message = "table bus_service was written under version {} of its contract, and " + now + " is in force"
    assert f"{message.format(before)}: the two versions are incompatible; rebuild the snapshot" in outcome.message
    assert f"{message.format(before)}: the two versions are incompatible; run spi refresh" in outcome.message
    assert sandbox.store.current("bus_service") is not None, "it stays in the store, in case the contract is reverted"
    (reader,) = run(sandbox, "indicator/bus_service")
    assert message.format(before) in reader.message
    assert reader.state == "kept", "the indicator's own last good version is still valid"


def test_a_table_without_a_recorded_version_counts_as_the_first(sandbox: Sandbox) -> None:
    table = sandbox.store.read("bus_service")
    sandbox.store.write("bus_service", table, fingerprint="old", run_id="old")
    assert CONTRACT not in sandbox.store.metadata("bus_service")
    assert sandbox.runner.reader.table("bus_service").equals(table)
    raise_major(sandbox, BUS)
    with pytest.raises(SpiError, match=r"was written under version 1\.0\.0 of its contract"):
        sandbox.runner.reader.table("bus_service")


def test_a_new_column_is_null_until_the_table_is_rebuilt(sandbox: Sandbox) -> None:
    new = "      - {name: operator, logicalType: string, description: Operator,\n"
    new += "         customProperties: [{property: concept, value: category}]}\n"
    sandbox.amend(BUS, "    quality:\n", f"{new}    quality:\n")
    sandbox.amend(BUS, f"version: {version(sandbox, 'bus_service')}", "version: 1.9.0")
    assert sandbox.runner.reader.table("bus_service")["operator"].null_count == 609


def test_a_refresh_reports_tables_recomputed_for_another_version(sandbox: Sandbox, spi: Command) -> None:
    before, now = raise_major(sandbox, EDITION)
    result = spi(sandbox, "refresh", "--select", "basis")
    assert result.code == 0, result.err
    message = f"1 table was recomputed for another version of the contract: edition {before} (now {now})."
    assert message in result.out
    assert sandbox.store.metadata("edition")[CONTRACT] == now
    assert message not in spi(sandbox, "refresh", "--select", "basis").out


def test_a_refresh_sums_up_its_quality(sandbox: Sandbox, spi: Command) -> None:
    sandbox.amend(EDITION, "description: Digest of", "description: A digest of")
    report = json.loads(spi(sandbox, "refresh", "--select", "basis", "--json").out)
    # The rules of both tables of the basis, plus the rule "computed" for each.
    rules = sum(len(sandbox.contracts.products[name].rules) + 1 for name in ("indicator", "edition"))
    assert report["renewed"] == {}
    assert report["quality"] == {
        "tables": 2, "rules": rules, "passed": rules, "failed": 0, "errored": 0, "skipped": 0, "warnings": 0,
    }  # fmt: skip


def test_a_database_of_another_major_version_is_not_explained(sandbox: Sandbox, spi: Command) -> None:
    before, now = raise_major(sandbox, "products/score.yaml")
    result = spi(sandbox, "explain", "Farley", "housing")
    assert result.code == 1
    assert f"was published under version {before} of the contract of score, but version {now} is in force" in result.err


def test_a_database_that_lacks_a_new_column_is_not_explained(sandbox: Sandbox, spi: Command) -> None:
    before = version(sandbox, "score")
    new = "      - {name: mood, logicalType: string, description: How it feels}\n"
    sandbox.amend("products/score.yaml", "    quality:\n", f"{new}    quality:\n")
    sandbox.amend("products/score.yaml", f"version: {before}", f"version: {before[0]}.9.0")
    result = spi(sandbox, "explain", "Farley", "housing")
    assert result.code == 1
    lacking = f"and lacks mood, which version {before[0]}.9.0 has; run spi refresh"
    assert f"under version {before} of the contract of score {lacking}" in result.err


@pytest.mark.parametrize("arguments", [["refresh"], ["status"], ["check"]])
def test_a_store_of_a_newer_layout_is_left_alone(sandbox: Sandbox, spi: Command, arguments: list[str]) -> None:
    (sandbox.store.root / "layout").write_text("3\n")
    before = sorted((sandbox.store.root / "tables").rglob("*"))
    result = spi(sandbox, *arguments)
    assert result.code == 1
    assert f"The store {sandbox.store.root} has layout '3' of a newer version of this program" in result.err
    assert sorted((sandbox.store.root / "tables").rglob("*")) == before


def test_a_store_without_a_layout_number_counts_as_the_first(sandbox: Sandbox, spi: Command) -> None:
    (sandbox.store.root / "layout").unlink()
    assert spi(sandbox, "check").code == 0
