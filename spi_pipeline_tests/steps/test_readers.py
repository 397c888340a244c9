"""Records of runs as they are published to readers."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.inputs import RECORDS
from spi_pipeline.steps.outputs.readers import rows_of
from spi_pipeline_tests.steps.examples import given


def test_quoted_places_are_removed_from_published_records(contracts: Contracts) -> None:
    quoted = "calls.csv, row 12, column A (Where): 'LU1 2AB' is no code of an LSOA; nor is 51.87870, -0.42001"
    recorded = pa.table({"observed": [quoted, "KS403EW, 51.8787 to 60.1", None], "failing_rows": [1, 2, 3]})
    step = replace(build_plan(contracts)[-1], inputs=(f"{RECORDS}check_result",))
    published = rows_of("check_result", step, contracts, given({f"{RECORDS}check_result": recorded}))
    assert published.to_pydict() == {
        "observed": [
            "calls.csv, row 12, column A (Where): '[a place]' is no code of an LSOA; nor is [a place]",
            "KS403EW, 51.8787 to 60.1", None,
        ],
        "failing_rows": [1, 2, 3],
    }  # fmt: skip
