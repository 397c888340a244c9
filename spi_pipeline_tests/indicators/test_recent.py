"""Recent months: counts, rates over twelve months with their intervals, and the signals of control charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.contracts.models.recent import Monthly
from spi_pipeline.engine.control_chart import control_charts, signal_limit
from spi_pipeline.engine.intervals import events_interval
from spi_pipeline.indicators.recent import COLUMNS, recent

NORTH, SOUTH = "E06000001", "E06000002"
WARDS = [f"E0500000{number}" for number in range(1, 6)]
AUTHORITY_OF = {**dict.fromkeys(WARDS[:4], NORTH), WARDS[4]: SOUTH}
RESIDENTS = pd.Series(dict.fromkeys(WARDS, 2000.0) | {NORTH: 8000.0, SOUTH: 2000.0})
CRIME = Monthly(id="crime", title="Crime", source="police", columns=["crimes"])
THEFT = Monthly(id="theft", title="Theft", source="police", columns=["crimes"], where={"kind": ["theft"]})


def months(first: str, count: int) -> list[str]:
    return [str(month) for month in pd.period_range(first, periods=count, freq="M")]


def counted(ward: str, known: Sequence[str], crimes: Sequence[int] | int, kind: str = "theft") -> pd.DataFrame:
    return pd.DataFrame({"month": known, "ward_code": ward, "kind": kind, "crimes": crimes})


def computed(rows: pd.DataFrame, *measures: Monthly) -> pd.DataFrame:
    table = recent(measures or (CRIME,), {"police": rows}, {"police": 1 / 3}, AUTHORITY_OF, RESIDENTS, 2)
    assert list(table.columns) == COLUMNS
    assert not table.duplicated(["measure_id", "area_code", "month"]).any()
    return table.set_index(["measure_id", "area_code", "month"]).sort_index()


def a_town(known: Sequence[str]) -> pd.DataFrame:
    """The northern wards, with some 60 thefts a month each."""
    drawn = np.random.default_rng(1).poisson(60, (4, len(known))).tolist()
    return pd.concat([counted(*each) for each in zip(WARDS, [known] * 4, drawn, strict=False)], ignore_index=True)


def test_counts_and_rates_match_the_rows() -> None:
    known = months("2022-01", 14)
    table = computed(pd.concat([a_town(known), counted(WARDS[0], known, 1, kind="arson")]), CRIME, THEFT)
    assert (table["count"]["crime"] - table["count"]["theft"]).groupby("area_code").sum()[WARDS[0]] == 14
    year = table.loc[("theft", WARDS[1]), "count"].iloc[2:].sum()
    assert table.loc[("theft", WARDS[1], "2023-02"), "rate_12_months"] == pytest.approx(year / 2)
    assert table.loc["crime", "rate_12_months"].notna().groupby("area_code").sum().to_dict() == dict.fromkeys(
        WARDS[:4], 3
    )


def test_the_interval_is_that_of_the_counts_divided_by_their_dispersion() -> None:
    known = months("2022-01", 12)
    table = computed(a_town(known)).loc["crime"]
    counts = table["count"].unstack("month").to_numpy(dtype=float)
    dispersion = control_charts(counts, first=1).dispersion[:, -1]
    ends = events_interval(pd.Series(counts.sum(axis=1) / dispersion), pd.Series(2 / dispersion))
    newest = table.xs("2022-12", level="month")
    np.testing.assert_allclose(newest[["lower", "upper"]], ends)
    assert newest["lower"].lt(newest["rate_12_months"]).all()
    assert newest["upper"].gt(newest["rate_12_months"]).all()


def test_a_ward_without_a_row_counts_zero_and_a_month_without_rows_is_left_out() -> None:
    known = months("2022-01", 20)
    rows = a_town(known)
    rows = rows[~((rows["ward_code"] == WARDS[2]) & (rows["month"] == "2022-03")) & (rows["month"] != "2022-07")]
    table = computed(rows).loc["crime"]
    assert table.loc[(WARDS[2], "2022-03"), "count"] == 0
    assert "2022-07" not in table.index.get_level_values("month")


def test_neither_rate_nor_chart_spans_a_gap() -> None:
    known = [*months("2019-01", 20), *months("2020-12", 14)]
    table = computed(a_town(known)).loc[("crime", WARDS[0])]
    rated, charted = table.index[table["rate_12_months"].notna()], table.index[table["signal"].notna()]
    assert list(rated) == [*months("2019-12", 9), *months("2021-11", 3)]
    assert list(charted) == [*months("2020-01", 8), *months("2021-12", 2)]


def test_a_month_published_in_part_has_no_row() -> None:
    known = months("2022-01", 24)
    rows = a_town(known)
    rows.loc[rows["month"] == "2023-12", "crimes"] = 9
    assert max(computed(rows).index.get_level_values("month")) == "2023-11"


def test_months_that_a_force_did_not_publish_are_missing_only_in_its_authority() -> None:
    rows = pd.concat([a_town(months("2022-01", 13)), counted(WARDS[4], months("2022-01", 3), 7)])
    newest = computed(rows).reset_index().groupby("area_code")["month"].max()
    assert newest.to_dict() == {**dict.fromkeys(WARDS[:4], "2023-01"), WARDS[4]: "2022-03"}


def test_a_signal_has_a_start_and_an_end() -> None:
    known = months("2020-01", 48)
    rows = a_town(known)
    own = (rows["ward_code"] == WARDS[1]) & rows["month"].between("2022-07", "2023-03")
    rows.loc[own, "crimes"] *= 2
    table = computed(rows).loc[("crime", WARDS[1])]
    risen = table[table["signal"] == "rise"]
    assert set(risen["signal_since"]) == {risen.index[0]}
    assert "2022-07" <= risen.index[0] <= "2022-12"
    assert table["signal"].iloc[-1] == "none"
    assert table.loc[table["signal"] != "rise", "signal_since"].isna().all()


def test_the_limit_depends_on_the_number_of_charts_of_the_authority() -> None:
    known = months("2021-01", 30)
    rows = a_town(known)
    own = rows["ward_code"] == WARDS[3]
    rows.loc[own, "crimes"] += np.linspace(0, 40, 30).astype(int)
    charts = control_charts(computed(rows).loc["crime", "count"].unstack("month").to_numpy(dtype=float), first=1)
    for measures in (1, 2, 6):
        alike = [CRIME.model_copy(update={"id": f"crime_{number}"}) for number in range(measures)]
        table = computed(rows, *alike).loc["crime_0", "signal"].unstack("month")
        expected = charts.signals(signal_limit(4 * measures, 2))
        assert (table.eq("rise").to_numpy() == (expected == 1)).all()
    assert (expected == 1).any()


def test_without_months_there_are_no_rows() -> None:
    assert computed(counted(WARDS[0], [], [])).empty
