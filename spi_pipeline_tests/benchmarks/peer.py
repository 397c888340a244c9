"""The cost of Dagster itself: as many assets as the pipeline has, each with one check, that compute nothing.

    python -m spi_pipeline_tests.benchmarks.peer COUNT HOME

runs COUNT assets in one process on the instance in the folder HOME, which lacks this project's ``dagster.yaml``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg


def _asset(number: int) -> dg.AssetsDefinition:
    key = f"asset_{number}"

    @dg.multi_asset(name=key, specs=[dg.AssetSpec(key)], check_specs=[dg.AssetCheckSpec("nothing", asset=key)])
    def trivial() -> Iterator[dg.MaterializeResult[Any]]:
        passed = dg.AssetCheckResult(asset_key=key, check_name="nothing", passed=True)
        yield dg.MaterializeResult(asset_key=key, check_results=[passed])

    return trivial


def run(count: int, home: str) -> None:
    """Run ``count`` assets as one job on the instance in ``home``."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    jobs = [dg.define_asset_job("all", dg.AssetSelection.all())]
    definitions = dg.Definitions(
        assets=[_asset(number) for number in range(count)], jobs=jobs, executor=dg.in_process_executor
    )
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.from_config(home) as instance:
        definitions.resolve_job_def("all").execute_in_process(instance=instance, run_config=quiet)


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2])
