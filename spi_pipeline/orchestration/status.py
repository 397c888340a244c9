"""What ``spi status`` says: the state of the store, from outside any run."""

from __future__ import annotations

from typing import Any

from spi_pipeline.orchestration.activity import contracts_in_force
from spi_pipeline.orchestration.plan import build_plan
from spi_pipeline.orchestration.refresh import stale_steps
from spi_pipeline.orchestration.runner import Runner
from spi_pipeline.publish.database import reading, rows
from spi_pipeline.settings import Settings

LAST_RUNS = 5


def status_of(settings: Settings) -> dict[str, Any]:
    """The state of the store.

    Args:
        settings: where it is.

    Returns:
        ``store``, ``published`` (version), ``editions``, ``stale_steps`` (what a refresh would run), ``stale_tables``
        (last good versions kept because a newer one was refused) and ``runs``, newest first.
    """
    contracts = contracts_in_force(settings)
    runner = Runner(settings, contracts)
    store = runner.store
    editions: list[int] = []
    if store.database.exists():
        with reading(store.database) as connection:
            editions = [row["edition"] for row in rows(connection, "SELECT DISTINCT edition FROM edition ORDER BY 1")]
    recorded = store.read_runs("run")
    runs = sorted(recorded.to_pylist(), key=lambda row: row["run_at"], reverse=True) if recorded else []
    return {
        "store": str(store.root),
        "published": store.published_version(),
        "editions": editions,
        "stale_steps": [step.label for step in stale_steps(build_plan(contracts), runner)],
        "stale_tables": [
            {"table": version.name, "written_at": version.written_at, "since": version.stale_since,
             "reason": version.stale_reason}
            for version in store.versions().values()
            if version.stale_since
        ],
        "runs": [
            {"run_id": row["run_id"], "run_at": row["run_at"].isoformat(timespec="seconds"), "seconds": row["seconds"],
             "state": row["state"], "stale_steps": row["stale_steps"], "failed_checks": row["failed_checks"]}
            for row in runs[:LAST_RUNS]
        ],
    }  # fmt: skip
