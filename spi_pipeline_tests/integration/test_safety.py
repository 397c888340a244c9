"""Safety on the embedded figures: counts move it, and it is compared with the official score, not fitted to it."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.snapshot.conftest import PUBLISHED

OFFICIAL = PUBLISHED / "imd" / "imd2025_england_lsoa21_national.parquet"
TOWN = "E06000032"


def slots(contracts: Contracts) -> list[str]:
    return [item.id for item in contracts.indicators_of("safety") if item.measure.level]


def test_six_slots_hold_the_eight_rates_and_no_count_moves_two(refreshed: Sandbox) -> None:
    anchored = [refreshed.contracts.indicators[name].measure for name in slots(refreshed.contracts)]
    assert len(anchored) == 6
    rates = [column for measure in anchored if measure.level for column in measure.level.columns]
    assert len(rates) == len(set(rates)) == 8
    counted = [kind for measure in anchored for kind in measure.where["crime_type"]]
    assert len(counted) == len(set(counted))


def test_the_town_moves_with_the_police_counts(refreshed: Sandbox) -> None:
    for name in slots(refreshed.contracts):
        rows = refreshed.query(
            "SELECT DISTINCT period_end, value, numerator FROM observation WHERE area_code = ? AND indicator_id = ? "
            "AND value IS NOT NULL ORDER BY period_end",
            TOWN,
            name,
        )
        assert len(rows) > 1
        _, first, counted = rows[0]
        for _, value, count in rows[1:]:
            assert value / first == pytest.approx(count / counted, rel=1e-3), name


def test_every_value_has_an_interval(refreshed: Sandbox) -> None:
    listed = ", ".join(f"'{name}'" for name in slots(refreshed.contracts))
    rows = refreshed.query(
        f"SELECT count(*), count(*) FILTER (lower < value AND value < upper) FROM observation "
        f"WHERE indicator_id IN ({listed}) AND value IS NOT NULL"
    )
    assert rows[0][0] == rows[0][1] > 100


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the official crime score is not next to this clone")
def test_the_correlation_with_the_official_crime_score_is_reported(refreshed: Sandbox) -> None:
    """The official score rises with crime, so a positive correlation is a fault; the correlation is printed."""
    official = pd.read_parquet(OFFICIAL).set_index("lsoa21_code")["Crime_score"]
    parts = pd.DataFrame(
        refreshed.query(
            "SELECT small_area_code, area_code, weight * residents FROM allocation "
            "WHERE geography = 'lsoa21' AND area_code LIKE 'E05%'"
        ),
        columns=["small_area", "ward", "residents"],
    )
    parts["score"] = parts["small_area"].map(official) * parts["residents"]
    sums = parts.groupby("ward")[["score", "residents"]].sum()
    ours = dict(
        refreshed.query(
            "SELECT area_code, score FROM score WHERE id = 'safety' AND profile = 'spi' AND area_code LIKE 'E05%' "
            "AND edition = (SELECT max(edition) FROM score)"
        )
    )
    both = pd.DataFrame({"official": sums["score"] / sums["residents"], "ours": pd.Series(ours)})
    assert len(both) == both["ours"].count() == 20
    for kind in ("pearson", "spearman"):
        correlation = both.corr(kind).loc["official", "ours"]
        print(f"Safety and the official crime score over {len(both)} wards, {kind}: {correlation:.2f}")
        assert -1 <= correlation < 0
