"""The suites of ``spi contracts export`` run in a program that uses Great Expectations and none of our code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spi_pipeline.cli import main
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.snapshot.embedded import embedded_file
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, SNAPSHOT

PROGRAM = """
import json, os, sys
os.environ["GX_ANALYTICS_ENABLED"] = "false"
import great_expectations as gx
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
source = context.data_sources.add_pandas("parquet")
told = {}
for table, suite, file in json.loads(sys.argv[1]):
    suite = gx.ExpectationSuite(**json.loads(open(suite).read()))
    batch = source.add_parquet_asset(table, path=file).add_batch_definition("whole").get_batch()
    results = batch.validate(suite).results
    told[table] = [[r.expectation_config.meta["rule"], r.success] for r in results]
assert "spi_pipeline" not in sys.modules
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(CONTRACTS)


SOURCES = ("wards", "bus_service", "census_tenure", "local_elections_2023", "deprivation_2025")


def export(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["spi", "contracts", "export", "--to", "great-expectations", str(folder)])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code


def run(*tables: tuple[str, Path, Path]) -> dict[str, list[tuple[str, bool]]]:
    arguments = json.dumps([[name, str(suite), str(file)] for name, suite, file in tables])
    result = subprocess.run([sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    results: dict[str, list[tuple[str, bool]]] = json.loads(result.stdout.splitlines()[-1])
    return results


def test_suites_run_on_our_files_and_report_their_faults(
    tmp_path: Path, contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "suites", monkeypatch)
    tables = contracts.sources | contracts.products
    assert {file.stem for file in (tmp_path / "suites").iterdir()} == tables.keys()
    broken_file = tmp_path / "spoilt.parquet"
    rows = pq.read_table(embedded_file(SNAPSHOT, "bus_service"))
    pq.write_table(rows.slice(0, len(rows) - 1).drop_columns(["year"]), broken_file)
    suites = {name: tmp_path / "suites" / f"{name}.json" for name in tables}
    by_table = run(
        *((name, suites[name], embedded_file(SNAPSHOT, name)) for name in SOURCES),
        ("spoilt", suites["bus_service"], broken_file),
    )
    broken = {rule for rule, success in by_table.pop("spoilt") if not success}
    assert {"columns", "required"} <= broken
    for name, results in by_table.items():
        assert [rule for rule, success in results if not success] == [], name
        meta = json.loads(suites[name].read_text(encoding="utf-8"))["meta"]["not_exported"]
        rules = {rule.id: rule.kind for rule in contracts.sources[name].rules}
        assert {rule for rule, _ in results} | meta.keys() == rules.keys()
        assert {rules[rule] for rule, _ in results} >= {"columns", "required", "key"}
        assert all(reason.startswith(f"{rules[rule]}: ") for rule, reason in meta.items())


def test_great_expectations_reads_every_suite_completely(
    tmp_path: Path, contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    import great_expectations as gx

    export(tmp_path, monkeypatch)
    kinds = set()
    for name, table in (contracts.sources | contracts.products).items():
        written = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert len(gx.ExpectationSuite(**written).expectations) == len(written["expectations"]) > 0
        exported = {expectation["meta"]["rule"] for expectation in written["expectations"]}
        kinds |= {rule.kind for rule in table.rules if rule.id in exported}
    assert kinds >= {
        "columns",
        "required",
        "key",
        "in_set",
        "between",
        "pattern",
        "row_count",
        "not_constant",
        "null_share",
    }
    assert kinds < KINDS.keys()
