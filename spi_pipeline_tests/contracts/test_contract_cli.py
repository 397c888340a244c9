"""Every table contract is clean under ``datacontract lint``, the contract CLI of the ODCS ecosystem.

Its dependencies differ from ours, so it has a separate environment; CONTRIBUTING.md explains how to create it. One
process reads all contracts, since each start of the command takes most of a second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from spi_pipeline_tests.contracts.mutation import CONTRACTS
from spi_pipeline_tests.contracts.test_repository import TABLE_FILES
from spi_pipeline_tests.others import run_program

LINT = """
import json, sys
from datacontract.data_contract import DataContract
checks = {file: DataContract(data_contract_file=file).lint().checks for file in sys.argv[1:]}
print(json.dumps({file: [f"{c.result.value}: {c.reason or c.name}" for c in each] for file, each in checks.items()}))
"""


def linted(files: Sequence[Path]) -> dict[str, list[str]]:
    """The results of the CLI by file: each check with its result."""
    results: dict[str, list[str]] = json.loads(run_program("datacontract", LINT, *files).splitlines()[-1])
    return results


def test_every_contract_passes_the_linter() -> None:
    results = linted(TABLE_FILES)
    assert len(results) == len(TABLE_FILES)
    assert all(results.values()), "every file was checked"
    wrong = {file: [result for result in checks if not result.startswith("passed")] for file, checks in results.items()}
    assert {file: result for file, result in wrong.items() if result} == {}


def test_a_contract_that_breaks_the_standard_fails_the_linter(tmp_path: Path) -> None:
    text = (CONTRACTS / "sources" / "wards.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "wards.yaml"
    broken.write_text(text.replace("name:", "nme:", 1), encoding="utf-8")
    assert [result.split(":")[0] for result in linted([broken])[str(broken)]] == ["failed"]
