"""The day on which the newest figures of a table were published, derived from the records of its files."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from spi_pipeline.contracts.freshness import freshness
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.run.freshness import published
from spi_pipeline_tests.integration.sandboxes import CONTRACTS

ARCHIVE = {
    "period": "2020-08/2023-07",
    "published_at": "2023-09-05T15:53:27+00:00",
    "fetched_at": "2026-09-04T03:30:00",
}
JULY = {"period": "2026-07", "published_at": None, "fetched_at": "2026-09-04T03:31:00+00:00"}
# The same response, an empty list, for several months.
EMPTY = {"period": "2026-05, 2026-06", "published_at": None, "fetched_at": "2026-07-04T03:31:00+00:00"}
# An older month, fetched long after it was published.
BACKFILL = {"period": "2025-01", "published_at": None, "fetched_at": "2026-12-01T03:30:00+00:00"}
CENTROIDS = {"period": "LSOA_PopCentroids_EW_2021_V4", "published_at": None, "fetched_at": "2026-12-01T03:30:00+00:00"}


@pytest.mark.parametrize(
    ("origins", "day"),
    [
        ([ARCHIVE, JULY, EMPTY], "2026-09-04"),
        ([JULY, BACKFILL, ARCHIVE], "2026-09-04"),
        ([ARCHIVE], "2023-09-05"),
        ([EMPTY], "2026-07-04"),
        ([CENTROIDS, {"period": "2024", "published_at": "2025-10-30T09:30:00+00:00"}], "2025-10-30"),
        (
            [{"published_at": "2026-02-02T00:00:00Z"}, {"period": "", "fetched_at": "2026-02-05T00:00:00Z"}],
            "2026-02-05",
        ),
        ([{"period": "2024-04", "file": "embedded"}], None),
        ([], None),
    ],
    ids=[
        "first seen",
        "an old month does not count",
        "stated by the publisher",
        "several months",
        "no figures",
        "no period",
        "unknown",
        "none",
    ],
)
def test_publication_is_dated_by_the_publisher_or_when_first_seen(
    origins: list[dict[str, str | None]], day: str | None
) -> None:
    assert published(origins) == (dt.date.fromisoformat(day) if day else None)


def test_a_month_of_the_police_is_late_one_cycle_and_grace_after_it_was_first_seen() -> None:
    """Dated by its first day, July would arrive late: 4 September is 65 days after 1 July, and the limit is 62."""
    source = load_contracts(CONTRACTS).sources["street_crime"]
    live = replace(source, properties=source.properties.model_copy(update={"mode": "live"}))
    seen = published([ARCHIVE, JULY])
    outcomes = [freshness(live, seen, day).outcome for day in (dt.date(2026, 9, 16), dt.date(2026, 11, 6))]
    assert outcomes == ["passed", "failed"]
    assert freshness(live, dt.date(2026, 7, 1), dt.date(2026, 9, 16)).outcome == "failed"
