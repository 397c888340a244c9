"""Table versions that broke a rule, kept with the reason for people to look at; no computation reads them back.

A version is filed under its content, so a source that sends the same bad figures every night takes up one place, and
the report beside it tells of the last time.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from spi_pipeline.storage.atomic import read_bytes, write_bytes
from spi_pipeline.storage.parquet import encode


def file_away(
    folder: Path, table: pa.Table | None, *, reason: str, results: Sequence[Mapping[str, Any]], run_id: str
) -> Path:
    """Write the refused version, if there is one, and its report into ``folder``; see ``Store.quarantine``."""
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
        "results": list(results),
    }
    path = folder / f"{sha256}.json"
    write_bytes(path, json.dumps(report, indent=2, ensure_ascii=False, default=str).encode())
    return path


def report_of(folder: Path, run_id: str) -> dict[str, Any] | None:
    """Return the report a run filed in ``folder``, or None; see ``Store.quarantined``."""
    for path in folder.glob("*.json"):
        report: dict[str, Any] = json.loads(read_bytes(path) or b"{}")
        if report.get("run_id") == run_id:
            return report
    return None
