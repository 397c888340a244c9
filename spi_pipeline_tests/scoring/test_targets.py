"""Distance to targets and pace, on figures chosen for mental arithmetic."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.models.targets import Target
from spi_pipeline.scoring.targets import TARGET_COLUMNS, targets_of

TOWN, WARD, ELSEWHERE = "E06000099", "E05999991", "E05999992"
AREAS = {TOWN: TOWN, WARD: TOWN, ELSEWHERE: "E06000098"}


def figure(
    year: int, value: float, half: float | None = 0.5, status: str = "observed", area: str = WARD
) -> dict[str, Any]:
    return {
        "indicator_id": "crowding", "area_code": area, "period_start": dt.date(year, 1, 1), "status": status,
        "period_end": dt.date(year, 12, 31), "value": value, "lower": None if half is None else value - half,
        "upper": None if half is None else value + half,
    }  # fmt: skip


def target_row(
    figures: list[dict[str, Any]], value: float = 10.0, year: int = 2040, higher: bool = False
) -> dict[Any, Any]:
    target = Target(id="less", authority=TOWN, indicator="crowding", value=value, year=year, source="A plan")
    table = targets_of([target], pd.DataFrame(figures), AREAS, {"crowding": higher})
    assert list(table.columns) == TARGET_COLUMNS
    return table.set_index("area_code").loc[WARD].to_dict()


def test_distance_and_pace_by_hand() -> None:
    row = target_row([figure(2010, 40.0), figure(2020, 30.0), figure(2022, 1.0, status="carried")])
    assert (row["value"], row["distance"], row["earlier_value"]) == (30.0, -20.0, 40.0)
    assert row["pace"] == pytest.approx(-1.0, abs=1e-3)
    assert row["needed_a_year"] == pytest.approx(-1.0, abs=1e-3)
    # Both figures have a margin of half a point, ten years apart.
    assert row["pace_high"] - row["pace"] == pytest.approx(0.5 * 2**0.5 / 10, abs=1e-4)


@pytest.mark.parametrize(
    ("figures", "options", "verdict"),
    [
        ([figure(2010, 60.0), figure(2020, 30.0)], {}, "on_course"),
        ([figure(2010, 31.0), figure(2020, 30.0)], {}, "behind"),
        ([figure(2010, 20.0), figure(2020, 30.0)], {}, "behind"),
        ([figure(2010, 40.0), figure(2020, 30.0)], {}, "cannot_tell"),
        ([figure(2020, 30.0)], {}, "cannot_tell"),
        ([figure(2010, 60.0, None), figure(2020, 30.0, None)], {}, "cannot_tell"),
        ([], {}, "cannot_tell"),
        ([figure(2020, 10.0)], {}, "reached"),
        ([figure(2020, 8.0)], {}, "reached"),
        ([figure(2020, 8.0)], {"higher": True}, "cannot_tell"),
        ([figure(2020, 12.0)], {"higher": True}, "reached"),
        ([figure(2010, 1.0), figure(2020, 7.0)], {"higher": True}, "on_course"),
        ([figure(2010, 6.0), figure(2020, 7.0)], {"higher": True, "value": 30.0}, "behind"),
        ([figure(2010, 60.0), figure(2020, 30.0)], {"year": 2019}, "missed"),
    ],
)
def test_the_verdict_follows_from_figures_and_margins(
    figures: list[dict[str, Any]], options: dict[str, Any], verdict: str
) -> None:
    known = figures or [figure(2020, 30.0, area=ELSEWHERE)]
    assert target_row(known, **options)["verdict"] == verdict


def test_only_the_authority_and_its_wards_have_rows() -> None:
    target = Target(id="less", authority=TOWN, indicator="crowding", value=1, year=2040, source="A plan")
    both = [figure(2020, 5.0), figure(2020, 5.0, area=TOWN), figure(2020, 5.0, area=ELSEWHERE)]
    table = targets_of([target], pd.DataFrame(both), AREAS, {"crowding": False})
    assert list(table["area_code"]) == [WARD, TOWN]
    assert targets_of([], pd.DataFrame(both), AREAS, {}).empty
