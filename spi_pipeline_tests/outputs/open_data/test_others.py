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
from spi_pipeline_tests.outputs.open_data.conftest import Opened

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
    told = yaml.safe_load(open(contract, encoding="utf-8"))
    told["servers"] = [{"server": "folder", "type": "local", "path": path, "format": "parquet"}]
    checks = DataContract(data_contract_str=yaml.safe_dump(told)).test().checks
    found[told["id"]] = [(getattr(each.result, "value", str(each.result)), each.reason or each.name) for each in checks]
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


def broken(opened: Opened, folder: Path, name: str, old: str, new: str) -> Path:
    """Copy the folder and replace a text in one of its files."""
    copy = Path(shutil.copytree(opened.folder, folder / "broken"))
    file = copy / opened.file(name).relative_to(opened.folder)
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


def test_frictionless_finds_no_error_in_the_data_package(opened: Opened) -> None:
    found = json.loads(run_program("frictionless", FRICTIONLESS, "datapackage.json", folder=opened.folder))
    assert found == {"tables": len(list(opened.folder.rglob("*.csv"))), "errors": []}


def test_frictionless_finds_what_is_wrong(opened: Opened, tmp_path: Path) -> None:
    folder = broken(opened, tmp_path, "area.csv", '"E05014735"', '"E05999999"')
    found = json.loads(run_program("frictionless", FRICTIONLESS, "datapackage.json", folder=folder))
    assert any(error.startswith("area: ") and "hash" in error for error in found["errors"])
    assert any(error.startswith("score: ") and "E05014735" in error for error in found["errors"])


def test_csvw_finds_no_error_in_the_metadata(opened: Opened) -> None:
    said = run_program("csvw", CSVW, "csv-metadata.json", folder=opened.folder).splitlines()
    assert said == ["True", str(len(list(opened.folder.rglob("*.csv"))))]


def test_csvw_finds_what_is_wrong(opened: Opened, tmp_path: Path) -> None:
    folder = broken(opened, tmp_path, "edition.csv", "2022", "year")
    valid, _, *said = run_program("csvw", CSVW, "csv-metadata.json", folder=folder).splitlines()
    assert valid == "False"
    assert any("year" in one for one in said)


def test_the_contract_cli_finds_no_table_that_breaks_its_contract(opened: Opened) -> None:
    contracts = opened.sandbox.contracts
    names = [name for name, product in contracts.products.items() if product.published]
    pairs = [path for name in names
             for path in (contracts.root / contracts.products[name].file, opened.file(f"{name}.parquet"))]  # fmt: skip
    found = json.loads(run_program("datacontract", DATACONTRACT, *pairs).splitlines()[-1])
    assert list(found) == names
    assert all(any(result == "passed" for result, _ in checks) for checks in found.values())
    wrong = {name: [said for result, said in checks if result != "passed" and said != UNTYPED]
             for name, checks in found.items()}  # fmt: skip
    assert {name: said for name, said in wrong.items() if said} == {}


def test_the_lowest_promised_duckdb_reads_every_table(opened: Opened) -> None:
    local, _ = blocks(opened.folder / "README.md", "sql")
    version, ranking, *counts = run_program("duckdb-lowest", DUCKDB, local, folder=opened.folder).splitlines()
    assert version == "1.2.0"
    assert ranking.count("(") == 20
    with duckdb.connect(str(opened.file("spi.duckdb")), read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()]
        wanted = {f"{name} {len(connection.sql(f'SELECT DISTINCT * FROM {name}').fetchall())}" for name in names}
    assert set(counts) == wanted


def test_the_readme_opens_them_in_python(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(opened.folder)
    [example] = blocks(opened.folder / "README.md", "python")
    first, second = example.rsplit("scores = ", 1)
    held: dict[str, pd.DataFrame] = {}
    exec(first, held)
    by_csv = held["scores"]
    exec(f"scores = {second}", held)
    # CSV has no dates: pandas reads them as text by default.
    by_parquet = held["scores"].assign(newest_period=held["scores"]["newest_period"].map(str, na_action="ignore"))
    pd.testing.assert_frame_equal(by_csv, by_parquet, check_dtype=False)


def test_r_reads_csv_and_parquet(opened: Opened) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("there is no Rscript: apt-get install r-base-core")
    by_csv, by_parquet = blocks(opened.folder / "README.md", "r")
    has_package = 'if (!requireNamespace("nanoparquet", quietly = TRUE)) quit(status = 3)'
    shown = "cat(nrow(scores), sum(scores$score, na.rm = TRUE), sum(is.na(scores$rank)), class(scores$rank))"

    def run(*lines: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [rscript, "--vanilla", "-e", "\n".join(lines)],
            cwd=opened.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    scores = pd.read_parquet(opened.file("score.parquet"))
    done = run(by_csv, shown)
    assert done.returncode == 0, done.stderr
    rows, total, missing, kind = done.stdout.split()
    assert (int(rows), int(missing), kind) == (len(scores), scores["rank"].isna().sum(), "integer")
    assert float(total) == pytest.approx(scores["score"].sum(), rel=1e-5)
    done = run(has_package, by_parquet, shown)
    if done.returncode == 3:
        pytest.skip("R read the CSV; its package nanoparquet, which reads Parquet, is not at hand")
    assert done.returncode == 0, done.stderr
    assert re.match(rf"{len(scores)} ", done.stdout)
