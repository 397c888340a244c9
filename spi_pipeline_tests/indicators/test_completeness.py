"""Completeness of months: whole, thin and missing ones, and how incidents without a place affect a trend."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.contracts.models.indicators import Window
from spi_pipeline.contracts.models.recent import Monthly
from spi_pipeline.indicators.completeness import COLUMNS, completeness
from spi_pipeline.indicators.recent import recent
from spi_pipeline.indicators.windows import whole_months, windows

WARD, OTHER, TOWN, COUNTY = "E05000001", "E05000002", "E06000001", "E06000002"
AUTHORITY_OF = {WARD: TOWN, OTHER: COUNTY}
THIN = 0.5


def months(first: str, count: int) -> list[str]:
    return [str(month) for month in pd.period_range(first, periods=count, freq="M")]


def rows(
    placed: dict[str, int], lost: dict[str, int] | None = None, elsewhere: dict[str, int] | None = None
) -> pd.DataFrame:
    """Crimes by month: in the ward, without a place, and elsewhere in the force."""
    parts = [
        (placed, True, WARD),
        (lost or {}, False, None),
        (elsewhere or {}, True, None),
    ]
    cells = [(month, crimes, place, place, ward) for counts, place, ward in parts for month, crimes in counts.items()]
    return pd.DataFrame(cells, columns=["month", "crimes", "has_place", "has_area", "ward_code"])


def months_of_town(table: pd.DataFrame) -> pd.DataFrame:
    frame = completeness("police", table, ["crimes"], AUTHORITY_OF, THIN)
    assert list(frame.columns) == COLUMNS
    return frame[frame["area_code"] == TOWN].set_index("month")


def test_a_month_is_whole_thin_or_missing() -> None:
    counts = dict.fromkeys(months("2023-01", 24), 200) | {"2023-06": 99, "2023-07": 100}
    del counts["2023-09"]
    frame = months_of_town(rows(counts))
    assert frame["state"].drop(["2023-06", "2023-09"]).eq("whole").all()
    assert frame.loc[["2023-06", "2023-09"], "state"].tolist() == ["thin", "missing"]
    assert frame.loc[["2023-06", "2023-07"], "share_of_usual"].tolist() == [0.495, 0.5]
    assert frame.loc["2023-09", ["incidents", "without_place", "usual"]].isna().all()
    assert frame["change_12_months"].isna().all(), "every year has a thin or missing month"


def test_an_authority_without_a_single_incident_has_only_missing_months() -> None:
    frame = completeness("police", rows(dict.fromkeys(months("2023-01", 3), 5)), ["crimes"], AUTHORITY_OF, THIN)
    assert frame.groupby("area_code")["state"].unique().map(list).to_dict() == {TOWN: ["whole"], COUNTY: ["missing"]}


def test_a_thin_month_is_in_no_window_and_restarts_the_chart() -> None:
    counts = dict.fromkeys(months("2022-01", 36), 200) | {"2023-06": 90}
    table = rows(counts)
    whole = whole_months(table, ["crimes"], AUTHORITY_OF, THIN)
    assert [str(each.months[-1]) for each in windows(whole, Window(months=12))] == ["2022-12", "2024-12"]
    measure = Monthly(id="crime", title="Crime", source="police", columns=["crimes"])
    shown = recent([measure], {"police": table}, {"police": THIN}, AUTHORITY_OF, pd.Series({WARD: 1000.0}), 2)
    shown = shown.set_index("month")
    assert "2023-06" not in shown.index
    assert shown.loc["2023-05", "rate_12_months"] == 2400
    assert pd.isna(shown.loc["2024-05", "rate_12_months"]), "eleven months after the thin one"
    assert shown.loc["2024-06", "rate_12_months"] == 2400


def test_few_incidents_have_no_share_of_the_usual_number() -> None:
    frame = months_of_town(rows(dict.fromkeys(months("2023-01", 6), 20) | {"2023-06": 1}))
    assert frame["share_of_usual"].isna().all()
    assert frame["state"].eq("whole").all()


def test_incidents_without_a_place_are_spread_over_authorities_and_can_reverse_a_trend() -> None:
    first, second = months("2022-01", 12), months("2023-01", 12)
    placed = dict.fromkeys(first, 100) | dict.fromkeys(second, 98)
    lost = dict.fromkeys(first, 8) | dict.fromkeys(second, 40)
    elsewhere = dict.fromkeys(first, 300) | dict.fromkeys(second, 294)
    frame = months_of_town(rows(placed, lost, elsewhere))
    assert frame.loc["2022-03", "without_place_here"] == 2
    assert frame.loc["2022-03", "share_without_place"] == pytest.approx(2 / 102)
    assert frame.loc["2023-12", "change_12_months"] == pytest.approx(-2)
    assert frame.loc["2023-12", "change_12_months_spread"] == pytest.approx(100 * (108 / 102 - 1))


def test_without_the_whole_force_an_authority_keeps_its_share_of_the_last_whole_month() -> None:
    known = months("2023-01", 2)
    table = rows(dict.fromkeys(known, 100), dict.fromkeys(known, 8), {"2023-01": 300})
    table.loc[(table["month"] == "2023-02") & table["ward_code"].notna(), "has_area"] = False
    assert months_of_town(table)["without_place_here"].tolist() == [2, 2]


def test_without_any_month_of_the_whole_force_the_share_of_an_authority_is_unknown() -> None:
    counted = months("2022-01", 24)
    table = rows(dict.fromkeys(counted, 100), dict.fromkeys(counted, 8), dict.fromkeys(counted, 300))
    table["has_area"] = False
    frame = months_of_town(table)
    assert frame["change_12_months"].notna().sum() == 1
    assert frame[["without_place_here", "share_without_place", "change_12_months_spread"]].isna().all(axis=None)
