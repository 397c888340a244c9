"""Third-party programs validate the folder, each in its own environment, which ``.ci/others`` creates."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from spi_pipeline_tests.docs.documents import blocks
from spi_pipeline_tests.others import run_program
from spi_pipeline_tests.outputs.open_data.conftest import OpenDataFolder

FRICTIONLESS = """
import json, sys
from frictionless import validate
report = validate(sys.argv[1])
errors = [f"{task.name}: {error.message}" for task in report.tasks for error in task.errors]
print(json.dumps({"tables": len(report.tasks), "errors": errors + [error.message for error in report.errors]}))
"""
CSVW = """
import sys
from csvw import CSVW
found = CSVW(sys.argv[1], validate=True)
print(found.is_valid, len(found.tables), *[str(one.message) for one in found.warnings], sep="\\n")
"""
DATACONTRACT = """
import json, sys, yaml
from datacontract.data_contract import DataContract
found = {}
for contract, path in zip(sys.argv[1::2], sys.argv[2::2]):
    spec = yaml.safe_load(open(contract, encoding="utf-8"))
    spec["servers"] = [{"server": "folder", "type": "local", "path": path, "format": "parquet"}]
    checks = DataContract(data_contract_str=yaml.safe_dump(spec)).test().checks
    found[spec["id"]] = [(getattr(each.result, "value", str(each.result)), each.reason or each.name) for each in checks]
print(json.dumps(found))
"""
# The message of the contract CLI for each column of a Parquet file.
UNTYPED = "Checking types in parquet files is not supported yet."
DUCKDB = """
import sys, duckdb
print(duckdb.__version__)
connection = duckdb.connect()
connection.execute(sys.argv[1])
print(connection.fetchall())
tables = "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'spi'"
for (name,) in connection.execute(tables).fetchall():
    # Every cell is read.
    print(name, connection.execute(f'SELECT count(*) FROM (SELECT DISTINCT * FROM spi."{name}")').fetchone()[0])
"""


def with_fault(open_data: OpenDataFolder, folder: Path, name: str, old: str, new: str) -> Path:
    """Copy the folder and replace a text in one of its files."""
    copy = Path(shutil.copytree(open_data.folder, folder / "broken"))
    file = copy / open_data.file(name).relative_to(open_data.folder)
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


def test_frictionless_finds_no_error_in_the_data_package(open_data: OpenDataFolder) -> None:
    report = json.loads(run_program("frictionless", FRICTIONLESS, "datapackage.json", folder=open_data.folder))
    assert report == {"tables": len(list(open_data.folder.rglob("*.csv"))), "errors": []}


def test_frictionless_finds_planted_faults(open_data: OpenDataFolder, tmp_path: Path) -> None:
    folder = with_fault(open_data, tmp_path, "area.csv", '"E05014735"', '"E05999999"')
    report = json.loads(run_program("frictionless", FRICTIONLESS, "datapackage.json", folder=folder))
    assert any(error.startswith("area: ") and "hash" in error for error in report["errors"])
    assert any(error.startswith("score: ") and "E05014735" in error for error in report["errors"])


def test_csvw_finds_no_error_in_the_metadata(open_data: OpenDataFolder) -> None:
    messages = run_program("csvw", CSVW, "csv-metadata.json", folder=open_data.folder).splitlines()
    assert messages == ["True", str(len(list(open_data.folder.rglob("*.csv"))))]


def test_csvw_finds_a_planted_fault(open_data: OpenDataFolder, tmp_path: Path) -> None:
    folder = with_fault(open_data, tmp_path, "edition.csv", "2022", "year")
    # The other tables are read above; reading them all takes half a minute.
    file = folder / "csv-metadata.json"
    metadata = json.loads(file.read_text("utf-8"))
    metadata["tables"] = [
        table for table in metadata["tables"] if Path(table["url"]).name == open_data.file("edition.csv").name
    ]
    file.write_text(json.dumps(metadata), encoding="utf-8")
    valid, _, *messages = run_program("csvw", CSVW, "csv-metadata.json", folder=folder).splitlines()
    assert valid == "False"
    assert any("year" in one for one in messages)


def test_the_contract_cli_finds_no_breach_of_a_contract(open_data: OpenDataFolder) -> None:
    contracts = open_data.sandbox.contracts
    names = [name for name, product in contracts.products.items() if product.published]
    files = {
        name: (contracts.root / contracts.products[name].file, open_data.file(f"{name}.parquet")) for name in names
    }
    pairs = [path for pair in files.values() for path in pair]
    report = json.loads(run_program("datacontract", DATACONTRACT, *pairs).splitlines()[-1])
    assert list(report) == names
    assert all(any(result == "passed" for result, _ in checks) for checks in report.values())
    failures = {name: [message for result, message in checks if result != "passed" and message != UNTYPED]
             for name, checks in report.items()}  # fmt: skip
    assert {name: messages for name, messages in failures.items() if messages} == {}


def test_the_lowest_supported_duckdb_reads_every_table(open_data: OpenDataFolder) -> None:
    local, _ = blocks(open_data.folder / "README.md", "sql")
    version, ranking, *counts = run_program("duckdb-lowest", DUCKDB, local, folder=open_data.folder).splitlines()
    assert version == "1.2.0"
    assert ranking.count("(") == 20
    with duckdb.connect(str(open_data.file("spi.duckdb")), read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()]
        expected = {f"{name} {len(connection.sql(f'SELECT DISTINCT * FROM {name}').fetchall())}" for name in names}
    assert set(counts) == expected


def test_the_examples_of_the_readme_open_the_tables_in_python(
    open_data: OpenDataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_data.folder)
    [example] = blocks(open_data.folder / "README.md", "python")
    first, second = example.rsplit("scores = ", 1)
    namespace: dict[str, pd.DataFrame] = {}
    exec(first, namespace)
    by_csv = namespace["scores"]
    exec(f"scores = {second}", namespace)
    # CSV has no dates: pandas reads them as text by default.
    by_parquet = namespace["scores"].assign(
        newest_period=namespace["scores"]["newest_period"].map(str, na_action="ignore")
    )
    pd.testing.assert_frame_equal(by_csv, by_parquet, check_dtype=False)


def test_the_examples_of_the_readme_open_the_tables_in_r(open_data: OpenDataFolder) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("there is no Rscript: apt-get install r-base-core")
    by_csv, by_parquet = blocks(open_data.folder / "README.md", "r")
    has_package = 'if (!requireNamespace("nanoparquet", quietly = TRUE)) quit(status = 3)'
    summary = "cat(nrow(scores), sum(scores$score, na.rm = TRUE), sum(is.na(scores$rank)), class(scores$rank))"

    def run(*lines: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [rscript, "--vanilla", "-e", "\n".join(lines)],
            cwd=open_data.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    scores = pd.read_parquet(open_data.file("score.parquet"))
    completed = run(by_csv, summary)
    assert completed.returncode == 0, completed.stderr
    rows, total, missing, kind = completed.stdout.split()
    assert (int(rows), int(missing), kind) == (len(scores), scores["rank"].isna().sum(), "integer")
    assert float(total) == pytest.approx(scores["score"].sum(), rel=1e-5)
    completed = run(has_package, by_parquet, summary)
    if completed.returncode == 3:
        pytest.skip("R read the CSV; its package nanoparquet, which reads Parquet, is not installed")
    assert completed.returncode == 0, completed.stderr
    assert re.match(rf"{len(scores)} ", completed.stdout)
