"""Table versions that broke a rule, stored with the reason for people to inspect; no computation reads them.

A version is named by its content, so a source that sends the same bad figures every night is stored once, and the
report next to it describes the last time.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from spi_pipeline.storage.atomic import read_bytes, write_bytes
from spi_pipeline.storage.documents import is_intact, read_document, write_document
from spi_pipeline.storage.parquet import encode


def file_away(
    folder: Path, table: pa.Table | None, *, reason: str, results: Sequence[Mapping[str, Any]], run_id: str
) -> Path:
    """Write the rejected version, if there is one, and its report into ``folder``; see ``Store.quarantine``."""
    data = encode(table) if table is not None else reason.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    if table is not None:
        write_bytes(folder / f"{sha256}.parquet", data)
    report = {
        "table": folder.name,
        "reason": reason,
        "run_id": run_id,
        "quarantined_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": table.num_rows if table is not None else None,
        # As JSON values, since failing rows may hold dates.
        "results": json.loads(json.dumps(list(results), default=str)),
    }
    path = folder / f"{sha256}.json"
    write_document(path, report)
    return path


def report_of(folder: Path, run_id: str) -> dict[str, Any] | None:
    """Return the report that a run filed in ``folder``, or None; see ``Store.quarantined``."""
    for path in folder.glob("*.json"):
        report = read_document(path)
        if report.get("run_id") == run_id:
            return report
    return None


def damage(folder: Path) -> list[str]:
    """Return a sentence on each damaged file in ``folder``."""
    remedy = "delete it, since nothing is computed from it."
    rows = [path for path in sorted(folder.glob("*.parquet"))
            if hashlib.sha256(read_bytes(path) or b"").hexdigest() != path.stem]  # fmt: skip
    reports = [path for path in sorted(folder.glob("*.json")) if not is_intact(path)]
    return [f"{path} does not hold what was written: {remedy}" for path in (*rows, *reports)]
